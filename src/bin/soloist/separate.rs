//! `soloist separate`: every stem of every input, `DIR/<input name>/<stem>.wav`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use soloist::files::WavWriter;
use soloist::model::Instrument;
use soloist::streaming::StemBlock;
use soloist::units::gain_from_db;

use super::args::Separate;
use super::cancel;
use super::engine::Engine;
use super::failure::Failure;
use super::input::Input;
use super::outputs::{RenderSink, ResultFolder, folders_for, render_failure, wav_options};
use super::progress::Progress;
use super::summary::{Output, Summary, failed_json};
use super::terminal;

pub fn run(command: &Separate) -> Result<(), Failure> {
    let engine = Engine::find(&command.places)?;
    let stems = chosen_stems(command, &engine)?;
    let folders = folders_for(&command.inputs, &command.output);
    let mut failed = 0;
    for (path, folder) in command.inputs.iter().zip(&folders) {
        match separate_one(command, &engine, &stems, path, folder) {
            Ok(()) => {}
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            // The one input's sentence is the command's.
            Err(failure) if command.inputs.len() == 1 && !command.talk.json => return Err(failure),
            Err(failure) => {
                failed += 1;
                failure.report(Some(path));
                if command.talk.json {
                    terminal::print(&failed_json(path, &failure))?;
                }
            }
        }
    }
    let total = command.inputs.len();
    if failed > 0 { Err(Failure::Inputs { failed, total }) } else { Ok(()) }
}

/// The stems asked for, each once, in the order of the model's outputs.
fn chosen_stems(command: &Separate, engine: &Engine) -> Result<Vec<Instrument>, Failure> {
    for &stem in &command.stems {
        engine.check_source(stem)?;
    }
    let all = engine.card.sources().iter().copied();
    Ok(all.filter(|stem| command.stems.is_empty() || command.stems.contains(stem)).collect())
}

fn separate_one(
    command: &Separate,
    engine: &Engine,
    stems: &[Instrument],
    path: &Path,
    folder: &Path,
) -> Result<(), Failure> {
    let started = Instant::now();
    let input = Input::inspect(path)?;
    let _folder = ResultFolder::make(folder)?;
    let mut sinks = open_sinks(command, stems, &input, folder)?;
    let (mut renderer, provider) = engine.open(&input, command.hearing)?;
    let positions: Vec<usize> =
        stems.iter().filter_map(|&stem| engine.card.source_index(stem)).collect();
    let progress = Progress::new(&input, command.talk);
    let mut source = input.source()?;
    let rendered = renderer.separate_from(&mut source, cancel::flag(), &mut |block| {
        progress.advance(block.num_frames);
        write_block(&block, input.num_channels, &positions, &mut sinks)
    });
    rendered.map_err(|error| render_failure(error, &mut source, &mut sinks))?;
    // An input may lie where a result goes, on Windows only once it is closed.
    drop(source);
    cancel::check()?;
    let outputs = finish(stems, sinks, folder)?;
    drop(progress);
    Summary {
        command: "separate",
        input: &input,
        card: &engine.card,
        mode: command.hearing.latency,
        provider,
        format: command.writing.format,
        elapsed: started.elapsed(),
        outputs,
    }
    .tell(command.talk)
}

fn open_sinks(
    command: &Separate,
    stems: &[Instrument],
    input: &Input,
    folder: &Path,
) -> Result<Vec<RenderSink>, Failure> {
    let options = wav_options(input, &command.writing);
    let gain = gain_from_db(command.writing.output_gain);
    let open = |stem: &Instrument| {
        let num_frames = Some(input.num_frames as u64);
        let writer = WavWriter::create(&stem_path(folder, *stem), options, num_frames)?;
        Ok(RenderSink::new(writer, gain))
    };
    stems.iter().map(open).collect()
}

fn write_block(
    block: &StemBlock<'_>,
    num_channels: usize,
    positions: &[usize],
    sinks: &mut [RenderSink],
) -> io::Result<()> {
    let planes: Vec<&[f32]> = block.stems.chunks_exact(block.num_frames).collect();
    for (&position, sink) in positions.iter().zip(sinks) {
        sink.write(&planes[position * num_channels..(position + 1) * num_channels])?;
    }
    Ok(())
}

fn finish(
    stems: &[Instrument],
    sinks: Vec<RenderSink>,
    folder: &Path,
) -> Result<Vec<Output>, Failure> {
    let finish_one = |(&stem, sink): (&Instrument, RenderSink)| {
        Ok(Output { stem, path: stem_path(folder, stem), report: sink.finish()? })
    };
    stems.iter().zip(sinks).map(finish_one).collect()
}

fn stem_path(folder: &Path, stem: Instrument) -> PathBuf {
    folder.join(format!("{stem}.wav"))
}
