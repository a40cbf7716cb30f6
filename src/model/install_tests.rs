use std::fs;

use super::*;

const CARD: &str = include_str!("../../models/studio/card.toml");

/// A place to install in, and a folder with a model called `name`.
struct Bench {
    root: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn place(&self) -> PathBuf {
        self.root.path().join("models")
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("download")
    }

    /// A whole model in the folder.
    fn make(&self, name: &str, network: &[u8]) {
        fs::create_dir_all(self.folder()).unwrap();
        fs::write(self.folder().join("model.onnx"), network).unwrap();
        self.write_card(name, network);
    }

    fn write_card(&self, name: &str, network: &[u8]) {
        let found: String = Sha256::digest(network).iter().map(|it| format!("{it:02x}")).collect();
        let is_changed = |line: &&str| line.starts_with("name = \"studio\"");
        assert!(CARD.lines().any(|line| is_changed(&line)));
        let lines = CARD.lines().map(|line| match line {
            line if is_changed(&line) => format!("name = {name:?}"),
            line if line.starts_with("sha256") => format!("sha256 = {found:?}"),
            line => line.to_owned(),
        });
        let card = lines.collect::<Vec<_>>().join("\n");
        fs::write(self.folder().join(CARD_FILE), card).unwrap();
    }

    fn install(&self) -> Result<String, InstallError> {
        install_into(&self.place(), &self.folder(), &[self.place()])
    }

    /// Checks that it is refused and leaves nothing behind.
    fn refused(&self) -> InstallError {
        let error = self.install().unwrap_err();
        let left = fs::read_dir(self.place()).map_or(0, Iterator::count);
        assert_eq!(left, 0, "after {error}");
        error
    }
}

#[test]
fn a_model_is_installed_whole_with_its_licence_and_nothing_else() {
    let bench = Bench::new();
    bench.make("duo", b"network");
    for (name, content) in [("LICENSE.md", "free"), ("readme.txt", "hello"), ("run.sh", "rm")] {
        fs::write(bench.folder().join(name), content).unwrap();
    }
    fs::create_dir(bench.folder().join("NOTICES")).unwrap();
    assert_eq!(bench.install().unwrap(), "duo");
    let mut names: Vec<_> = fs::read_dir(bench.place().join("duo"))
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["LICENSE.md", "card.toml", "model.onnx", "readme.txt"]);
    assert_eq!(fs::read(bench.place().join("duo/model.onnx")).unwrap(), b"network");
    let catalogue = Catalogue::scan(&[bench.place()]);
    assert_eq!(catalogue.find("duo").unwrap().folder(), bench.place().join("duo"));
    assert_eq!(fs::read_dir(bench.place()).unwrap().count(), 1, "no draft is left");
}

#[test]
fn a_file_of_the_model_serves_as_its_folder() {
    let bench = Bench::new();
    bench.make("duo", b"network");
    let network = bench.folder().join("model.onnx");
    assert_eq!(install_into(&bench.place(), &network, &[]).unwrap(), "duo");
}

/// What a crash in the middle of an installation leaves.
fn leave_draft(bench: &Bench) -> PathBuf {
    let draft = bench.place().join(".duo.1.draft");
    fs::create_dir_all(&draft).unwrap();
    fs::write(draft.join("model.onnx"), "half").unwrap();
    draft
}

#[test]
fn an_installation_leaves_another_that_is_under_way_alone() {
    let bench = Bench::new();
    bench.make("duo", b"network");
    let draft = leave_draft(&bench);
    let lock = FileLock::try_now(&lock_path(&bench.place())).unwrap();
    assert!(matches!(bench.install().unwrap_err(), InstallError::Busy));
    sweep(&bench.place());
    assert_eq!(fs::read(draft.join("model.onnx")).unwrap(), b"half");
    // It ends, by a crash: what is left of it goes.
    drop(lock);
    bench.install().unwrap();
    assert!(!draft.exists());
    assert_eq!(fs::read(bench.place().join("duo/model.onnx")).unwrap(), b"network");
}

#[test]
fn drafts_share_no_folder() {
    let bench = Bench::new();
    let first = Draft::make(&bench.place(), "duo").unwrap();
    let second = Draft::make(&bench.place(), "duo").unwrap();
    assert_ne!(first.0, second.0);
    let (gone, kept) = (first.0.clone(), second.0.clone());
    drop(first);
    assert!(!gone.exists() && kept.is_dir());
}

#[test]
fn what_a_crash_has_left_is_swept_and_nothing_else() {
    let bench = Bench::new();
    sweep(&bench.place());
    assert!(!bench.place().exists() && !lock_path(&bench.place()).exists());
    let draft = leave_draft(&bench);
    for other in ["duo", ".hidden", "duo.draft"] {
        fs::create_dir(bench.place().join(other)).unwrap();
    }
    sweep(&bench.place());
    assert!(!draft.exists());
    assert_eq!(fs::read_dir(bench.place()).unwrap().count(), 3);
}

#[test]
fn a_network_that_was_shortened_meanwhile_is_found() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("model.onnx");
    assert!(expect_bytes(&path, 4).is_err(), "it is gone");
    fs::write(&path, "half").unwrap();
    assert!(expect_bytes(&path, 4).is_ok());
    let error = expect_bytes(&path, 8).unwrap_err();
    assert!(matches!(error, InstallError::Write { .. }), "{error}");
}

