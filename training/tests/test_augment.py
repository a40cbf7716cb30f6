"""Variants: the same for the same seed, pitch and tempo apart, codecs that keep their place."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import tiny_stems

from soloist_train.augment import (
    KBIT_S,
    Ranges,
    Variant,
    apply_variant,
    draw_variant,
    stretch,
    through_codec,
)
from soloist_train.bands import SAMPLE_RATE
from soloist_train.cli import main
from soloist_train.errors import TrainingError
from soloist_train.store import read_store


def tone(hz: float, seconds: float = 2.0) -> np.ndarray:
    """A stereo tone that sounds in its first half only."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wave = 0.3 * np.sin(2 * np.pi * hz * t) * (t < seconds / 2)
    return np.stack([wave, 0.5 * wave]).astype(np.float32)


def peak_hz(audio: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(audio[0]))
    return float(spectrum.argmax() * SAMPLE_RATE / audio.shape[1])


@pytest.mark.parametrize(("semitones", "tempo"), [(2.0, 1.0), (0.0, 1.15), (-1.5, 0.9)])
def test_pitch_and_tempo_change_apart(semitones: float, tempo: float) -> None:
    pytest.importorskip("pedalboard", reason="needs the `augment` extra")
    got = stretch(tone(440.0), semitones, tempo)
    assert got.shape[1] == pytest.approx(2 * SAMPLE_RATE / tempo, rel=0.01)
    assert peak_hz(got) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.01)
    # The tone still ends in the middle: nothing is shifted.
    level = np.abs(got[0]).reshape(-1)[: got.shape[1] // 20 * 20].reshape(20, -1).max(axis=1)
    assert level[:9].min() > 0.1 and level[11:].max() < 0.05


@pytest.mark.parametrize("codec", list(KBIT_S))
def test_codecs_keep_place_length_and_level(codec: str) -> None:
    stems = tiny_stems(2, 2.0)
    audio = stems["drums"] + stems["guitar"]
    errors = []
    for kbit_s in KBIT_S[codec]:
        got = through_codec(audio, codec, kbit_s)
        assert got.shape == audio.shape and got.dtype == np.float32
        size = 2 * audio.shape[1]
        product = np.fft.rfft(got[0], size) * np.fft.rfft(audio[0], size).conj()
        assert int(np.fft.irfft(product, size).argmax()) == 0
        errors.append(float(((got - audio) ** 2).sum() / (audio**2).sum()))
    # Something is lost, less so at the higher rate, and never most of it.
    assert errors[0] > errors[1] > 1e-6 and errors[0] < 0.6


def test_codecs_do_not_clip_stems_beyond_full_scale() -> None:
    audio = 4 * tone(300.0)
    got = through_codec(audio, "mp3", 160)
    assert np.abs(got).max() == pytest.approx(np.abs(audio).max(), rel=0.1)
    with pytest.raises(TrainingError, match="no codec `mp4`"):
        through_codec(audio, "mp4", 160)


def test_variants_are_drawn_by_seed_and_name() -> None:
    ranges = Ranges(semitones=1.0, tempo=0.1, codec=0.5)
    drawn = [draw_variant("x", i, 5, ranges) for i in range(60)]
    assert drawn == [draw_variant("x", i, 5, ranges) for i in range(60)]
    assert len({v.semitones for v in drawn}) > 50
    assert drawn[3] != draw_variant("y", 3, 5, ranges) != draw_variant("y", 3, 6, ranges)
    assert all(abs(v.semitones) <= 1 and 1 / 1.101 < v.tempo < 1.101 for v in drawn)
    assert 15 < sum(v.codec is not None for v in drawn) < 45
    assert {v.codec for v in drawn} == {None, *KBIT_S}
    assert not any(draw_variant("x", i, 5, Ranges(codec=0.0)).codec for i in range(30))
    with pytest.raises(TrainingError, match=r"variants of 2 semitones, tempo -1 and codec 0.5"):
        Ranges(tempo=-1.0)


def test_stems_of_a_variant_stay_together() -> None:
    pytest.importorskip("pedalboard", reason="needs the `augment` extra")
    stems = {s: a for s, a in tiny_stems(4, 2.0).items() if s in ("drums", "bass")}
    changed = apply_variant(stems, Variant(1, 1.0, 1.1, "mp3", 96))
    assert changed["drums"].shape == changed["bass"].shape
    assert changed["bass"].shape[1] == pytest.approx(2 * SAMPLE_RATE / 1.1, rel=0.01)


def test_variants_are_prepared_beside_their_pieces(tmp_path: Path) -> None:
    pytest.importorskip("pedalboard", reason="needs the `augment` extra")
    song = tmp_path / "music" / "Song"
    song.mkdir(parents=True)
    for source in ("drums", "bass"):
        soundfile.write(song / f"{source}.wav", tiny_stems(1, 3.0)[source].T, SAMPLE_RATE)
    stores = []
    for run in ("a", "b"):
        code = main(["prepare", "--data", str(song.parent), "-o", str(tmp_path / run),
                     "--speeds", "1", "0.8", "--variants", "2", "--seed", "7",
                     "--processes", "1"])  # fmt: skip
        assert code == 0
        stores.append(read_store(tmp_path / run))
    assert [p.name for p in sorted((tmp_path / "a").iterdir())] == [
        "folder-music-Song-0-8", "folder-music-Song-1", "folder-music-Song-1-v1",
        "folder-music-Song-1-v2",
    ]  # fmt: skip
    slow, plain, *variants = stores[0]
    assert slow.frames == pytest.approx(plain.frames / 0.8, abs=2)
    assert all("semitones, tempo" in c.name for c in variants)
    assert len({c.frames for c in (plain, *variants)}) == 3
    for one, other in zip(*stores, strict=True):
        assert one.name == other.name
        for source, stem in one.stems.items():
            np.testing.assert_array_equal(stem.values, other.stems[source].values)
