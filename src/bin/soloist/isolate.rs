//! `soloist isolate`: what the plugin plays with one setting, as a file.

use std::time::Instant;

use soloist::files::WavWriter;
use soloist::streaming::Controls;
use soloist::units::gain_from_db;

use super::args::Isolate;
use super::cancel;
use super::engine::Engine;
use super::failure::Failure;
use super::input::Input;
use super::outputs::{RenderSink, check_ending, render_failure, wav_options};
use super::progress::Progress;
use super::summary::{Output, Summary, failed_json};
use super::terminal;

pub fn run(command: &Isolate) -> Result<(), Failure> {
    check_ending(&command.output, &["wav", "wave"], "WAV")?;
    let done = isolate(command);
    match &done {
        Err(failure) if command.talk.json => {
            terminal::print(&failed_json(&command.input, failure))?;
        }
        _ => {}
    }
    done
}

fn isolate(command: &Isolate) -> Result<(), Failure> {
    let started = Instant::now();
    let input = Input::inspect(&command.input)?;
    let engine = Engine::find(&command.places)?;
    engine.check_source(command.instrument)?;
    let options = wav_options(&input, &command.writing);
    let writer = WavWriter::create(&command.output, options, Some(input.num_frames as u64))?;
    let (mut renderer, provider) = engine.open(&input)?;
    let controls = Controls {
        instrument: command.instrument,
        mode: command.mode.into(),
        mix: command.mix / 100.0,
        // The engine's own gain, as in the plugin: equal files from both.
        output_gain: gain_from_db(command.writing.output_gain),
        ..Controls::default()
    };
    let progress = Progress::new(&input, command.talk);
    let mut sink = RenderSink::new(writer, 1.0);
    let mut source = input.source()?;
    let rendered = renderer.isolate_from(&mut source, &controls, cancel::flag(), &mut |block| {
        progress.advance(block.first().map_or(0, |channel| channel.len()));
        sink.write(block)
    });
    rendered
        .map_err(|error| render_failure(error, &mut source, std::slice::from_mut(&mut sink)))?;
    // A file may be replaced by its own result, on Windows only once it is closed.
    drop(source);
    cancel::check()?;
    let report = sink.finish()?;
    drop(progress);
    let output = Output { stem: command.instrument, path: command.output.clone(), report };
    Summary {
        command: "isolate",
        input: &input,
        card: &engine.card,
        provider,
        format: command.writing.format,
        elapsed: started.elapsed(),
        outputs: vec![output],
    }
    .tell(command.talk)
}
