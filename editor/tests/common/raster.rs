//! Draws egui's meshes on the CPU: no driver, no display, and the same picture on every machine.
//!
//! What a graphics card does with them, as simply as it can be said: for each pixel centre inside a
//! triangle, colour times texture, both with premultiplied alpha in gamma space, over what is there.

use std::collections::HashMap;

use egui::epaint::{ClippedPrimitive, ImageData, ImageDelta, Mesh, Primitive, Vertex};
use egui::{Color32, Context, FullOutput, Rect, TextureId, TexturesDelta};
use egui_kittest::TestRenderer;
use image::RgbaImage;

/// A texture's size and its pixels, row by row.
struct Texture {
    size: [usize; 2],
    pixels: Vec<Color32>,
}

/// The renderer with its textures.
#[derive(Default)]
pub struct Raster {
    textures: HashMap<TextureId, Texture>,
}

impl Raster {
    fn update(&mut self, id: TextureId, delta: &ImageDelta) {
        let ImageData::Color(image) = &delta.image;
        let Some([left, top]) = delta.pos else {
            let texture = Texture { size: image.size, pixels: image.pixels.clone() };
            self.textures.insert(id, texture);
            return;
        };
        let texture = self.textures.get_mut(&id).expect("a part of a texture that is there");
        for (row, pixels) in image.pixels.chunks(image.size[0]).enumerate() {
            let begin = (top + row) * texture.size[0] + left;
            texture.pixels[begin..begin + pixels.len()].copy_from_slice(pixels);
        }
    }

    /// All primitives, in order, onto black.
    pub fn paint(&self, primitives: &[ClippedPrimitive], size: [u32; 2], scale: f32) -> RgbaImage {
        let mut canvas = Canvas {
            width: size[0] as usize,
            height: size[1] as usize,
            pixels: vec![[0.0, 0.0, 0.0, 255.0]; (size[0] * size[1]) as usize],
        };
        for ClippedPrimitive { clip_rect, primitive } in primitives {
            if let Primitive::Mesh(mesh) = primitive
                && let Some(texture) = self.textures.get(&mesh.texture_id)
            {
                canvas.mesh(mesh, texture, *clip_rect * scale, scale);
            }
        }
        let bytes = canvas.pixels.iter().flat_map(|pixel| pixel.map(|value| (value + 0.5) as u8));
        RgbaImage::from_raw(size[0], size[1], bytes.collect()).expect("four bytes a pixel")
    }
}

impl TestRenderer for Raster {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        for (id, images) in delta.set.drain() {
            for image in images {
                self.update(id, &image);
            }
        }
        for id in delta.free.drain() {
            self.textures.remove(&id);
        }
    }

    fn render(&mut self, context: &Context, output: &FullOutput) -> Result<RgbaImage, String> {
        let scale = context.pixels_per_point();
        let size = context.content_rect().size() * scale;
        let primitives = context.tessellate(output.shapes.clone(), scale);
        Ok(self.paint(&primitives, [size.x.round() as u32, size.y.round() as u32], scale))
    }
}

struct Canvas {
    width: usize,
    height: usize,
    /// Red, green, blue, alpha; 0 to 255.
    pixels: Vec<[f32; 4]>,
}

impl Canvas {
    fn mesh(&mut self, mesh: &Mesh, texture: &Texture, clip: Rect, scale: f32) {
        for corners in mesh.indices.chunks_exact(3) {
            let mut corners = [0, 1, 2].map(|index| {
                let vertex = mesh.vertices[corners[index] as usize];
                Vertex { pos: (vertex.pos.to_vec2() * scale).to_pos2(), ..vertex }
            });
            if cross(&corners[0], &corners[1], corners[2].pos) < 0.0 {
                corners.swap(1, 2);
            }
            self.triangle(&corners, texture, clip);
        }
    }

    fn triangle(&mut self, corners: &[Vertex; 3], texture: &Texture, clip: Rect) {
        let area = cross(&corners[0], &corners[1], corners[2].pos);
        if area <= 0.0 {
            return;
        }
        let bounds = Rect::from_points(&corners.map(|corner| corner.pos)).intersect(clip);
        let range = |from: f32, to: f32, end: usize| {
            let last = ((to - 0.5).ceil().max(0.0) as usize).min(end);
            ((from - 0.5).ceil().max(0.0) as usize).min(last)..last
        };
        let (columns, rows) = (
            range(bounds.left(), bounds.right(), self.width),
            range(bounds.top(), bounds.bottom(), self.height),
        );
        for y in rows {
            for x in columns.clone() {
                let at = egui::pos2(x as f32 + 0.5, y as f32 + 0.5);
                let weights = [(1, 2), (2, 0), (0, 1)].map(|(from, to)| {
                    let (from, to) = (&corners[from], &corners[to]);
                    let side = cross(from, to, at);
                    // A pixel on an edge belongs to one of the two triangles that share it.
                    let edge = to.pos - from.pos;
                    let is_owner = edge.y < 0.0 || (edge.y == 0.0 && edge.x > 0.0);
                    if side > 0.0 || (side == 0.0 && is_owner) { side / area } else { -1.0 }
                });
                if weights.iter().all(|weight| *weight >= 0.0) {
                    self.blend(x, y, shade(corners, weights, texture));
                }
            }
        }
    }

    fn blend(&mut self, x: usize, y: usize, source: [f32; 4]) {
        let pixel = &mut self.pixels[y * self.width + x];
        let keep = 1.0 - source[3] / 255.0;
        for (old, new) in pixel.iter_mut().zip(source) {
            *old = (new + *old * keep).clamp(0.0, 255.0);
        }
    }
}

/// Twice the area of the triangle of an edge and a point.
fn cross(from: &Vertex, to: &Vertex, at: egui::Pos2) -> f32 {
    let (edge, way) = (to.pos - from.pos, at - from.pos);
    edge.x * way.y - edge.y * way.x
}

fn shade(corners: &[Vertex; 3], weights: [f32; 3], texture: &Texture) -> [f32; 4] {
    let mut colour = [0.0; 4];
    let mut place = egui::Vec2::ZERO;
    for (corner, weight) in corners.iter().zip(weights) {
        place += weight * corner.uv.to_vec2();
        for (sum, value) in colour.iter_mut().zip(corner.color.to_array()) {
            *sum += weight * f32::from(value);
        }
    }
    let texel = sample(texture, place);
    std::array::from_fn(|index| colour[index] * texel[index] / 255.0)
}

/// Between the four nearest texels, the outermost going on outside.
fn sample(texture: &Texture, place: egui::Vec2) -> [f32; 4] {
    let split = |place: f32, size: usize| {
        let at = (place * size as f32 - 0.5).clamp(0.0, size as f32 - 1.0);
        let first = at.floor();
        (first as usize, (first as usize + 1).min(size - 1), at - first)
    };
    let (left, right, across) = split(place.x, texture.size[0]);
    let (top, bottom, down) = split(place.y, texture.size[1]);
    let texel = |x: usize, y: usize| texture.pixels[y * texture.size[0] + x].to_array();
    let (a, b) = (texel(left, top), texel(right, top));
    let (c, d) = (texel(left, bottom), texel(right, bottom));
    std::array::from_fn(|index| {
        let mix =
            |from: u8, to: u8, share: f32| f32::from(from) * (1.0 - share) + f32::from(to) * share;
        mix(a[index], b[index], across) * (1.0 - down) + mix(c[index], d[index], across) * down
    })
}
