//! What is lost on the way from a sound to mel levels and back by Griffin-Lim, as numbers and as a
//! picture, beside the way that masks take.
//!
//! ```sh
//! cargo run --release --example griffin_lim -- STEM.wav PICTURE.png [MIX.wav RUNTIME]
//! ```
//!
//! With the stem alone the network is left out: its levels are taken to be the stem's own, so the
//! loss is that of the representation. With a mix and the onnxruntime library, `mel-unet` estimates
//! the stem (vocals) from the mix, and both ways start from the same estimate.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use soloist::files::{Audio, Panel, SpectrogramOptions, read_audio, sdr_db, write_spectrogram};
use soloist::inference::{self, Estimator, Identity, Provider};
use soloist::model::{Instrument, ModelCard};
use soloist::render::{FrameSource, Reconstructor, Renderer};
use soloist::streaming::{Controls, LatencyMode, StreamConfig, recording_features};

const INSTRUMENT: Instrument = Instrument::Vocals;

/// Levels below this are left out of the comparison: they are not heard.
const AUDIBLE_DB: f32 = -80.0;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (stem, picture, network) = match arguments.as_slice() {
        [stem, picture] => (stem, picture, None),
        [stem, picture, mix, runtime] => (stem, picture, Some((mix, runtime))),
        _ => return Err("expected STEM.wav PICTURE.png [MIX.wav RUNTIME]".into()),
    };
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let card = Arc::new(ModelCard::load(&models.join("mel-unet"))?);
    let truth = mono(&read_audio(Path::new(stem))?);
    let input = match network {
        Some((mix, _)) => mono(&read_audio(Path::new(mix))?),
        None => truth.clone(),
    };
    let open = || -> Result<Box<dyn Estimator>, Box<dyn Error>> {
        Ok(match network {
            Some((_, runtime)) => inference::open(&card, Path::new(runtime), Provider::Cpu)?,
            None => Box::new(Identity::new(&card, INSTRUMENT)),
        })
    };
    let masked = by_masks(&card, open()?, &input)?;
    let begun = std::time::Instant::now();
    let found = by_griffin_lim(&card, open()?, &input)?;
    println!("Griffin-Lim took {:.1} s", begun.elapsed().as_secs_f64());
    for (way, estimate) in [("input", &input), ("masks", &masked), ("Griffin-Lim", &found)] {
        println!(
            "{way:12} SDR {:7.2} dB, log-mel error {:5.2} dB",
            sdr_db(&truth, estimate)?,
            mel_error_db(&card, &truth, estimate)?
        );
    }
    let panels = [
        Panel { title: "STEM", audio: &truth },
        Panel { title: "MASKS", audio: &masked },
        Panel { title: "GRIFFIN-LIM", audio: &found },
    ];
    let options =
        SpectrogramOptions { width_px: 760, height_px: 150, overwrite: true, ..Default::default() };
    Ok(write_spectrogram(Path::new(picture), &panels, &options)?)
}

fn mono(audio: &Audio) -> Audio {
    let scale = 1.0 / audio.num_channels() as f32;
    let mean = |n: usize| audio.channels.iter().map(|channel| channel[n]).sum::<f32>() * scale;
    Audio {
        sample_rate_hz: audio.sample_rate_hz,
        channels: vec![(0..audio.num_frames()).map(mean).collect()],
    }
}

fn by_masks(
    card: &Arc<ModelCard>,
    estimator: Box<dyn Estimator>,
    input: &Audio,
) -> Result<Audio, Box<dyn Error>> {
    let config = StreamConfig {
        card: Arc::clone(card),
        sample_rate_hz: f64::from(input.sample_rate_hz),
        num_channels: 1,
        mode: LatencyMode::Studio,
    };
    let mut renderer = Renderer::new(config, estimator);
    let controls = Controls { instrument: INSTRUMENT, ..Controls::default() };
    let mut output = Vec::new();
    renderer.isolate(&input.channels, &controls, &AtomicBool::new(false), &mut |block| {
        output.extend_from_slice(block[0]);
        Ok(())
    })?;
    Ok(Audio { sample_rate_hz: input.sample_rate_hz, channels: vec![output] })
}

fn by_griffin_lim(
    card: &Arc<ModelCard>,
    estimator: Box<dyn Estimator>,
    input: &Audio,
) -> Result<Audio, Box<dyn Error>> {
    let rate_hz = f64::from(input.sample_rate_hz);
    let mut reconstructor =
        Reconstructor::new(Arc::clone(card), estimator, INSTRUMENT, rate_hz, 1)?;
    let mut output = Vec::new();
    let mut source = Whole(Some(input.channels.clone()));
    reconstructor.render_from(&mut source, &AtomicBool::new(false), &mut |block| {
        output.extend_from_slice(block[0]);
        Ok(())
    })?;
    Ok(Audio { sample_rate_hz: input.sample_rate_hz, channels: vec![output] })
}

/// A recording that is handed over at once.
struct Whole(Option<Vec<Vec<f32>>>);

impl FrameSource for Whole {
    fn read(&mut self, channels: &mut [Vec<f32>], _: usize) -> std::io::Result<usize> {
        let whole = self.0.take().unwrap_or_else(|| vec![Vec::new(); channels.len()]);
        for (channel, samples) in channels.iter_mut().zip(whole) {
            *channel = samples;
        }
        Ok(channels.first().map_or(0, Vec::len))
    }
}

/// Root mean square of the difference of mel levels in dB, over what is audible in the truth.
fn mel_error_db(card: &ModelCard, truth: &Audio, estimate: &Audio) -> Result<f64, Box<dyn Error>> {
    let mel = card.analysis.mel.as_ref().ok_or("expected a log-mel model")?;
    let (scale, rate_hz) = (mel.feature_scale(), f64::from(truth.sample_rate_hz));
    let hop_s = card.analysis.hop_size as f64 / card.sample_rate_hz();
    let num_hops = (truth.num_frames() as f64 / rate_hz / hop_s) as usize;
    let features = |audio: &Audio| {
        recording_features(card, rate_hz, &audio.channels, num_hops).ok_or("expected mono")
    };
    let (truth, estimate) = (features(truth)?, features(estimate)?);
    let (mut sum, mut count) = (0.0, 0_usize);
    for (&a, &b) in truth.iter().zip(&estimate) {
        if scale.level_db(a) > AUDIBLE_DB {
            sum += f64::from(scale.level_db(a) - scale.level_db(b)).powi(2);
            count += 1;
        }
    }
    Ok((sum / count.max(1) as f64).sqrt())
}
