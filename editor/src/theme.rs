//! Colours and type.
//!
//! The stems' colours are one table for buttons, meters and spectrogram. They are Okabe and Ito's
//! ("Color Universal Design", 2008), without the two that are too dark for a dark window; the tests
//! hold them apart for the three kinds of colour blindness.

use egui::{Color32, Context, FontData, FontDefinitions, FontFamily, FontId, Stroke};
use soloist::model::Instrument;

/// Dark or light.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// Light on dark.
    #[default]
    Dark,
    /// Dark on light.
    Light,
}

impl Theme {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Dark,
        }
    }

    /// In lower case, as it is kept.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
        }
    }

    /// From its name; anything else is the default.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        if name == Self::Light.name() { Self::Light } else { Self::Dark }
    }
}

/// Colour of a stem, the same in both themes.
#[must_use]
pub const fn stem_colour(instrument: Instrument) -> Color32 {
    match instrument {
        Instrument::Vocals => Color32::from_rgb(0xE6, 0x9F, 0x00),
        Instrument::Drums => Color32::from_rgb(0x56, 0xB4, 0xE9),
        Instrument::Bass => Color32::from_rgb(0x00, 0x9E, 0x73),
        Instrument::Guitar => Color32::from_rgb(0xD5, 0x5E, 0x00),
        Instrument::Piano => Color32::from_rgb(0xF0, 0xE4, 0x42),
        Instrument::Other => Color32::from_rgb(0xCC, 0x79, 0xA7),
    }
}

/// What is written on a stem's colour.
pub const ON_STEM: Color32 = Color32::from_rgb(0x10, 0x12, 0x16);

/// Colours of everything else.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    /// Behind everything.
    pub back: Color32,
    /// Groups of controls.
    pub panel: Color32,
    /// What can be pressed.
    pub raised: Color32,
    /// The same under the pointer.
    pub hovered: Color32,
    /// Lines, and tracks of sliders.
    pub line: Color32,
    /// Text.
    pub text: Color32,
    /// Text that steps back.
    pub weak: Color32,
    /// What is chosen and belongs to no stem.
    pub accent: Color32,
    /// What is written on it.
    pub on_accent: Color32,
    /// Something needs care.
    pub warning: Color32,
    /// Something is broken.
    pub error: Color32,
    /// All is well.
    pub good: Color32,
}

/// Colours of a theme.
#[must_use]
pub const fn palette(theme: Theme) -> Palette {
    match theme {
        Theme::Dark => Palette {
            back: Color32::from_rgb(0x14, 0x16, 0x1B),
            panel: Color32::from_rgb(0x1D, 0x20, 0x27),
            raised: Color32::from_rgb(0x2A, 0x2E, 0x38),
            hovered: Color32::from_rgb(0x36, 0x3B, 0x47),
            line: Color32::from_rgb(0x3D, 0x43, 0x50),
            text: Color32::from_rgb(0xF0, 0xF2, 0xF5),
            weak: Color32::from_rgb(0xA6, 0xAE, 0xBC),
            accent: Color32::from_rgb(0xC9, 0xD6, 0xEA),
            on_accent: Color32::from_rgb(0x14, 0x16, 0x1B),
            warning: Color32::from_rgb(0xFF, 0xC2, 0x4D),
            error: Color32::from_rgb(0xFF, 0x7A, 0x6B),
            good: Color32::from_rgb(0x6F, 0xD0, 0xA4),
        },
        Theme::Light => Palette {
            back: Color32::from_rgb(0xE9, 0xEB, 0xEF),
            panel: Color32::from_rgb(0xF9, 0xFA, 0xFB),
            raised: Color32::from_rgb(0xE3, 0xE6, 0xEC),
            hovered: Color32::from_rgb(0xD5, 0xDA, 0xE3),
            line: Color32::from_rgb(0xB9, 0xC0, 0xCC),
            text: Color32::from_rgb(0x14, 0x17, 0x1D),
            weak: Color32::from_rgb(0x50, 0x58, 0x66),
            accent: Color32::from_rgb(0x2E, 0x3A, 0x4F),
            on_accent: Color32::from_rgb(0xFF, 0xFF, 0xFF),
            warning: Color32::from_rgb(0x8F, 0x5B, 0x00),
            error: Color32::from_rgb(0xB3, 0x26, 0x1E),
            good: Color32::from_rgb(0x0B, 0x6E, 0x4F),
        },
    }
}

/// Type for reading.
#[must_use]
pub fn plain(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// Type for names and numbers that are looked for.
#[must_use]
pub fn strong(size: f32) -> FontId {
    FontId::new(size, strong_family())
}

fn strong_family() -> FontFamily {
    FontFamily::Name("strong".into())
}

/// Loads the fonts. Once for each window.
pub fn install_fonts(context: &Context) {
    context.set_fonts(fonts());
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let mut add = |name: &str, bytes: &'static [u8]| {
        fonts.font_data.insert(name.to_owned(), FontData::from_static(bytes).into());
    };
    add("medium", include_bytes!("../fonts/Inter-Medium.otf"));
    add("semibold", include_bytes!("../fonts/Inter-SemiBold.otf"));
    let others = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let with = |first: &str| [vec![first.to_owned()], others.clone()].concat();
    fonts.families.insert(FontFamily::Proportional, with("medium"));
    fonts.families.insert(strong_family(), with("semibold"));
    fonts
}

