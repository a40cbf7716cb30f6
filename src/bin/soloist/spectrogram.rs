//! `soloist spectrogram`: pictures of recordings, one below the other.

use soloist::files::{Panel, SpectrogramOptions, write_spectrogram};

use super::args::Spectrogram;
use super::cancel;
use super::failure::Failure;
use super::input::read_whole;
use super::outputs::check_ending;

pub fn run(command: &Spectrogram) -> Result<(), Failure> {
    check_ending(&command.output, &["png"], "PNG")?;
    let titles: Vec<String> = command
        .inputs
        .iter()
        .map(|path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    let inputs =
        command.inputs.iter().map(|path| read_whole(path)).collect::<Result<Vec<_>, _>>()?;
    let panels: Vec<Panel<'_>> =
        titles.iter().zip(&inputs).map(|(title, audio)| Panel { title, audio }).collect();
    let options = SpectrogramOptions {
        width_px: command.width,
        height_px: command.height,
        overwrite: command.force,
        ..SpectrogramOptions::default()
    };
    cancel::check()?;
    Ok(write_spectrogram(&command.output, &panels, &options)?)
}
