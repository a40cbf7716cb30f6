//! Whether a network's tensors are those that its card promises.

use std::path::Path;

use super::InferenceError;
use crate::model::ModelCard;

/// A tensor as a network declares it.
pub(super) struct Found {
    pub name: String,
    pub is_f32: bool,
    /// Its element type, for people.
    pub kind: String,
    /// Its dimensions, -1 where the network leaves one open; `None` when it is no tensor.
    pub shape: Option<Vec<i64>>,
}

/// A dimension as the card wants it.
#[derive(Clone, Copy)]
enum Dimension {
    /// This, or left open.
    Fixed(usize),
    /// Left open.
    Open,
}

impl Dimension {
    fn fits(self, found: i64) -> bool {
        match self {
            Self::Fixed(wanted) => found == -1 || found == wanted as i64,
            Self::Open => found == -1,
        }
    }

    fn words(self) -> String {
        match self {
            Self::Fixed(wanted) => wanted.to_string(),
            Self::Open => "any".to_owned(),
        }
    }
}

/// Compares names, types and shapes.
///
/// # Errors
/// [`InferenceError::CardMismatch`] with what was expected and found.
pub(super) fn check_tensors(
    card: &ModelCard,
    inputs: &[Found],
    outputs: &[Found],
    path: &Path,
) -> Result<(), InferenceError> {
    let (input, output) = expected_shapes(card);
    check_tensor("the input", inputs, &card.input.name, &input, path)?;
    check_tensor("the output", outputs, &card.output.name, &output, path)
}

fn expected_shapes(card: &ModelCard) -> (Vec<Dimension>, Vec<Dimension>) {
    use Dimension::{Fixed, Open};
    let num_outputs = card.audio.sources.len() * card.audio.channels;
    if let Some(waveform) = &card.analysis.waveform {
        let shape = |channels| vec![Open, Fixed(channels), Fixed(waveform.chunk)];
        return (shape(card.audio.channels), shape(num_outputs));
    }
    let bands = card.analysis.bands.as_ref().map(|bands| (bands.count, bands.channels.len()));
    let mel = card.analysis.mel.as_ref().map(|mel| (mel.count, mel.channels.len()));
    let (num_bands, num_inputs) = bands.or(mel).unwrap_or((0, 0));
    let frames = if card.window.dynamic { Open } else { Fixed(card.window.frames) };
    let shape = |channels| vec![Fixed(1), Fixed(channels), Fixed(num_bands), frames];
    (shape(num_inputs), shape(num_outputs))
}

fn check_tensor(
    what: &'static str,
    found: &[Found],
    name: &str,
    wanted: &[Dimension],
    path: &Path,
) -> Result<(), InferenceError> {
    let words: Vec<String> = wanted.iter().map(|dimension| dimension.words()).collect();
    let expected = format!("{name:?}, f32 [{}], and no other", words.join(", "));
    let mismatch = |found: String| InferenceError::CardMismatch {
        path: path.to_owned(),
        what,
        expected: expected.clone(),
        found,
    };
    let [tensor] = found else {
        let names: Vec<&str> = found.iter().map(|tensor| tensor.name.as_str()).collect();
        return Err(mismatch(format!("{} tensors {names:?}", found.len())));
    };
    let Some(shape) = &tensor.shape else {
        return Err(mismatch(format!("{:?}, {}", tensor.name, tensor.kind)));
    };
    let shape_fits = shape.len() == wanted.len()
        && wanted.iter().zip(shape).all(|(dimension, &found)| dimension.fits(found));
    if tensor.name == name && tensor.is_f32 && shape_fits {
        Ok(())
    } else {
        Err(mismatch(format!("{:?}, {} {shape:?}", tensor.name, tensor.kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEL: &str = include_str!("../../tests/cards/log-mel.toml");
    const WAVE: &str = include_str!("../../tests/cards/waveform.toml");

    fn tensor(name: &str, shape: &[i64]) -> [Found; 1] {
        [Found {
            name: name.to_owned(),
            is_f32: true,
            kind: "Float32".to_owned(),
            shape: Some(shape.to_vec()),
        }]
    }

    fn outcome(card: &str, input: [Found; 1], output: [Found; 1]) -> String {
        let path = Path::new("model.onnx");
        let card = ModelCard::parse(card, path).unwrap();
        check_tensors(&card, &input, &output, path).err().map_or(String::new(), |e| e.to_string())
    }

    #[test]
    fn tensors_that_fit_their_card_pass() {
        let mel = |name| tensor(name, &[1, 1, 512, -1]);
        assert_eq!(outcome(MEL, mel("features"), mel("estimate")), "");
        let wave = |name| tensor(name, &[-1, 1, 16_384]);
        assert_eq!(outcome(WAVE, wave("waveform"), wave("waveform_estimate")), "");
    }

    #[test]
    fn tensors_that_do_not_fit_are_named_with_expected_and_found() {
        let good = |name| tensor(name, &[1, 1, 512, -1]);
        let words = outcome(MEL, tensor("features", &[1, 1, 512, 640]), good("estimate"));
        assert!(
            words.contains("the input: expected \"features\", f32 [1, 1, 512, any]"),
            "{words}"
        );
        let words = outcome(MEL, good("features"), tensor("estimate", &[1, 2, 512, -1]));
        assert!(words.contains("the output"), "{words}");
        let wave = |name| tensor(name, &[-1, 1, 16_384]);
        let words = outcome(WAVE, tensor("waveform", &[1, 1, 16_384]), wave("waveform_estimate"));
        assert!(
            words.contains("f32 [any, 1, 16384]") && words.contains("[1, 1, 16384]"),
            "{words}"
        );
        let words = outcome(WAVE, wave("waveform"), wave("other"));
        assert!(words.contains("expected \"waveform_estimate\""), "{words}");
    }
}
