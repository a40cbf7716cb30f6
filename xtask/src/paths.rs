//! Where things lie: the workspace, its target folder, resources and bundles.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The plugin's package, its bundles' name and the name of its resource folder.
pub const PLUGIN_PACKAGE: &str = "soloist-plugin";
/// File stem of both bundles (`bundler.toml`).
pub const BUNDLE_NAME: &str = "Soloist";

/// The workspace's root folder.
#[must_use]
pub fn workspace_root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        package.parent().unwrap_or(package).to_path_buf()
    })
}

/// Cargo's target folder, wherever the user's configuration puts it.
#[must_use]
pub fn target_dir() -> &'static Path {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    TARGET.get_or_init(|| {
        cargo_metadata::MetadataCommand::new()
            .manifest_path(workspace_root().join("Cargo.toml"))
            .no_deps()
            .exec()
            .map_or_else(
                |_| workspace_root().join("target"),
                |metadata| metadata.target_directory.into_std_path_buf(),
            )
    })
}

/// The resource folder that `setup` fills: `onnxruntime/` and `models/`.
#[must_use]
pub fn resources_dir() -> PathBuf {
    target_dir().join("soloist-resources")
}

/// A folder that holds both bundles.
#[derive(Debug, Clone)]
pub struct Bundles {
    /// The folder in which `Soloist.clap` and `Soloist.vst3` lie.
    pub dir: PathBuf,
}

impl Bundles {
    /// The release bundles that `cargo xtask bundle` makes.
    #[must_use]
    pub fn release() -> Self {
        Self { dir: target_dir().join("bundled") }
    }

    /// The bundles of a differently built plugin, kept apart from the release bundles.
    #[must_use]
    pub fn variant(name: &str) -> Self {
        Self { dir: target_dir().join(format!("bundle-{name}")).join("bundled") }
    }

    /// The CLAP plugin: a file, or a bundle on macOS.
    #[must_use]
    pub fn clap(&self) -> PathBuf {
        self.dir.join(format!("{BUNDLE_NAME}.clap"))
    }

    /// The VST3 bundle, a folder on every system.
    #[must_use]
    pub fn vst3(&self) -> PathBuf {
        self.dir.join(format!("{BUNDLE_NAME}.vst3"))
    }

    /// Where the CLAP plugin looks for its runtime and models.
    #[must_use]
    pub fn clap_resources(&self) -> PathBuf {
        if cfg!(target_os = "macos") {
            self.clap().join("Contents/Resources")
        } else {
            self.dir.join(format!("{BUNDLE_NAME}-resources"))
        }
    }

    /// Where the VST3 plugin looks for its runtime and models.
    #[must_use]
    pub fn vst3_resources(&self) -> PathBuf {
        self.vst3().join("Contents/Resources")
    }

    /// The shared library inside the VST3 bundle.
    #[must_use]
    pub fn vst3_library(&self) -> PathBuf {
        let contents = self.vst3().join("Contents");
        if cfg!(target_os = "macos") {
            contents.join("MacOS").join(BUNDLE_NAME)
        } else if cfg!(target_os = "windows") {
            let arch = if cfg!(target_arch = "aarch64") { "arm_64-win" } else { "x86_64-win" };
            contents.join(arch).join(format!("{BUNDLE_NAME}.vst3"))
        } else {
            let arch = format!("{}-linux", std::env::consts::ARCH);
            contents.join(arch).join(format!("{BUNDLE_NAME}.so"))
        }
    }
}
