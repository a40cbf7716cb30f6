//! `soloist`, the command-line tool: separates audio files with the engine of the plugin.
//!
//! Exit codes: 0 all done, 1 something failed, 2 wrong usage, 130 interrupted.

mod args;
mod cancel;
mod engine;
mod failure;
mod input;
mod isolate;
mod models;
mod outputs;
mod progress;
mod separate;
mod spectrogram;
mod summary;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    silence_decoder_panics();
    let arguments = Arguments::parse();
    let done = cancel::listen().and_then(|()| run(&arguments));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report(None);
            failure.exit_code()
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Isolate(command) => isolate::run(command),
        Command::Separate(command) => separate::run(command),
        Command::Models(command) => models::run(command),
        Command::Spectrogram(command) => spectrogram::run(command),
    }
}

/// Panics of the decoders on damaged files are caught and told as errors, in one sentence: their own
/// report beside it would only confuse.
fn silence_decoder_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let is_decoder = info.location().is_some_and(|place| place.file().contains("symphonia"));
        if !is_decoder {
            usual(info);
        }
    }));
}
