"""Data sets written on the spot in their real layouts: found, read to the sample, checked."""

import json
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from conftest import tiny_stems

from soloist_train.bands import SAMPLE_RATE
from soloist_train.cli import main
from soloist_train.data import Versions, _prepare, find_pieces, folder_name, prepare, versions
from soloist_train.datasets import (
    Piece,
    Recording,
    find_datasets,
    load_piece,
    probe,
    read,
    sections,
    stream_stems,
)  # fmt: skip
from soloist_train.datasets.audio import BLOCK, blocks, native_blocks
from soloist_train.datasets.check import Cut, check_dataset, check_piece
from soloist_train.datasets.names import TEST, VALIDATION, source_of_name
from soloist_train.errors import TrainingError
from soloist_train.mix import MixConfig, Mixer
from soloist_train.store import quantise, read_store
from soloist_train.store_writer import StemWriter


def write(path: Path, audio: np.ndarray, rate: int = SAMPLE_RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio.T, rate)
    return path


def noise(seconds: float, seed: int = 0, channels: int = 2, rate: int = SAMPLE_RATE) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.1 * rng.normal(size=(channels, round(seconds * rate)))).astype(np.float32)


def write_mp4(path: Path, audio: np.ndarray, layout: str = "stereo") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=SAMPLE_RATE, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio), "fltp", layout)
        frame.sample_rate = SAMPLE_RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


@pytest.fixture
def moisesdb(tmp_path: Path) -> Path:
    song = tmp_path / "moisesdb" / "moisesdb_v0.1" / "0a1b2c3d-uuid"
    tracks = {
        "vocals": ["lead male singer"], "drums": ["kick drum", "overheads"],
        "percussion": ["a-tonal percussion (claps, shakers, congas, cowbell etc)",
                       "pitched percussion (mallets, glockenspiel, ...)"],
        "piano": ["electric piano (rhodes, wurlitzer, piano sound alike)"],
        "other_keys": ["synth pad"], "guitar": ["clean electric guitar"], "bass": ["bass guitar"],
    }  # fmt: skip
    stems, count = [], 0
    for name, kinds in tracks.items():
        entries = []
        for kind in kinds:
            count += 1
            entries.append({"id": f"id{count}", "trackType": kind, "extension": "wav"})
            write(song / name / f"id{count}.wav", noise(1.5, count))
        stems.append({"stemName": name, "tracks": entries})
    about = {"song": "Song", "artist": "Band", "stems": stems}
    (song / "data.json").write_text(json.dumps(about))
    return tmp_path / "moisesdb"


def test_moisesdb_is_mapped_by_its_taxonomy(moisesdb: Path) -> None:
    (dataset,) = find_datasets(moisesdb)
    assert dataset.kind == "moisesdb"
    (piece,) = dataset.pieces()
    counts = {source: len(parts) for source, parts in piece.files.items()}
    # Kick, overheads and claps are drums; the mallets play notes, the pad is no piano.
    assert counts == {
        "vocals": 1, "drums": 3, "other": 2, "piano": 1, "guitar": 1, "bass": 1,
    }  # fmt: skip
    assert piece.split and piece.complete and piece.name.startswith("Band - Song")
    expected = sum(read(Recording(*r)) for r in piece.files["drums"])
    np.testing.assert_allclose(load_piece(piece)["drums"], expected, atol=1e-6)
    next(moisesdb.glob("*/*/bass/*.wav")).unlink()
    (piece,) = dataset.pieces()
    assert not piece.complete and "no bass/id" in piece.problems[0]


def slakh_track(root: Path, name: str) -> None:
    classes = [("Guitar", 30, False), ("Piano", 0, False), ("Bass", 33, False),
               ("Drums", 0, True), ("Strings (continued)", 52, False),
               ("Organ", 16, False)]  # fmt: skip
    lines = ["UUID: x", "stems:"]
    mix = 0
    for i, (kind, program, drum) in enumerate(classes):
        lines += [f"  S{i:02}:", "    audio_rendered: true", f"    inst_class: {kind}",
                  f"    is_drum: {str(drum).lower()}", f"    program_num: {program}"]  # fmt: skip
        audio = noise(1.5, i, channels=1)
        mix = mix + audio
        write(root / name / "stems" / f"S{i:02}.flac", audio)
    lines += ["  S99:", "    audio_rendered: false", "    inst_class: Reed"]
    (root / name / "metadata.yaml").write_text("\n".join(lines))
    write(root / name / "mix.flac", mix)


