//! The editor in a host's window: opened, resized and closed while audio plays, and clicked.
//!
//! Windows need a display: each test runs a program of its own on a virtual one (Xvfb). Where there is
//! none the tests say so; `cargo xtask test` installs it where it may.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod common;

use std::process::Command;

use common::turn;
use xtask::editor::{has_server, run_on_display};

/// Runs `xtask drill` with `arguments`.
fn drill(arguments: &[&str]) {
    if !has_server() {
        println!("left out: Xvfb is not installed (`apt install xvfb libgl1-mesa-dri`)");
        return;
    }
    // Late blocks are counted: one at a time.
    let _turn = turn();
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    run_on_display(command.arg("drill").args(arguments), 1.0).unwrap();
}

#[test]
fn the_clap_editor_opens_in_a_window_and_answers_a_click() {
    drill(&["--format", "clap", "--cycles", "4"]);
}

#[test]
fn the_vst3_editor_opens_in_a_window_and_answers_a_click() {
    drill(&["--format", "vst3", "--cycles", "4"]);
}

#[test]
fn two_editors_at_once_do_not_disturb_each_other() {
    drill(&["--pair"]);
}

#[test]
#[ignore = "takes two minutes: run by `cargo xtask test`"]
fn two_hundred_openings_leave_nothing_behind_and_cost_no_late_block() {
    for format in ["clap", "vst3"] {
        drill(&["--format", format, "--cycles", "200"]);
    }
}
