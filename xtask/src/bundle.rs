//! `cargo xtask bundle`: builds the plugin, bundles it as CLAP and VST3, adds its resources.
//!
//! The bundler knows shared libraries only. Without the runtime and the model beside them the
//! plugin would play the delayed mix for ever, so resources are a step of this command and not a
//! thing to remember.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::paths::{Bundles, PLUGIN_PACKAGE, target_dir, workspace_root};
use crate::process::run;
use crate::setup::{copy_dir, copy_file, setup};

/// What to build and where to put it.
#[derive(Debug, Clone, Default)]
pub struct BundleOptions {
    /// The development profile, whose plugin aborts when its audio callback allocates.
    pub debug: bool,
    /// Keeps the bundles apart under `target/bundle-<name>/bundled`; the debug profile does so
    /// under the name `debug` by itself.
    pub name: Option<String>,
    /// More arguments for `cargo build`, such as `--features`.
    pub cargo_args: Vec<String>,
}

/// Builds and bundles the plugin with its resources.
///
/// # Errors
/// When setup, the build, the bundler or a copy fails.
pub fn bundle(options: &BundleOptions) -> Result<Bundles> {
    let resources = setup()?;
    let mut cargo_args = options.cargo_args.clone();
    if !options.debug {
        cargo_args.push("--release".into());
    }
    let name = options.name.clone().or_else(|| options.debug.then(|| "debug".into()));
    let bundles = match name {
        None => {
            let args = ["bundle".to_owned(), PLUGIN_PACKAGE.to_owned()].into_iter();
            nice_plug_xtask::main_with_args("cargo xtask", args.chain(cargo_args))?;
            Bundles::release()
        }
        Some(name) => bundle_variant(&name, options.debug, &cargo_args)?,
    };
    install_resources(&resources, &bundles)?;
    Ok(bundles)
}

/// Bundles into a folder of its own: the bundler writes to `<folder>/bundled` whatever folder it
/// is told to find the library in.
fn bundle_variant(name: &str, debug: bool, cargo_args: &[String]) -> Result<Bundles> {
    nice_plug_xtask::chdir_workspace_root()?;
    nice_plug_xtask::build(&[PLUGIN_PACKAGE.to_owned()], cargo_args)?;
    let profile = if debug { "debug" } else { "release" };
    let library = library_file_name();
    let staging = target_dir().join(format!("bundle-{name}"));
    copy_file(&target_dir().join(profile).join(&library), &staging.join(profile).join(&library))?;
    nice_plug_xtask::bundle(&staging, PLUGIN_PACKAGE, cargo_args, false)?;
    Ok(Bundles::variant(name))
}

fn library_file_name() -> String {
    let stem = PLUGIN_PACKAGE.replace('-', "_");
    format!("{}{stem}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

fn install_resources(resources: &Path, bundles: &Bundles) -> Result<()> {
    for folder in [bundles.clap_resources(), bundles.vst3_resources()] {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        for part in ["onnxruntime", "models"] {
            copy_dir(&resources.join(part), &folder.join(part))?;
        }
        for licence in licence_files()? {
            let name = licence.file_name().context("a licence file has a name")?;
            copy_file(&licence, &folder.join(name))?;
        }
        let of_typeface = workspace_root().join("editor").join("fonts").join("OFL.txt");
        copy_file(&of_typeface, &folder.join("LICENSE-Inter.txt"))?;
        println!("Resources: {}", folder.display());
    }
    // A signature covers the bundle's files: what was added since has broken it.
    if cfg!(target_os = "macos") {
        for signed in [bundles.clap(), bundles.vst3()] {
            run(Command::new("codesign").args(["--force", "--sign", "-"]).arg(signed))?;
        }
    }
    Ok(())
}

/// The project's own licences, at the workspace's root.
fn licence_files() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(workspace_root())? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if name.is_some_and(|name| name.starts_with("LICENSE")) && path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}
