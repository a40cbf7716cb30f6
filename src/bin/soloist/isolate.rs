//! `soloist isolate`: what the plugin plays with one setting, as a file.

use std::io;
use std::time::Instant;

use soloist::files::WavWriter;
use soloist::inference::Provider;
use soloist::render::{Reconstructor, RenderError, Renderer};
use soloist::streaming::Controls;
use soloist::units::gain_from_db;

use super::args::{Isolate, Mode, Reconstruct};
use super::cancel;
use super::engine::Engine;
use super::failure::Failure;
use super::input::{FileSource, Input};
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
    check_reconstruction(command)?;
    let input = Input::inspect(&command.input)?;
    let engine = Engine::find(&command.places)?;
    engine.check_source(command.instrument)?;
    let options = wav_options(&input, &command.writing);
    let writer = WavWriter::create(&command.output, options, Some(input.num_frames as u64))?;
    let mut render = Render::open(command, &engine, &input)?;
    let progress = Progress::new(&input, command.talk);
    let mut sink = RenderSink::new(writer, render.file_gain(command));
    let mut source = input.source()?;
    let rendered = render.run(command, &mut source, &mut |block| {
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
        mode: command.hearing.latency,
        provider: render.provider,
        format: command.writing.format,
        elapsed: started.elapsed(),
        outputs: vec![output],
    }
    .tell(command.talk)
}

/// Without the mix's phase there is nothing that could be taken out of the mix or added to it.
fn check_reconstruction(command: &Isolate) -> Result<(), Failure> {
    let is_whole = command.mode == Mode::Isolate && command.mix == 100.0;
    if command.reconstruct == Reconstruct::Masks || is_whole {
        return Ok(());
    }
    Err(Failure::Usage(
        "--reconstruct griffin-lim gives the instrument alone: it goes with --mode isolate and \
         --mix 100"
            .to_owned(),
    ))
}

/// One of the two ways from the network's answer to sound.
struct Render {
    way: Way,
    provider: Provider,
}

enum Way {
    Masks(Renderer),
    GriffinLim(Box<Reconstructor>),
}

impl Render {
    fn open(command: &Isolate, engine: &Engine, input: &Input) -> Result<Self, Failure> {
        Ok(match command.reconstruct {
            Reconstruct::Masks => {
                let (renderer, provider) = engine.open(input, command.hearing)?;
                Self { way: Way::Masks(renderer), provider }
            }
            Reconstruct::GriffinLim => {
                let (reconstructor, provider) =
                    engine.open_reconstructor(input, command.instrument)?;
                Self { way: Way::GriffinLim(Box::new(reconstructor)), provider }
            }
        })
    }

    /// What is left to be applied to the file: masks go through the engine's own gain, as in the
    /// plugin, so that both give equal files.
    fn file_gain(&self, command: &Isolate) -> f32 {
        match self.way {
            Way::Masks(_) => 1.0,
            Way::GriffinLim(_) => gain_from_db(command.writing.output_gain),
        }
    }

    fn run(
        &mut self,
        command: &Isolate,
        source: &mut FileSource,
        sink: &mut dyn FnMut(&[&[f32]]) -> io::Result<()>,
    ) -> Result<(), RenderError> {
        match &mut self.way {
            Way::Masks(renderer) => {
                let controls = Controls {
                    instrument: command.instrument,
                    mode: command.mode.into(),
                    mix: command.mix / 100.0,
                    output_gain: gain_from_db(command.writing.output_gain),
                    focus: command.hearing.focus,
                    ..Controls::default()
                };
                renderer.isolate_from(source, &controls, cancel::flag(), sink)
            }
            Way::GriffinLim(reconstructor) => {
                reconstructor.render_from(source, cancel::flag(), sink)
            }
        }
    }
}
