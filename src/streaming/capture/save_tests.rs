use std::cell::Cell;
use std::sync::Arc;

use super::*;
use crate::streaming::capture::segment::{Chunk, StreamOrigin};

/// A take of `num_frames` of the mix and two stems, in two chunks, at `place`.
fn take(num_frames: usize, place: HostPlace) -> Take {
    let origin = StreamOrigin {
        model: "duo 1".to_owned(),
        sample_rate_hz: 48_000.0,
        num_channels: 2,
        sources: vec![Instrument::Vocals, Instrument::Other],
    };
    let mut segment = Segment::new(Arc::new(origin), 0, 0, place);
    for num_frames in [num_frames / 2, num_frames - num_frames / 2] {
        segment.push(Chunk { num_frames, samples: vec![0.25; 6 * num_frames] });
    }
    Take { segments: vec![segment] }
}

/// A disk that has room for so many bytes of each file.
struct Full {
    file: File,
    room: usize,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let count = bytes.len().min(self.room);
        self.room -= count;
        self.file.write(&bytes[..count])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let parts = [CapturePart::Mix, CapturePart::Stem(Instrument::Other)];
    // Full in the first file's header, in its samples, and in the second file.
    for room in [[0, 0], [100, 0], [100_000, 0], [usize::MAX, 100_000]] {
        let folder = tempfile::tempdir().unwrap();
        let take = take(48_000, HostPlace::At(1));
        let error = take
            .save_with(&parts, folder.path(), "take", |path| {
                let is_mix = path.to_string_lossy().contains("mix");
                Ok(Full { file: create_new(path)?, room: room[usize::from(!is_mix)] })
            })
            .unwrap_err();
        let CaptureError::Write { source, .. } = &error else { panic!("{error}") };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "room for {room:?}");
    }
}

#[test]
fn no_file_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let save = |num_frames| {
        let parts = [CapturePart::Mix];
        take(num_frames, HostPlace::At(0)).save(&parts, folder.path(), "take").unwrap().remove(0)
    };
    let (first, second) = (save(101), save(7));
    assert!(second.ends_with("take - mix - 0h00m00.000s (2).wav"), "{}", second.display());
    let bytes = |path: &Path| fs::metadata(path).unwrap().len();
    assert_eq!(bytes(&first) - bytes(&second), (101 - 7) * 8);
}

/// Saves the mix; before anything is written to its file, `meanwhile` happens.
fn save_while(folder: &Path, num_frames: usize, meanwhile: impl Fn()) -> PathBuf {
    let has_happened = Cell::new(false);
    let create = |path: &Path| {
        let file = create_new(path)?;
        if !has_happened.replace(true) {
            meanwhile();
        }
        Ok(file)
    };
    let saved =
        take(num_frames, HostPlace::At(0)).save_with(&[CapturePart::Mix], folder, "take", create);
    let mut files = saved.unwrap();
    assert_eq!(files.len(), 1);
    files.remove(0)
}

#[test]
fn saves_of_one_name_at_one_time_do_each_other_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let other = Cell::new(PathBuf::new());
    let file = save_while(folder.path(), 101, || {
        // Another instance finds the disk full in the middle of it, and a third saves.
        let error = take(48_000, HostPlace::At(0))
            .save_with(&[CapturePart::Mix], folder.path(), "take", |path| {
                Ok(Full { file: create_new(path)?, room: 100_000 })
            })
            .unwrap_err();
        assert!(matches!(error, CaptureError::Write { .. }), "{error}");
        other.set(save_while(folder.path(), 7, || ()));
    });
    let other = other.take();
    assert!(other.ends_with("take - mix - 0h00m00.000s.wav"), "{}", other.display());
    assert!(file.ends_with("take - mix - 0h00m00.000s (2).wav"), "{}", file.display());
    let bytes = |path: &Path| fs::metadata(path).unwrap().len();
    assert_eq!(bytes(&file) - bytes(&other), (101 - 7) * 8);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
}

#[test]
fn a_file_that_comes_while_another_is_written_keeps_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let comer = folder.path().join("take - mix - 0h00m00.000s.wav");
    let file = save_while(folder.path(), 101, || fs::write(&comer, "whose?").unwrap());
    assert_eq!(fs::read_to_string(&comer).unwrap(), "whose?");
    assert!(file.ends_with("take - mix - 0h00m00.000s (2).wav"), "{}", file.display());
}

#[test]
fn what_a_crash_has_left_holds_up_nobody_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join("take - mix - 0h00m00.000s.wav.part");
    fs::write(&left, "half").unwrap();
    let file = save_while(folder.path(), 101, || ());
    assert!(file.ends_with("take - mix - 0h00m00.000s.wav"), "{}", file.display());
    assert_eq!(fs::read_to_string(&left).unwrap(), "half");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn names_are_those_of_files_on_any_system() {
    for (name, file) in [
        ("Song 1", "Song 1"),
        ("a/b\\c:d*e?\"<f>|g\n", "a-b-c-d-e---f--g-"),
        ("..", "Soloist"),
        ("  ", "Soloist"),
        (" .hidden ", "hidden"),
    ] {
        assert_eq!(file_name(name), file);
    }
    let long = file_name(&"\u{266b}".repeat(200));
    assert!(long.len() <= MAX_NAME_BYTES && long.chars().all(|c| c == '\u{266b}'));
}
