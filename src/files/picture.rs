//! A picture in memory: rectangles, small capital letters, PNG.

/// Pixels of a font dot.
const DOT_PX: usize = 2;
/// Width of a letter with the gap behind it.
pub(super) const LETTER_PX: usize = 4 * DOT_PX;
/// Height of a letter.
pub(super) const LINE_PX: usize = 5 * DOT_PX;

/// Letters of 3 x 5 dots, five rows of three bits each from the top.
const FONT: [(char, [u8; 5]); 41] = [
    ('0', [7, 5, 5, 5, 7]),
    ('1', [2, 6, 2, 2, 7]),
    ('2', [7, 1, 7, 4, 7]),
    ('3', [7, 1, 3, 1, 7]),
    ('4', [5, 5, 7, 1, 1]),
    ('5', [7, 4, 7, 1, 7]),
    ('6', [7, 4, 7, 5, 7]),
    ('7', [7, 1, 2, 2, 2]),
    ('8', [7, 5, 7, 5, 7]),
    ('9', [7, 5, 7, 1, 7]),
    ('A', [2, 5, 7, 5, 5]),
    ('B', [6, 5, 6, 5, 6]),
    ('C', [3, 4, 4, 4, 3]),
    ('D', [6, 5, 5, 5, 6]),
    ('E', [7, 4, 6, 4, 7]),
    ('F', [7, 4, 6, 4, 4]),
    ('G', [3, 4, 5, 5, 3]),
    ('H', [5, 5, 7, 5, 5]),
    ('I', [7, 2, 2, 2, 7]),
    ('J', [1, 1, 1, 5, 2]),
    ('K', [5, 5, 6, 5, 5]),
    ('L', [4, 4, 4, 4, 7]),
    ('M', [5, 7, 7, 5, 5]),
    ('N', [6, 5, 5, 5, 5]),
    ('O', [2, 5, 5, 5, 2]),
    ('P', [6, 5, 6, 4, 4]),
    ('Q', [2, 5, 5, 6, 3]),
    ('R', [6, 5, 6, 5, 5]),
    ('S', [3, 4, 2, 1, 6]),
    ('T', [7, 2, 2, 2, 2]),
    ('U', [5, 5, 5, 5, 7]),
    ('V', [5, 5, 5, 5, 2]),
    ('W', [5, 5, 7, 7, 5]),
    ('X', [5, 5, 2, 5, 5]),
    ('Y', [5, 5, 2, 2, 2]),
    ('Z', [7, 1, 2, 4, 7]),
    ('-', [0, 0, 7, 0, 0]),
    ('.', [0, 0, 0, 0, 2]),
    (':', [0, 2, 0, 2, 0]),
    ('/', [1, 1, 2, 4, 4]),
    ('_', [0, 0, 0, 0, 7]),
];

/// Rows of RGB pixels from the top.
pub(super) struct Picture {
    width_px: usize,
    height_px: usize,
    rgb: Vec<u8>,
}

impl Picture {
    pub(super) fn new(width_px: usize, height_px: usize, colour: [u8; 3]) -> Self {
        Self { width_px, height_px, rgb: colour.repeat(width_px * height_px) }
    }

    /// Sets one pixel; outside the picture nothing happens.
    pub(super) fn set(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        if x < self.width_px && y < self.height_px {
            let at = 3 * (y * self.width_px + x);
            self.rgb[at..at + 3].copy_from_slice(&colour);
        }
    }

    pub(super) fn fill(
        &mut self,
        (x, y): (usize, usize),
        (width_px, height_px): (usize, usize),
        colour: [u8; 3],
    ) {
        for row in y..y + height_px {
            for column in x..x + width_px {
                self.set(column, row, colour);
            }
        }
    }

    /// Writes small capitals with their upper left corner at (x, y); letters that the font lacks
    /// leave a gap.
    pub(super) fn text(&mut self, text: &str, (x, y): (usize, usize), colour: [u8; 3]) {
        for (index, letter) in text.chars().enumerate() {
            let letter = letter.to_ascii_uppercase();
            let Some((_, rows)) = FONT.iter().find(|(known, _)| *known == letter) else {
                continue;
            };
            for (row, bits) in rows.iter().enumerate() {
                for column in (0..3).filter(|column| bits >> (2 - column) & 1 == 1) {
                    let corner = (x + index * LETTER_PX + column * DOT_PX, y + row * DOT_PX);
                    self.fill(corner, (DOT_PX, DOT_PX), colour);
                }
            }
        }
    }

    /// Width of a text in pixels.
    pub(super) fn text_width_px(text: &str) -> usize {
        text.chars().count() * LETTER_PX
    }

    /// The picture as PNG.
    pub(super) fn to_png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut bytes = Vec::new();
        let mut encoder =
            png::Encoder::new(&mut bytes, self.width_px as u32, self.height_px as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.rgb)?;
        writer.finish()?;
        Ok(bytes)
    }

    #[cfg(test)]
    pub(super) fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let at = 3 * (y * self.width_px + x);
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_picture_decodes_to_the_same_pixels() {
        let mut picture = Picture::new(40, 20, [1, 2, 3]);
        picture.fill((5, 5), (3, 2), [250, 0, 9]);
        picture.text("-9 k", (10, 2), [255, 255, 255]);
        let png = picture.to_png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, picture.rgb);
        assert_eq!(picture.pixel(6, 6), [250, 0, 9]);
    }

    #[test]
    fn drawing_outside_the_picture_is_harmless() {
        let mut picture = Picture::new(4, 4, [0; 3]);
        picture.text("WIDE", (2, 2), [9; 3]);
        picture.fill((3, 3), (10, 10), [7; 3]);
        assert_eq!(picture.pixel(3, 3), [7; 3]);
    }
}
