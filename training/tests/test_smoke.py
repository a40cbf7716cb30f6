"""The whole way on made-up songs, by the command line: folders of stems to a scored model."""

import json
from pathlib import Path

import pytest
import soundfile
import torch
from conftest import tiny_stems

from soloist_train.bands import SAMPLE_RATE
from soloist_train.cli import main
from soloist_train.errors import TrainingError
from soloist_train.journal import read_log
from soloist_train.music import prepared_store

TINY = Path(__file__).parents[1] / "configs" / "tiny.toml"


def write_song(folder: Path, seed: int, ending: str, names: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for source, audio in tiny_stems(seed).items():
        soundfile.write(folder / f"{names.get(source, source)}.{ending}", audio.T, SAMPLE_RATE)


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A user's folder: two songs to learn from and one in `validation`."""
    root = tmp_path / "My Songs"
    for i, song in enumerate(["One", "Two", "validation/Three"]):
        write_song(root / song, i, "wav", {"vocals": "Lead Vocals", "drums": "Drums"})
    return root


def test_from_a_folder_of_stems_to_a_scored_model(
    songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_",
                 "OMP_WAIT_POLICY"):  # fmt: skip
        monkeypatch.setenv(name, "")  # so that `fit` does not restart pytest
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    torch.set_num_threads(1)
    run, model = tmp_path / "run", tmp_path / "model"
    config = tmp_path / "config.toml"
    config.write_text(TINY.read_text() + '\n[data]\nfolders = ["My Songs"]\nspeeds = [1.0]\n')

    assert main(["fit", str(config), "-o", str(run), "--stop", "6"]) == 0
    assert main(["fit", str(config), "-o", str(run), "--resume"]) == 0
    (half, whole) = read_log(run)
    assert whole["iteration"] == 12 and whole["loss"] < half["loss"]
    assert {"vocals", "guitar", "piano", "mean"} <= set(whole["median_sdr_db"])
    assert len(list((run / "store").glob("*/clip.json"))) == 3

    mean = tmp_path / "mean.pt"
    assert main(["average", str(run / "last.pt"), str(run / "best.pt"), "-o", str(mean),
                 "--store", str(run / "store"), "--batches", "2"]) == 0  # fmt: skip
    assert main(["export", str(mean), "-o", str(model), "--half"]) == 0
    assert "weights of 16 bits change masks" in capsys.readouterr().out

    pytest.importorskip("museval", reason="needs the `evaluate` extra")
    rendered = tmp_path / "rendered"
    write_song(rendered / "000001", 9, "flac", {})
    (rendered / "000001" / "song.json").write_text("{}")
    scores = [str(tmp_path / f"scores.{e}") for e in ("json", "csv", "md")]
    files = ["--json", scores[0], "--csv", scores[1], "--markdown", scores[2]]
    assert main(["evaluate", "--rendered", str(rendered), "--model", str(model), *files]) == 0
    assert "ratio-mask oracle" in capsys.readouterr().out
    table = json.loads(Path(scores[0]).read_text())
    assert table["references"]["ratio"]["median_db"]["mean"] > table["median_db"]["mean"]


def test_a_store_is_made_once_and_again_when_songs_are_added(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = {"data": {"speeds": [1.0]}}
    store = prepared_store(raw, tmp_path, tmp_path / "run", [songs], processes=1)
    assert "preparing 3 pieces" in capsys.readouterr().out
    assert prepared_store(raw, tmp_path, tmp_path / "run", [songs]) == store
    assert capsys.readouterr().out == ""
    write_song(songs / "Four", 4, "wav", {})
    prepared_store(raw, tmp_path, tmp_path / "run", [songs], processes=1)
    assert "preparing 4 pieces" in capsys.readouterr().out
    assert len(list(store.glob("*/clip.json"))) == 4


def test_a_fit_without_music_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TrainingError, match="no music to fit on"):
        prepared_store({}, tmp_path, tmp_path)
    with pytest.raises(TrainingError, match=r"unknown keys in \[data\]"):
        prepared_store({"data": {"folder": "x"}}, tmp_path, tmp_path)
    assert main(["plots", "-o", str(tmp_path)]) == 1
    assert "nothing to draw" in capsys.readouterr().err