/// Gives egui's own widgets (text fields, menus, tooltips, scroll bars) the theme's looks.
pub fn apply(context: &Context, theme: Theme) {
    let egui_theme = match theme {
        Theme::Dark => egui::Theme::Dark,
        Theme::Light => egui::Theme::Light,
    };
    context.set_theme(egui_theme);
    let palette = palette(theme);
    context.style_mut_of(egui_theme, |style| {
        let visuals = &mut style.visuals;
        visuals.override_text_color = Some(palette.text);
        visuals.weak_text_color = Some(palette.weak);
        visuals.panel_fill = palette.back;
        visuals.window_fill = palette.panel;
        visuals.window_stroke = Stroke::new(1.0, palette.line);
        visuals.extreme_bg_color = palette.back;
        visuals.warn_fg_color = palette.warning;
        visuals.error_fg_color = palette.error;
        visuals.selection.bg_fill = palette.accent.gamma_multiply(0.35);
        visuals.selection.stroke = Stroke::new(1.5, palette.text);
        let widgets = &mut visuals.widgets;
        for (look, fill) in [
            (&mut widgets.noninteractive, palette.panel),
            (&mut widgets.inactive, palette.raised),
            (&mut widgets.hovered, palette.hovered),
            (&mut widgets.active, palette.hovered),
            (&mut widgets.open, palette.hovered),
        ] {
            look.bg_fill = fill;
            look.weak_bg_fill = fill;
            look.bg_stroke = Stroke::new(1.0, palette.line);
            look.fg_stroke = Stroke::new(1.0, palette.text);
            look.expansion = 0.0;
        }
        style.spacing.item_spacing = egui::vec2(8.0, 8.0);
        style.spacing.button_padding = egui::vec2(12.0, 6.0);
        style.spacing.interact_size.y = 28.0;
        style.spacing.tooltip_width = 320.0;
        style.interaction.tooltip_delay = 0.5;
        style.interaction.selectable_labels = false;
        for (text_style, font) in &mut style.text_styles {
            *font = match text_style {
                egui::TextStyle::Small => plain(12.0),
                egui::TextStyle::Heading => strong(18.0),
                egui::TextStyle::Monospace => FontId::monospace(13.0),
                _ => plain(14.0),
            };
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linear(colour: Color32) -> [f64; 3] {
        [colour.r(), colour.g(), colour.b()].map(|byte| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn times(matrix: [[f64; 3]; 3], colour: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(colour).map(|(a, b)| a * b).sum())
    }

    /// Ottosson's Oklab, in which equal distances look equally different.
    fn oklab(linear: [f64; 3]) -> [f64; 3] {
        let lms = times(
            [
                [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
                [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
                [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
            ],
            linear,
        );
        times(
            [
                [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
                [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
                [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
            ],
            lms.map(|value| value.max(0.0).cbrt()),
        )
    }

    /// Machado, Oliveira and Fernandes ("A Physiologically-based Model for Simulation of Color
    /// Vision Deficiency", 2009), severity 1; the first is ordinary sight.
    const SIGHTS: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ];

    #[test]
    fn stems_are_told_apart_by_every_kind_of_sight() {
        for (sight, matrix) in SIGHTS.into_iter().enumerate() {
            let seen = Instrument::ALL.map(|stem| oklab(times(matrix, linear(stem_colour(stem)))));
            for (index, a) in seen.iter().enumerate() {
                for (other, b) in seen.iter().enumerate().skip(index + 1) {
                    let distance: f64 =
                        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                    assert!(distance > 0.075, "sight {sight}: {index} and {other}: {distance:.3}");
                }
            }
        }
    }

    /// Contrast of two colours by WCAG 2.
    fn contrast(a: Color32, b: Color32) -> f64 {
        let luminance = |colour| {
            let [red, green, blue] = linear(colour);
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn text_stands_out_from_what_lies_behind_it() {
        for theme in [Theme::Dark, Theme::Light] {
            let of = palette(theme);
            for back in [of.back, of.panel, of.raised] {
                for text in [of.text, of.weak, of.warning, of.error, of.good] {
                    let found = contrast(text, back);
                    assert!(found > 4.5, "{theme:?}: {text:?} on {back:?}: {found:.1}");
                }
            }
            assert!(contrast(of.on_accent, of.accent) > 4.5);
        }
        for stem in Instrument::ALL {
            assert!(contrast(ON_STEM, stem_colour(stem)) > 4.5, "{stem}");
        }
    }

    #[test]
    fn themes_are_known_by_name() {
        for theme in [Theme::Dark, Theme::Light] {
            assert_eq!(Theme::from_name(theme.name()), theme);
            assert_ne!(theme.other(), theme);
        }
        assert_eq!(Theme::from_name("to come"), Theme::Dark);
    }
}
