//! The command-line tool interrupted, or out of disk: no half file, nothing lost.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod cli_common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cli_common::{complaint, listing, music, put, resources, soloist};
use tempfile::TempDir;

/// Starts the tool and waits until it has begun to write below `folder`.
fn start_and_wait(command: &mut Command, folder: &Path) -> Child {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !listing(folder).iter().any(|name| name.ends_with(".part")) {
        assert!(Instant::now() < deadline, "the tool never began to write");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Minutes of audio: a render that is surely under way when the signal comes.
const LONG_FRAMES: usize = 44_100 * 600;

#[test]
fn an_interrupted_isolate_leaves_the_old_file_and_no_half_one() {
    let dir = TempDir::new().unwrap();
    resources();
    let input = put(&dir, "mix.wav", &music(44_100, 1, LONG_FRAMES));
    let output = dir.path().join("out.wav");
    fs::write(&output, "the old result").unwrap();
    let mut command = soloist();
    command.arg("isolate").arg(&input).arg("-o").arg(&output).args(["-i", "drums", "--force"]);
    let child = start_and_wait(&mut command, dir.path());
    send("-INT", &child);
    let text = complaint(&child.wait_with_output().unwrap(), 130);
    assert!(text.contains("interrupted"), "{text}");
    assert_eq!(listing(dir.path()), ["mix.wav", "out.wav"]);
    assert_eq!(fs::read(&output).unwrap(), b"the old result");
}

#[test]
fn a_terminated_separate_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    resources();
    let input = put(&dir, "mix.wav", &music(44_100, 1, LONG_FRAMES));
    let mut command = soloist();
    command.arg("separate").arg(&input).arg("-o").arg(dir.path().join("out/deep"));
    let child = start_and_wait(&mut command, dir.path());
    send("-TERM", &child);
    complaint(&child.wait_with_output().unwrap(), 130);
    assert_eq!(listing(dir.path()), ["mix.wav"]);
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    resources();
    let input = put(&dir, "mix.wav", &music(44_100, 2, 200_000));
    // A limit on file sizes stands in for a full disk: writing fails halfway in both.
    let script = "trap '' XFSZ; ulimit -f 300; exec \"$@\"";
    for arguments in [
        &["isolate", "-i", "drums", "-o", "out.wav"][..],
        &["separate", "-o", "out"],
        &["separate", "-o", "out", "--format", "16"],
    ] {
        let tool = soloist();
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(tool.get_program()).args(arguments).arg(&input);
        let text = complaint(&command.current_dir(dir.path()).output().unwrap(), 1);
        assert!(text.contains("cannot write \"out"), "{text}");
        assert_eq!(listing(dir.path()), ["mix.wav"]);
    }
}