#[test]
fn a_name_that_is_taken_anywhere_is_refused() {
    let bench = Bench::new();
    bench.make("duo", b"network");
    bench.install().unwrap();
    let error = bench.install().unwrap_err();
    assert!(matches!(&error, InstallError::Taken { name, .. } if name == "duo"), "{error}");
    // Of another place that is searched, in whatever case.
    bench.make("DUO", b"other");
    let elsewhere = bench.root.path().join("elsewhere");
    let error = install_into(&elsewhere, &bench.folder(), &[bench.place()]).unwrap_err();
    assert!(matches!(error, InstallError::Taken { .. }), "{error}");
    assert!(!elsewhere.exists());
    assert_eq!(fs::read(bench.place().join("duo/model.onnx")).unwrap(), b"network");
}

#[test]
fn a_damaged_copy_gives_way_to_a_good_one_and_to_no_other() {
    let bench = Bench::new();
    bench.make("duo", b"network");
    bench.install().unwrap();
    let installed = |name: &str| bench.place().join("duo").join(name);
    for (file, content) in
        [("model.onnx", Some("half a net")), ("model.onnx", None), (CARD_FILE, Some("nonsense"))]
    {
        match content {
            Some(content) => fs::write(installed(file), content).unwrap(),
            None => fs::remove_file(installed(file)).unwrap(),
        }
        // What is no better leaves it as it is.
        fs::write(bench.folder().join("model.onnx"), "another").unwrap();
        assert!(matches!(bench.install(), Err(InstallError::Hash { .. })));
        assert_eq!(fs::read_to_string(installed(file)).ok().as_deref(), content);
        // Of another folder that is searched it is not ours to take away.
        bench.make("duo", b"network");
        let elsewhere = bench.root.path().join("elsewhere");
        let error = install_into(&elsewhere, &bench.folder(), &[bench.place()]).unwrap_err();
        assert!(matches!(error, InstallError::Taken { .. }), "{error}");

        assert_eq!(bench.install().unwrap(), "duo", "{file}");
        assert_eq!(fs::read(installed("model.onnx")).unwrap(), b"network");
        assert!(Catalogue::scan(&[bench.place()]).find("duo").is_ok());
        assert_eq!(fs::read_dir(bench.place()).unwrap().count(), 1, "no draft is left");
        assert!(matches!(bench.install(), Err(InstallError::Taken { .. })), "it is whole");
    }
}

#[test]
fn a_network_that_is_not_the_cards_is_refused() {
    let bench = Bench::new();
    bench.make("duo", b"network");
    fs::write(bench.folder().join("model.onnx"), b"another").unwrap();
    assert!(matches!(bench.refused(), InstallError::Hash { .. }));
    fs::remove_file(bench.folder().join("model.onnx")).unwrap();
    assert!(matches!(bench.refused(), InstallError::Read { .. }));
    fs::create_dir(bench.folder().join("model.onnx")).unwrap();
    assert!(matches!(bench.refused(), InstallError::NoFile { .. }));
}

#[test]
fn what_is_no_model_is_refused() {
    let bench = Bench::new();
    assert!(matches!(bench.refused(), InstallError::Card(_)));
    bench.make("duo", b"network");
    for name in ["../outside", "/etc", "..", ".hidden", ""] {
        bench.write_card(name, b"network");
        assert!(matches!(bench.refused(), InstallError::Card(_)), "{name:?}");
    }
    fs::write(bench.folder().join(CARD_FILE), vec![b'#'; 300_000]).unwrap();
    assert!(matches!(bench.refused(), InstallError::Card(CardError::TooLarge { .. })));
}

#[cfg(unix)]
#[test]
fn links_and_pipes_are_not_followed() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new();
    bench.make("duo", b"network");
    let network = bench.folder().join("model.onnx");
    fs::remove_file(&network).unwrap();
    symlink("/dev/zero", &network).unwrap();
    let error = bench.refused();
    assert!(matches!(error, InstallError::NoFile { found: "a link", .. }), "{error}");
    fs::remove_file(&network).unwrap();
    bench.make("duo", b"network");
    let secret = bench.root.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    symlink(&secret, bench.folder().join("LICENSE")).unwrap();
    fs::rename(bench.folder().join(CARD_FILE), bench.folder().join("other.toml")).unwrap();
    symlink("other.toml", bench.folder().join(CARD_FILE)).unwrap();
    assert!(matches!(bench.refused(), InstallError::NoFile { found: "a link", .. }));
    fs::remove_file(bench.folder().join(CARD_FILE)).unwrap();
    fs::rename(bench.folder().join("other.toml"), bench.folder().join(CARD_FILE)).unwrap();
    bench.install().unwrap();
    assert!(!bench.place().join("duo/LICENSE").exists(), "a link is left where it is");
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let bench = Bench::new();
    bench.make("duo", b"network");
    fs::write(bench.place(), "a file").unwrap();
    let error = bench.install().unwrap_err();
    assert!(matches!(error, InstallError::Write { .. }), "{error}");
}

#[test]
fn a_file_longer_than_the_limit_is_refused_after_the_limit() {
    let root = tempfile::tempdir().unwrap();
    let (from, to) = (root.path().join("from"), root.path().join("to"));
    fs::write(&from, [0; 1001]).unwrap();
    assert!(matches!(copy(&from, &to, 1000), Err(InstallError::TooLarge { .. })));
    assert!(copy(&from, &root.path().join("again"), 1001).is_ok());
}
