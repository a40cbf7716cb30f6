//! Tests of Griffin-Lim renders.

use super::*;
use crate::inference::Identity;
use crate::render::MemorySource;

const MEL: &str = include_str!("../../tests/cards/log-mel.toml");

fn card(text: &str) -> Arc<ModelCard> {
    Arc::new(ModelCard::parse(text, std::path::Path::new("card.toml")).unwrap())
}

/// A small network's card: 64 hop frames of 128 at 8 kHz.
fn small_card() -> Arc<ModelCard> {
    card(
        &MEL.replace("sample_rate = 22050", "sample_rate = 8000")
            .replace("fft_size = 4096", "fft_size = 1024")
            .replace("hop_size = 512", "hop_size = 128")
            .replace("count = 512", "count = 192")
            .replace("high_hz = 11025.0", "high_hz = 4000.0")
            .replace("frames = 640", "frames = 64"),
    )
}

fn reconstructor(rate: f64, num_channels: usize) -> Reconstructor {
    let card = small_card();
    let identity = Box::new(Identity::new(&card, Instrument::Vocals));
    Reconstructor::new(card, identity, Instrument::Vocals, rate, num_channels).unwrap()
}

fn render(rate: f64, input: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut output = vec![Vec::new(); input.len()];
    let mut source = MemorySource { input, position: 0 };
    reconstructor(rate, input.len())
        .render_from(&mut source, &AtomicBool::new(false), &mut |block| {
            for (out, channel) in output.iter_mut().zip(block) {
                out.extend_from_slice(channel);
            }
            Ok(())
        })
        .unwrap();
    output
}

fn melody(rate: f64, num_frames: usize) -> Vec<f32> {
    (0..num_frames)
        .map(|n| {
            let t = n as f64 / rate;
            let pitch = [220.0, 330.0, 440.0][(t * 2.0) as usize % 3];
            let swell = (std::f64::consts::PI * (t * 2.0).fract()).sin();
            (0.4 * swell * (std::f64::consts::TAU * pitch * t).sin()) as f32
        })
        .collect()
}

/// Root mean square of the difference of log-mel levels in dB, where there is sound.
fn mel_error_db(a: &[f32], b: &[f32], rate: f64) -> f64 {
    let card = small_card();
    let num_hops = (a.len() as f64 / rate * 8000.0) as usize / 128;
    let of = |x: &[f32]| recording_features(&card, rate, &[x.to_vec()], num_hops).unwrap();
    let (a, b) = (of(a), of(b));
    // Features are in units of 20 dB around -55 dB: above -65 dB.
    let audible = a.iter().zip(&b).filter(|(a, _)| **a > -0.5);
    let squares: Vec<f64> = audible.map(|(a, b)| (f64::from(a - b) * 20.0).powi(2)).collect();
    assert!(squares.len() > 100, "there must be something to compare");
    (squares.iter().sum::<f64>() / squares.len() as f64).sqrt()
}

#[test]
fn an_identity_estimate_comes_back_with_the_same_levels_at_any_rate_and_length() {
    // 8 kHz is the network's rate; 3 s are four windows.
    for (rate, num_channels, seconds) in [(8_000.0, 1, 3.0), (22_050.0, 2, 1.1)] {
        let num_frames = (rate * seconds) as usize + 3;
        let mono = melody(rate, num_frames);
        let input = vec![mono.clone(); num_channels];
        let output = render(rate, &input);
        for channel in &output {
            assert_eq!(channel.len(), num_frames);
            assert_eq!(*channel, output[0]);
        }
        let error_db = mel_error_db(&mono, &output[0], rate);
        assert!(error_db < 3.0, "{rate} Hz: {error_db} dB");
        assert!(output[0] == render(rate, &input)[0], "equal inputs give equal outputs");
    }
    assert_eq!(render(8_000.0, &[vec![], vec![]]), [vec![], vec![]]);
    assert!(render(8_000.0, &[vec![0.0; 3000]])[0].iter().all(|&sample| sample == 0.0));
}

#[test]
fn other_models_and_remainders_are_refused_in_words() {
    let refusal = |card: Arc<ModelCard>, instrument| {
        let identity = Box::new(Identity::new(&card, instrument));
        let outcome = Reconstructor::new(card, identity, instrument, 44_100.0, 2);
        outcome.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let words = refusal(Arc::new(ModelCard::builtin()), Instrument::Vocals);
    assert!(words.contains("has bands input: Griffin-Lim needs a log-mel model"), "{words}");
    let words = refusal(card(MEL), Instrument::Other);
    assert!(words.contains("no levels of other"), "{words}");
    assert!(words.ends_with("expected one of vocals"), "{words}");
}
