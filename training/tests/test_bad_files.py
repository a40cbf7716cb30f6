"""Files that are not what they should be: a sentence that names them, never a traceback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import unfitted

from soloist_train.cli import main

RESULTS = Path(__file__).parents[1] / "results"


def refused(capsys: pytest.CaptureFixture, *arguments: str | Path) -> str:
    """The sentence with which the command line ends."""
    assert main([str(a) for a in arguments]) == 1
    text = capsys.readouterr().err
    assert text.startswith("error: ") and "Traceback" not in text
    return text


def test_scores_of_something_else(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    card = {"name": "n", "version": "0.1.0", "description": "d", "license": "l", "authors": ["a"]}
    unfitted({"base": 4, "widest": 8}, 1, card=card).save(tmp_path / "net.pt")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    of = ("export", tmp_path / "net.pt", "-o", tmp_path / "model", "--scores")
    for scores in (broken, RESULTS / "mel-unet.json"):
        assert f"{scores} holds no scores" in refused(capsys, *of, scores)
    assert not (tmp_path / "model").exists()  # nothing half written
    pytest.importorskip("matplotlib", reason="needs the `plots` extra")
    draw = ("plots", "-o", tmp_path, "--scores", RESULTS / "mel-unet.json")
    assert "holds no scores of `evaluate --json`" in refused(capsys, *draw)


def test_a_card_without_a_licence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    card = {"name": "n", "version": "0.1.0", "description": "d", "license": "l", "authors": ["a"],
            "training_data": [{"name": "songs"}]}  # fmt: skip
    unfitted({"base": 4, "widest": 8}, 1, card=card).save(tmp_path / "net.pt")
    text = refused(capsys, "export", tmp_path / "net.pt", "-o", tmp_path / "model")
    assert "needs name and license, found {'name': 'songs'}" in text
    assert not (tmp_path / "model").exists()


def test_networks_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    model = tmp_path / "model"
    assert f"no network at {model}" in refused(capsys, "fixtures", model, "-o", tmp_path / "f")
    model.mkdir()
    (model / "model.onnx").write_bytes(b"not a network")
    assert "onnxruntime cannot load" in refused(capsys, "fixtures", model, "-o", tmp_path / "f")
    assert not (tmp_path / "f").exists()


def test_a_store_with_a_damaged_clip(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    unfitted({"base": 4, "widest": 8}, 1).save(tmp_path / "net.pt")
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    clip = sorted(copy.iterdir())[0] / "clip.json"
    about = json.loads(clip.read_text())
    for text in ("{", json.dumps({k: v for k, v in about.items() if k != "sources"}), "[]"):
        clip.write_text(text)
        text = refused(capsys, "heads", tmp_path / "net.pt", "--store", copy)
        assert f"{clip.parent} is not a whole clip" in text and "prepare the data again" in text


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("fit",), ("--tensorboard",)),
        (("fit",), ("--init", "x.pt")),
        (("evaluate",), ("--csv", "x.csv")),
        (("evaluate",), ("--mdb",)),
        (("export",), ("--ema", "0.9")),
    ],
)
def test_what_seed_systems_lack_is_refused(
    command: tuple[str], option: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Not left out in silence: scores of other songs than those asked for would mislead."""
    monkeypatch.setattr("soloist_train.fit.tune_allocator", lambda: None)  # it restarts Python
    models = Path(__file__).parents[2] / "models"
    config = Path(__file__).parents[1] / "configs" / "mel-unet.toml"
    if command == ("fit",):
        given = ("fit", config, "--store", tmp_path, "-o", tmp_path / "run", *option)
    elif command == ("evaluate",):
        given = ("evaluate", "--data", tmp_path, "--model", models / "mel-unet", *option)
    else:
        checkpoint = tmp_path / "mel.pt"
        seed_checkpoint(config, checkpoint)
        given = ("export", checkpoint, "-o", tmp_path / "out", *option)
    assert f"seed systems do not have {option[0]}" in refused(capsys, *given)


def seed_checkpoint(config: Path, path: Path) -> None:
    """An unfitted mel-unet as a checkpoint."""
    from soloist_train.checkpoint import Checkpoint
    from soloist_train.schedule import read_config
    from soloist_train.seeds.system import build

    raw = read_config(config)
    weights = dict(build(raw).state_dict())
    Checkpoint(raw, weights, weights, {}, 0).save(path)
