//! An X display: the one that is there, or a virtual one.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt, PropMode};
use x11rb::wrapper::ConnectionExt as _;

use crate::process::{line, run};

/// The virtual server.
const SERVER: &str = "Xvfb";

/// Width, height and depth of a virtual screen.
const SCREEN: &str = "2600x1800x24";

/// A virtual display, which ends when it is dropped.
pub struct Display {
    server: Child,
    name: String,
}

impl Display {
    /// Starts one.
    ///
    /// # Errors
    /// When the server is not installed or does not start.
    pub fn start() -> Result<Self> {
        let mut command = Command::new(SERVER);
        // The server chooses a free number and says which.
        command.args(["-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"]);
        let mut server = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("could not start `{}` ({INSTALL})", line(&command)))?;
        let output = server.stdout.take().context("the output was piped")?;
        let mut number = String::new();
        BufReader::new(output).read_line(&mut number)?;
        let display = Self { server, name: format!(":{}", number.trim()) };
        if number.trim().is_empty() {
            bail!("`{}` started no display", line(&command));
        }
        Ok(display)
    }

    /// Lets what is on it be of `scale` physical pixels a logical one.
    ///
    /// # Errors
    /// When the display is gone.
    pub fn set_scale(&self, scale: f64) -> Result<()> {
        set_scale(&self.name, scale)
    }

    /// As in the environment variable `DISPLAY`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // One that has ended by itself needs no end.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The server, a software renderer, what the plugin loads for its window, and a window manager.
const PACKAGES: [&str; 7] = [
    "xvfb",
    "libgl1-mesa-dri",
    "libgl1",
    "libegl1",
    "libx11-xcb1",
    "libxkbcommon-x11-0",
    "openbox",
];

/// How to get the server.
const INSTALL: &str = "Debian and Ubuntu: `apt install xvfb libgl1-mesa-dri`";

/// Whether a virtual display can be started.
#[must_use]
pub fn has_server() -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(SERVER).is_file()))
}

/// Installs the server where apt-get may do so; says whether it is there.
pub fn install_server() -> bool {
    if !has_server() {
        let install = ["-qq", "install", "-y", "--no-install-recommends"];
        let mut command = Command::new("apt-get");
        command.args(install).args(PACKAGES);
        // Fails for users that may not install packages, and where there is no apt-get.
        let _ = command.env("DEBIAN_FRONTEND", "noninteractive").output();
    }
    if !has_server() {
        println!("{SERVER} is not installed ({INSTALL}): the editor is not tested in a window");
    }
    has_server()
}

/// Runs `command`, which opens windows, on a virtual display of its own, whose windows have `scale`
/// physical pixels a logical one.
///
/// # Errors
/// When there is no display to be had, or the command fails.
pub fn run_on_display(command: &mut Command, scale: f64) -> Result<()> {
    let display = Display::start()?;
    display.set_scale(scale)?;
    run(command.env("DISPLAY", display.name()))
}

/// Sets the resource that toolkits take the scale from.
fn set_scale(display: &str, scale: f64) -> Result<()> {
    let (connection, screen) = x11rb::connect(Some(display))?;
    let root = connection.setup().roots[screen].root;
    let resources = format!("Xft.dpi:\t{}\n", (96.0 * scale).round());
    connection.change_property8(
        PropMode::REPLACE,
        root,
        AtomEnum::RESOURCE_MANAGER,
        AtomEnum::STRING,
        resources.as_bytes(),
    )?;
    // The answer comes after the change was made; the server keeps it, as it is told not to reset.
    connection.get_input_focus()?.reply()?;
    Ok(())
}
