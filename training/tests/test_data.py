"""Readers of music on tiny files, and the sentences that refuse bad ones."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from conftest import tiny_stems

from soloist_train import data
from soloist_train.bands import SAMPLE_RATE
from soloist_train.errors import TrainingError
from soloist_train.evaluate import TARGETS, evaluate, score_track, write_mixtures


def write_stem_file(path: Path, stems: list[np.ndarray]) -> None:
    """An AAC file with one stereo stream for each stem, as MUSDB18 has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as container:
        streams = [container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo") for _ in stems]
        for stream, audio in zip(streams, stems, strict=True):
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(audio), format="fltp", layout="stereo"
            )
            frame.sample_rate = SAMPLE_RATE
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as the real one, with a file or two of each kind."""
    root = tmp_path_factory.mktemp("music")
    for i, name in enumerate(["Some Band - Some Song", data.VALIDATION[0]]):
        stems = tiny_stems(10 + i, 2.5)
        order = [stems[s] for s in ("drums", "bass", "other", "vocals")]
        write_stem_file(root / "musdb18-7" / "train" / f"{name}.stem.mp4", [order[0], *order])
    for song, names in {"Sodium": ["bass", "drums", "other"], "Caesium": ["drums", "other"],
                        "Lithium": ["drums"]}.items():  # fmt: skip
        for name in names:
            write(root / "everythingisfree" / song / f"{name}.ogg", tiny_stems(3)["drums"])
    for song in ("Rock", "Zeppelin"):
        for name in ("drum-set", "clean-electric-guitar", "clean-electric-guitar-2"):
            write(root / "mdb" / song / f"{name}.ogg", tiny_stems(4)["guitar"][:1])
    write(root / "solo" / "strings" / "cello.ogg", tiny_stems(5)["other"])
    return root


def write(path: Path, audio: np.ndarray, rate: int = SAMPLE_RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio.T, rate)


def test_pieces_keep_to_what_may_be_trained_on(music: Path) -> None:
    pieces = {p.name: p for p in data.find_pieces(music, (1.0,))}
    assert pieces["Some Band - Some Song"].kind == "musdb"
    assert pieces[data.VALIDATION[0]].kind == "validation"
    assert not any("Lithium" in name or "Zeppelin" in name for name in pieces)
    assert pieces["free Sodium"].complete
    # Without a bass stem `other` may hold the bass: it is not used.
    assert set(pieces["free Caesium"].files) == {"drums"} and not pieces["free Caesium"].complete
    assert len(pieces["mdb Rock"].files["guitar"]) == 2 and pieces["mdb Rock"].split
    assert pieces["solo cello"].files.keys() == {"other"}


def test_stem_files_are_read_by_stream(music: Path) -> None:
    track = data.musdb_track(music / "musdb18-7" / "train" / "Some Band - Some Song.stem.mp4")
    truth = tiny_stems(10, 2.5)
    assert set(track) == {"vocals", "drums", "bass", "other"}
    for source, audio in track.items():
        n = min(audio.shape[1], truth[source].shape[1])
        # AAC delays by a priming frame or two, which containers note in different ways.
        assert best_correlation(audio[0, :n], truth[source][0, :n]) > 0.7, source


def best_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Highest correlation of two signals over all lags."""
    size = 2 * len(a)
    product = np.fft.irfft(np.fft.rfft(a, size) * np.fft.rfft(b, size).conj(), size)
    return float(product.max() / np.sqrt((a**2).sum() * (b**2).sum()))


def test_mono_is_doubled_and_speed_changes_the_length(music: Path) -> None:
    piece = next(p for p in data.find_pieces(music, (1.25,)) if p.name == "mdb Rock")
    stems = data.load_piece(piece)
    assert stems["drums"].shape == (2, round(2.0 * SAMPLE_RATE / 1.25))
    np.testing.assert_array_equal(stems["drums"][0], stems["drums"][1])


@pytest.mark.parametrize(
    ("rate", "channels", "sentence"),
    [(48_000, 2, "48000 Hz; 44100 Hz is needed"), (SAMPLE_RATE, 3, "3 channels")],
)
def test_unusable_audio_is_refused(tmp_path: Path, rate: int, channels: int, sentence: str) -> None:
    write(tmp_path / "x.wav", np.zeros((channels, 1000), dtype=np.float32), rate)
    with pytest.raises(TrainingError, match=sentence):
        data.read_audio(tmp_path / "x.wav")


def test_missing_and_broken_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no audio file"):
        data.read_audio(tmp_path / "none.wav")
    (tmp_path / "broken.wav").write_bytes(b"RIFF....")
    with pytest.raises(TrainingError, match="not readable audio"):
        data.read_audio(tmp_path / "broken.wav")
    with pytest.raises(TrainingError, match="no MUSDB18 files"):
        data.musdb_paths(tmp_path, validation=True)


def test_silent_pieces_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", np.zeros((2, 60_000), dtype=np.float32))
    piece = data.Piece("quiet", "solo", True, False, {"drums": [(tmp_path / "a.wav", None)]})
    with pytest.raises(TrainingError, match="quiet is silent"):
        data.load_piece(piece)


def test_perfect_estimates_score_high(music: Path, tmp_path: Path) -> None:
    pytest.importorskip("museval", reason="needs the `evaluate` extra")
    name = data.VALIDATION[0]
    track = data.musdb_track(music / "musdb18-7" / "train" / f"{name}.stem.mp4")
    for source, audio in track.items():
        path = tmp_path / name / f"{source}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, audio.T * 0.99, SAMPLE_RATE, subtype="FLOAT")
    scores = evaluate(music, None, tmp_path, None)
    assert scores.medians()["mean"] == pytest.approx(40.0, abs=1.0)  # an error of 1 %


def test_sdr_does_not_depend_on_the_distortion_filters() -> None:
    museval = pytest.importorskip("museval", reason="needs the `evaluate` extra")
    truth = {s: a[:, :50_000] for s, a in tiny_stems(6).items() if s in TARGETS}
    rng = np.random.default_rng(0)
    estimates = {s: a + rng.normal(0, 0.01, a.shape).astype(np.float32) for s, a in truth.items()}
    # The reference implementation as it is, with its 512 taps and padding.
    sdr, *_ = museval.evaluate(
        np.stack([truth[t].T for t in TARGETS]).astype(np.float64),
        np.stack([estimates[t].T for t in TARGETS]).astype(np.float64),
        win=SAMPLE_RATE, hop=SAMPLE_RATE, mode="v4", padding=True,
    )  # fmt: skip
    found = score_track(truth, estimates)
    for target, row in zip(TARGETS, sdr, strict=True):
        assert found[target] == pytest.approx(float(np.nanmedian(row)), abs=0.01)


def test_mixtures_are_the_sum_of_the_stems(music: Path, tmp_path: Path) -> None:
    write_mixtures(music, tmp_path)
    (path,) = tmp_path.glob("*.wav")
    assert path.stem == data.VALIDATION[0]
    track = data.musdb_track(music / "musdb18-7" / "train" / f"{path.stem}.stem.mp4")
    np.testing.assert_allclose(data.read_audio(path), sum(track.values()), atol=1e-6)