def test_slakh_is_mapped_by_class_and_keeps_its_splits_apart(tmp_path: Path) -> None:
    root = tmp_path / "slakh2100_flac_redux"
    slakh_track(root / "train", "Track00001")
    slakh_track(root / "test", "Track01900")
    (dataset,) = find_datasets(tmp_path)
    assert dataset.kind == "slakh2100"
    train, test = dataset.pieces()
    assert set(train.files) == {"guitar", "piano", "bass", "drums", "vocals", "other"}
    assert (train.kind, test.kind) == ("slakh", "reserved")
    assert [p.name for p in find_pieces(tmp_path, (1.0, 0.9))] == ["slakh Track00001"]
    assert check_piece(train, Cut(), quick=False).warnings == []
    (root / "train" / "Track00001" / "metadata.yaml").write_text("stems: [1, 2]")
    assert "metadata.yaml is not Slakh's" in check_piece(
        next(iter(dataset.pieces())), Cut(), quick=True
    ).errors[0]  # fmt: skip


def test_musdb_hq_enforces_reserved_songs_by_name(tmp_path: Path) -> None:
    for folder, name in [("train", "A - B"), ("train", VALIDATION[3]), ("train", TEST[7]),
                         ("test", "C - D")]:  # fmt: skip
        song = tmp_path / "musdb18hq" / folder / name
        stems = {s: noise(1.2, i) for i, s in enumerate(("drums", "bass", "other", "vocals"))}
        for stem, audio in stems.items():
            write(song / f"{stem}.wav", audio)
        write(song / "mixture.wav", sum(stems.values()) * (0.3 if name == "A - B" else 1))
    (dataset,) = find_datasets(tmp_path)
    assert dataset.kind == "musdb18-hq"
    kinds = {p.name: p.kind for p in dataset.pieces()}
    assert kinds == {
        "A - B": "musdb", VALIDATION[3]: "validation", TEST[7]: "reserved", "C - D": "reserved",
    }  # fmt: skip
    assert {p.name for p in find_pieces(tmp_path, (1.0,))} == {"A - B", VALIDATION[3]}
    first = next(p for p in dataset.pieces() if p.name == "A - B")
    assert "mixture.wav differs from the sum" in check_piece(first, Cut(), False).warnings[0]
    (first.files["bass"][0].path).unlink()
    first = next(p for p in dataset.pieces() if p.name == "A - B")
    assert not first.complete and "no bass.wav" in first.problems[0]


@pytest.mark.parametrize(
    ("name", "source"),
    [("Drums", "drums"), ("02 Guitar Man - Lead Vocals 1", "vocals"), ("Bass Guitar", "bass"),
     ("bass drum", "drums"), ("E-PIANO", "piano"), ("gtr_L", "guitar"), ("Song mix", "mixture"),
     ("take 3", None), ("strings2", "other")],
)  # fmt: skip
def test_stems_are_told_by_name(name: str, source: str | None) -> None:
    assert source_of_name(name) == source


