//! `cargo xtask setup`: fetches onnxruntime for this platform and lays out the resource folder.
//!
//! The library comes out of the Python package `onnxruntime`, fetched by pip, because that is
//! published for every platform under one version, with hashes that never change. One fixed
//! Python tag is asked for, so that the hash does not depend on the user's Python.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::paths::{resources_dir, target_dir, workspace_root};
use crate::process::run_quietly;
use crate::python;

/// The onnxruntime that is shipped.
pub const RUNTIME_VERSION: &str = "1.31.1";

/// A published package that holds the library for one platform.
#[derive(Debug)]
struct Wheel {
    os: &'static str,
    arch: &'static str,
    platform_tag: &'static str,
    sha256: &'static str,
    library: &'static str,
}

const WHEELS: [Wheel; 5] = [
    Wheel {
        os: "linux",
        arch: "x86_64",
        platform_tag: "manylinux_2_28_x86_64",
        sha256: "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
        library: "libonnxruntime.so.1.31.1",
    },
    Wheel {
        os: "linux",
        arch: "aarch64",
        platform_tag: "manylinux_2_28_aarch64",
        sha256: "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
        library: "libonnxruntime.so.1.31.1",
    },
    Wheel {
        os: "macos",
        arch: "aarch64",
        platform_tag: "macosx_14_0_arm64",
        sha256: "60b6b69bfe580eab576cacc5d132a0e9cf2a37fcfd18d46dd191042b1d1ed0d7",
        library: "libonnxruntime.1.31.1.dylib",
    },
    Wheel {
        os: "windows",
        arch: "x86_64",
        platform_tag: "win_amd64",
        sha256: "c3d91b5de31e2fc82d71bd65b2b22bddee8b49057a3a36338e9a868e0ea90c05",
        library: "onnxruntime.dll",
    },
    Wheel {
        os: "windows",
        arch: "aarch64",
        platform_tag: "win_arm64",
        sha256: "93800007a7023b3ab26ad72e6463d0d57d84ead49a2f6341954d91438e046bc0",
        library: "onnxruntime.dll",
    },
];

/// Fills `target/soloist-resources/` with onnxruntime and the models; does nothing twice.
///
/// # Errors
/// When the platform has no package, pip cannot fetch it, or its hash is not the known one.
pub fn setup() -> Result<PathBuf> {
    let resources = resources_dir();
    install_runtime(&resources)?;
    install_models(&resources)?;
    Ok(resources)
}

/// The path of the shared library inside a resource folder, for this platform.
///
/// # Errors
/// When onnxruntime is not published for this platform.
pub fn runtime_library(resources: &Path) -> Result<PathBuf> {
    Ok(resources.join("onnxruntime").join(wheel_for_this_platform()?.library))
}

fn wheel_for_this_platform() -> Result<&'static Wheel> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    WHEELS.iter().find(|wheel| wheel.os == os && wheel.arch == arch).with_context(|| {
        let known: Vec<String> = WHEELS.iter().map(|w| format!("{} {}", w.os, w.arch)).collect();
        format!(
            "onnxruntime {RUNTIME_VERSION} is not published for {os} {arch}, only for {}",
            known.join(", ")
        )
    })
}

fn install_runtime(resources: &Path) -> Result<()> {
    let wheel = wheel_for_this_platform()?;
    let library = runtime_library(resources)?;
    // The stamp pairs the package's hash with the unpacked library's: a library that was damaged
    // or swapped later is noticed and fetched anew.
    let stamp = resources.join(".onnxruntime");
    let expected = |library: &str| format!("{} {library}\n", wheel.sha256);
    if let (Ok(stamped), Ok(actual)) = (fs::read_to_string(&stamp), sha256_of(&library))
        && stamped == expected(&actual)
    {
        return Ok(());
    }

    let archive = fetch(wheel)?;
    let unpacked = target_dir().join("wheels").join("unpacked");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked)?;
    }
    let python = python::find()?;
    run_quietly(Command::new(python).args(["-m", "zipfile", "-e"]).arg(&archive).arg(&unpacked))
        .with_context(|| format!("could not unpack {}", archive.display()))?;

    let package = unpacked.join("onnxruntime");
    copy_file(&package.join("capi").join(wheel.library), &library)?;
    for notice in ["LICENSE", "ThirdPartyNotices.txt"] {
        copy_file(&package.join(notice), &resources.join("onnxruntime").join(notice))?;
    }
    fs::write(&stamp, expected(&sha256_of(&library)?))?;
    fs::remove_dir_all(&unpacked)?;
    println!("onnxruntime {RUNTIME_VERSION}: {}", library.display());
    Ok(())
}

/// Downloads the package with pip and checks its hash.
fn fetch(wheel: &Wheel) -> Result<PathBuf> {
    let downloads = target_dir().join("wheels");
    let archive = downloads
        .join(format!("onnxruntime-{RUNTIME_VERSION}-cp311-cp311-{}.whl", wheel.platform_tag));
    if !archive.exists() {
        println!("Fetching onnxruntime {RUNTIME_VERSION} for {} with pip", wheel.platform_tag);
        let python = python::find_with_pip()?;
        let mut pip = Command::new(python);
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
            .args(["--only-binary=:all:", "--implementation", "cp", "--abi", "cp311"])
            .args(["--python-version", "3.11", "--platform", wheel.platform_tag, "--dest"])
            .arg(&downloads)
            .arg(format!("onnxruntime=={RUNTIME_VERSION}"));
        run_quietly(&mut pip).with_context(|| {
            format!("pip could not fetch onnxruntime {RUNTIME_VERSION}; is the network there?")
        })?;
    }
    let found = sha256_of(&archive)?;
    if found != wheel.sha256 {
        fs::remove_file(&archive)?;
        bail!(
            "{} has SHA-256 {found}, expected {}: it was removed; run the command again, and if \
             it happens again do not trust where pip fetches from",
            archive.display(),
            wheel.sha256
        );
    }
    Ok(archive)
}

/// Mirrors every model of the repository (a folder with a card) into the resource folder.
fn install_models(resources: &Path) -> Result<()> {
    let from = workspace_root().join("models");
    let to = resources.join("models");
    if to.exists() {
        fs::remove_dir_all(&to)?;
    }
    fs::create_dir_all(&to)?;
    let entries =
        fs::read_dir(&from).with_context(|| format!("no models at {}", from.display()))?;
    for entry in entries {
        let model = entry?.path();
        let Some(name) = model.file_name().filter(|_| model.join("card.toml").exists()) else {
            continue;
        };
        copy_dir(&model, &to.join(name))?;
    }
    Ok(())
}

/// Copies a folder with everything in it.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("could not read {}", from.display()))? {
        let path = entry?.path();
        let Some(name) = path.file_name() else { continue };
        if path.is_dir() {
            copy_dir(&path, &to.join(name))?;
        } else {
            copy_file(&path, &to.join(name))?;
        }
    }
    Ok(())
}

/// Copies a file under a new inode: a program that has the old one mapped keeps it intact.
///
/// # Errors
/// When the file cannot be read or written.
pub fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("a file to copy to needs a folder")?;
    fs::create_dir_all(folder)?;
    if to.exists() {
        fs::remove_file(to).with_context(|| format!("could not replace {}", to.display()))?;
    }
    fs::copy(from, to)
        .with_context(|| format!("could not copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// The SHA-256 of a file, as lower-case hexadecimal digits.
fn sha256_of(path: &Path) -> Result<String> {
    let mut file =
        fs::File::open(path).with_context(|| format!("could not open {}", path.display()))?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0_u8; 1 << 20];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        hasher.update(&chunk[..read]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