def test_plain_folders_hold_any_format_rate_and_subset(tmp_path: Path) -> None:
    song = tmp_path / "Mine" / "Song"
    write(song / "Drums.mp3", noise(2.0, 1))
    write(song / "GUITAR 1.flac", noise(2.0, 2, channels=1, rate=48_000), 48_000)
    write(song / "guitar 2.ogg", noise(2.0, 3))
    write_mp4(song / "Bass.m4a", noise(2.0, 4, channels=1), "mono")
    write(tmp_path / "Mine" / "validation" / "Other Song" / "vocals.wav", noise(2.0, 5))
    write(tmp_path / "Mine" / TEST[0] / "vocals.wav", noise(2.0, 5))
    (dataset,) = find_datasets(tmp_path / "Mine")
    assert dataset.kind == "folder"
    pieces = {p.name.removeprefix("Mine "): p for p in dataset.pieces()}
    assert pieces["validation/Other Song"].kind == "validation"
    assert pieces[TEST[0]].kind == "reserved"
    piece = pieces["Song"]
    assert piece.kind == "folder" and piece.split and piece.complete
    assert {s: len(parts) for s, parts in piece.files.items()} == {
        "drums": 1, "guitar": 2, "bass": 1,
    }  # fmt: skip
    stems = load_piece(piece)
    np.testing.assert_array_equal(stems["bass"][0], stems["bass"][1])  # mono is doubled
    assert float(np.sqrt(np.mean(stems["bass"] ** 2))) == pytest.approx(0.1, rel=0.3)
    assert abs(stems["guitar"].shape[1] - 2 * SAMPLE_RATE) < 3000  # AAC adds a frame or two
    # Both guitars are in the sum: independent noises of 0.1 (one resampled, one Vorbis).
    inside = stems["guitar"][:, 5000:80_000]
    assert 0.11 < float(np.std(inside)) < 0.15


def test_hidden_files_are_not_music(tmp_path: Path) -> None:
    write(tmp_path / "Song" / "drums.wav", noise(1.2))
    (tmp_path / "Song" / "._drums.wav").write_bytes(b"not audio")
    (piece,) = find_datasets(tmp_path)[0].pieces()
    assert [r.path.name for _, r in piece.recordings()] == ["drums.wav"]
    write_mp4(tmp_path / "musdb18" / "train" / "A - B.stem.mp4", noise(1.2))
    (tmp_path / "musdb18" / "train" / "._A - B.stem.mp4").write_bytes(b"not audio")
    assert [p.name for p in find_datasets(tmp_path / "musdb18")[0].pieces()] == ["A - B"]


def test_files_without_a_stems_name_make_a_song_incomplete(tmp_path: Path) -> None:
    for name in ("drums.wav", "drums.mp3", "vocals.wav", "take 7.wav"):
        write(tmp_path / "Song" / name, noise(1.2, 1))
    (piece,) = find_datasets(tmp_path)[0].pieces()
    assert len(piece.files["drums"]) == 1 and piece.files["drums"][0].path.suffix == ".wav"
    assert not piece.complete
    assert any("take 7.wav is named after no stem" in p for p in piece.problems)
    assert any("drums.mp3 is taken as a copy of drums.wav" in p for p in piece.problems)


def test_other_is_no_clean_source_without_a_guitar_stem(tmp_path: Path) -> None:
    for song, names in {"A": ("vocals", "other"), "B": ("vocals", "guitar", "other")}.items():
        for name in names:
            write(tmp_path / song / f"{name}.wav", noise(1.2))
    a, b = find_datasets(tmp_path)[0].pieces()
    assert not a.split and b.split


def test_unknown_music_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no music that can be read below"):
        find_datasets(tmp_path)
    with pytest.raises(TrainingError, match="no folder of music"):
        find_datasets(tmp_path / "none")
    with pytest.raises(TrainingError, match="no data set `x`"):
        find_datasets(tmp_path, "x")


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "m4a"])
def test_sections_are_read_to_the_sample(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    audio = noise(4.0)
    write_mp4(path, audio) if suffix == "m4a" else write(path, audio)
    whole = np.concatenate(list(native_blocks(Recording(path))), axis=1)
    assert abs(whole.shape[1] - audio.shape[1]) < 3000
    for start, count in [(0, 1000), (16_385, 50_000), (BLOCK + 3, 20_001)]:
        part = np.concatenate(list(native_blocks(Recording(path), start, count)), axis=1)
        assert part.shape == (2, count)
        np.testing.assert_allclose(part, whole[:, start : start + count], atol=2e-7)


def test_resampling_in_blocks_is_resampling(tmp_path: Path) -> None:
    t = np.arange(3 * 48_000) / 48_000
    write(tmp_path / "x.wav", 0.5 * np.sin(2 * np.pi * 1000 * t)[None], 48_000)
    audio = np.concatenate(list(blocks(Recording(tmp_path / "x.wav"), 1.0, 1.0)), axis=1)
    assert audio.shape[1] == pytest.approx(SAMPLE_RATE, abs=1)
    t = np.arange(audio.shape[1]) / SAMPLE_RATE
    expected = 0.5 * np.sin(2 * np.pi * 1000 * t)
    np.testing.assert_allclose(audio[0, 2000:-2000], expected[2000:-2000], atol=1e-3)


def test_shorter_stems_end_in_silence(tmp_path: Path) -> None:
    write(tmp_path / "Song" / "drums.wav", noise(2.0, 1))
    write(tmp_path / "Song" / "bass.wav", noise(1.0, 2))
    (piece,) = find_datasets(tmp_path)[0].pieces()
    stems = load_piece(piece)
    assert stems["bass"].shape == stems["drums"].shape == (2, 2 * SAMPLE_RATE)
    assert not stems["bass"][:, SAMPLE_RATE:].any() and stems["bass"][:, :SAMPLE_RATE].any()
    warnings = check_piece(piece, Cut(), quick=True).warnings
    assert warnings == [
        "bass.wav lasts 1.00 s and the longest stem 2.00 s: silence will follow it"
    ]  # fmt: skip


def test_sections_lie_evenly(tmp_path: Path) -> None:
    path = write(tmp_path / "Song" / "drums.wav", noise(10.0, channels=1))
    piece = Piece("x", "folder", True, True, {"drums": [(path, None)]})
    parts = sections(piece, 1.0, 3, 2.0)
    assert [p.start_s for p in parts] == [1.0, 4.5, 8.0]
    assert len({folder_name(p) for p in parts}) == 3
    assert len(sections(piece, 1.0, 9, 2.0)) == 4  # more would overlap
    assert [p.start_s for p in sections(piece, 3.0, 5, 20.0)] == [3.0]
    whole = read(Recording(path))
    part = load_piece(parts[1])["drums"]
    np.testing.assert_array_equal(part, whole[:, round(4.5 * SAMPLE_RATE) :][:, : 2 * SAMPLE_RATE])
    with pytest.raises(TrainingError, match=r"lasts 10.0 s: no section of it can begin at 9.5 s"):
        sections(piece, 9.5, 1, 2.0)
    for useless in ((0.0, 0, 2.0), (0.0, 1, 0.0), (-1.0, 1, 2.0)):
        with pytest.raises(TrainingError, match="at least one of a second or more is needed"):
            sections(piece, *useless)
    with pytest.raises(TrainingError, match=r"a speed of 0; 0.25 to 4"):
        list(find_pieces(tmp_path, (0.0,)))


def test_a_stream_of_blocks_is_stored_as_the_whole_is(tmp_path: Path) -> None:
    audio = tiny_stems(3, 2.3)["guitar"]
    rng = np.random.default_rng(0)
    writer = StemWriter(tmp_path, "guitar")
    at = 0
    while at < audio.shape[1]:
        count = int(rng.integers(1, 9000))
        writer.add(audio[:, at : at + count])
        at += count
    writer.close()
    whole = quantise(audio)
    np.testing.assert_array_equal(np.load(tmp_path / "guitar.values.npy"), whole.values)
    np.testing.assert_array_equal(np.load(tmp_path / "guitar.codes.npy"), whole.codes)
    np.testing.assert_array_equal(np.load(tmp_path / "guitar.level.npy"), whole.level_db)


def test_preparing_a_long_song_takes_no_more_memory(tmp_path: Path) -> None:
    peaks = []
    for seconds in (12, 60):
        song = tmp_path / f"{seconds}"
        for name in ("drums", "bass"):
            write(song / "Song" / f"{name}.wav", noise(seconds))
        (piece,) = find_pieces(song, (1.0,))
        tracemalloc.start()
        _prepare(piece, tmp_path / f"store{seconds}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0]
    assert [c.frames for c in read_store(tmp_path)] == [518, 2585]


def test_a_store_of_many_clips_needs_no_open_files(store: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits of a Unix process")
    for i in range(40):
        (tmp_path / f"{i}").symlink_to(next(store.glob("rendered-0")))
    clips = read_store(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 50
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 8, hard))
        mixer = Mixer(clips, MixConfig(), 64)
        for seed in range(60):
            mixer.example(np.random.default_rng(seed))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_crops_are_what_the_whole_holds(store: Path) -> None:
    for clip in read_store(store):
        for stem in clip.stems.values():
            crop = stem.crop(17, 30)
            np.testing.assert_array_equal(crop.values, stem.values[17:47])
            np.testing.assert_array_equal(crop.codes, stem.codes[17:47])
            np.testing.assert_array_equal(crop.level_db, stem.level_db[17:47])
            assert stem.mean_level_db(17, 30) == float(np.mean(stem.level_db[17:47]))


def test_a_stem_cut_short_is_refused(store: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip"
    shutil.copytree(next(store.glob("mdb-*")), clip)
    (found,) = read_store(tmp_path)
    stem = next(iter(found.stems.values()))
    path = clip / f"{stem.source}.values.npy"
    for length in (len(path.read_bytes()) // 2, 100):
        with path.open("r+b") as file:
            file.truncate(length)
        with pytest.raises(TrainingError, match=rf"{path.name}: shorter than {stem.frames} frames"):
            stem.crop(stem.frames - 30, 30)


def test_stores_that_do_not_say_their_frames_are_read(store: Path, tmp_path: Path) -> None:
    old = tmp_path / "clip"
    old.symlink_to(next(store.glob("mdb-*")))
    about = json.loads((old / "clip.json").read_text())
    copy = tmp_path / "old"
    copy.mkdir()
    for path in old.glob("*.npy"):
        (copy / path.name).symlink_to(path)
    del about["frames"]
    (copy / "clip.json").write_text(json.dumps(about))
    new, before = read_store(tmp_path)
    assert {s: x.frames for s, x in new.stems.items()} == {
        s: x.frames for s, x in before.stems.items()
    }
    (copy / "clip.json").write_text(json.dumps(about | {"frames": {"bass": 7}}))
    with pytest.raises(TrainingError, match="not a stem of this analysis"):
        read_store(tmp_path)


def test_the_dry_run_names_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    music = tmp_path / "music"
    for song in ("Good", "Bare", "Broken", "Nan", "Wide", "Quiet"):
        for name in ("drums", "bass", "vocals"):
            write(music / song / f"{name}.wav", noise(1.5, 1))
    (music / "Bare" / "vocals.wav").unlink()
    write(music / "Bare" / "bass.wav", np.zeros((2, 60_000)))
    write(music / "Bare" / "drums.wav", noise(1.0, rate=22_050), 22_050)
    (music / "Broken" / "drums.wav").write_bytes(b"RIFF nonsense")
    bad = noise(1.5)
    bad[0, 777] = np.nan
    soundfile.write(music / "Nan" / "bass.wav", bad.T, SAMPLE_RATE, subtype="FLOAT")
    write(music / "Wide" / "bass.wav", noise(1.5, channels=3))
    for name in ("drums", "bass", "vocals"):
        write(music / "Quiet" / f"{name}.wav", np.zeros((2, 60_000)))
    report = tmp_path / "found.json"
    code = main(["datasets", str(music), "--processes", "1", "--json", str(report)])
    text = capsys.readouterr()
    assert code == 1 and "4 found that would stop `prepare`" in text.err
    found = {p["name"].split()[-1]: p for p in json.loads(report.read_text())[0]["pieces"]}
    assert not found["Good"]["errors"] and not found["Good"]["warnings"]
    bare = " ".join(found["Bare"]["warnings"])
    for words in ("bass is silent", "drums.wav is at 22050 Hz", "no stem for vocals",
                  "drums.wav lasts 1.00 s"):  # fmt: skip
        assert words in bare
    assert "not readable audio" in found["Broken"]["errors"][0]
    assert "not finite" in found["Nan"]["errors"][0]
    assert "3 channels" in found["Wide"]["errors"][0]
    assert "silent or shorter than a second" in found["Quiet"]["errors"][0]
    assert "Good: 1.5 s, 44100 Hz: bass, drums, vocals" in text.out
    # What the dry run says would stop `prepare` does, and the others are prepared.
    code = main(["prepare", "--data", str(music), "--speeds", "1", "-o", str(tmp_path / "store"),
                 "--processes", "1"])  # fmt: skip
    text = capsys.readouterr()
    assert code == 1 and "4 of 6 pieces could not be prepared" in text.err
    assert [c.name for c in read_store(tmp_path / "store")] == ["music Bare", "music Good"]
    assert len(list((tmp_path / "store").iterdir())) == 2


def test_quick_and_section_options_of_the_dry_run(tmp_path: Path) -> None:
    write(tmp_path / "Song" / "drums.wav", np.zeros((2, 5 * SAMPLE_RATE)))
    (dataset,) = find_datasets(tmp_path)
    (found,) = check_dataset(dataset, Cut(0.0, 2, 2.0), quick=True, processes=1)
    assert found.errors == [] and found.sections == 2 and found.seconds == 5.0
    (found,) = check_dataset(dataset, Cut(4.5, 2, 2.0), quick=True, processes=1)
    assert "no section of it can begin at 4.5 s" in found.errors[0]


def test_versions_of_pieces(tmp_path: Path) -> None:
    path = write(tmp_path / "Song" / "drums.wav", noise(130.0, channels=1))
    piece = Piece("x", "folder", True, True, {"drums": [(path, None)]})
    assert list(versions([piece], Versions())) == [piece]
    # Variants of a long song change each of its parts in another way.
    parts = [p for p in versions([piece], Versions(variants=1, seed=3)) if p.variant]
    assert [p.start_s for p in parts] == pytest.approx([0, 130 / 3, 260 / 3])
    assert len({p.variant for p in parts}) == 3
    assert parts == [p for p in versions([piece], Versions(variants=1, seed=3)) if p.variant]
    assert parts != [p for p in versions([piece], Versions(variants=1, seed=4)) if p.variant]
    # Two variants share the first one: asking for more changes nothing.
    more = [p for p in versions([piece], Versions(variants=2, seed=3)) if p.variant]
    assert all(p in more for p in parts) and len(more) == 2 * len(parts)
    assert list(versions([replace(piece, speed=0.9)], Versions(variants=2))) == [
        replace(piece, speed=0.9)
    ]  # fmt: skip
    held = replace(piece, kind="validation")
    (cut,) = versions([held], Versions(variants=2, sections=5))
    assert (cut.start_s, cut.longest_s) == (50.0, 30.0)


def test_pieces_of_one_name_are_refused(tmp_path: Path) -> None:
    pieces = [Piece(n, "folder", True, True, {}) for n in ("A  B", "A-B")]
    with pytest.raises(TrainingError, match="`A  B` and `A-B` would both be folder-A-B-1"):
        prepare(pieces, tmp_path, 1)


def test_probing_reads_headers(tmp_path: Path) -> None:
    path = write_mp4(tmp_path / "x.m4a", noise(2.0))
    info = probe(Recording(path))
    assert info.rate == SAMPLE_RATE and info.channels == 2
    assert info.seconds == pytest.approx(2.0, abs=0.05)
    with pytest.raises(TrainingError, match="no audio stream 3, it has 1"):
        probe(Recording(path, 3))
    assert sum(len(b["drums"][0]) for b in stream_stems(
        Piece("x", "folder", True, True, {"drums": [(path, 0)]}), 1000)
    ) == pytest.approx(2 * SAMPLE_RATE, abs=3000)  # fmt: skip
