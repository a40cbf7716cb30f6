"""The context study: what it measures, and that it goes on where it was left."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from soloist_train import bands, context, export
from soloist_train.errors import TrainingError
from soloist_train.export import export_onnx, session
from soloist_train.model import ModelConfig, StudioNet
from soloist_train.predict import predict_masks
from soloist_train.reach import time_reach
from soloist_train.testsets import FOUR, TestSet


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    net = StudioNet(ModelConfig(base=4, widest=8)).eval()
    # A network that has learned nothing gives nearly equal masks.
    with torch.no_grad():
        net.head.weight *= 100
    export_onnx(net, folder / "model.onnx")
    (folder / "card.toml").write_text(f"[window]\ncontext = {time_reach(net).context}\n")
    return folder


def _noise() -> dict[str, bands.Float]:
    rng = np.random.default_rng(4)
    return {t: rng.normal(scale=0.1, size=(2, 132_300)).astype(np.float32) for t in FOUR}


def test_windows_are_those_of_the_engine() -> None:
    # As in the engine's own test of its schedules.
    assert context.shortest_window(63, 24, 32) == 128
    assert context.shortest_window(63, 8, 12) == 96
    assert context.shortest_window(640, 24, 32) == 640
    measured = context.settings(63)
    assert len(measured) == len(set(measured))
    assert all(s.window % 32 == 0 and s.window >= s.emission + s.lookahead for s in measured)


def test_short_windows_give_the_masks_of_whole_ones(model: Path) -> None:
    run = session(model / "model.onnx")
    features = bands.features(bands.stft(_noise()["vocals"]))

    def masks(length: int) -> bands.Float:
        return predict_masks(
            lambda x: run.run(["mask_logits"], {"features": x[None]})[0][0], features, 12, 8, length
        )

    whole = masks(bands.WINDOW_FRAMES)
    np.testing.assert_allclose(masks(96), whole, atol=1e-5)
    # Control: too short a window shows.
    assert np.abs(masks(32) - whole).max() > 1e-3


def test_a_study_measures_each_setting_once_and_draws_what_it_found(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = TestSet("noise", FOUR, True, {"noise": _noise})
    frames = context.card_context(model)
    path = tmp_path / "context.json"
    of_study = [context.Setting(96, 8, 12), context.Setting(64, 8, 24)]
    monkeypatch.setattr(context, "settings", lambda _: of_study[:1])
    (first,) = context.study(model, frames, test, path)
    assert first["run_ms"] > 0 and np.isfinite(first["museval_db"]["mean"])
    monkeypatch.setattr(context, "settings", lambda _: of_study)
    monkeypatch.setattr(export, "TIMED_RUNS", 1)
    rows = context.study(model, frames, test, path)
    assert rows[0] == first and rows[1]["window"] == 64
    assert json.loads(path.read_text())["rows"] == rows
    assert context.table(rows).count("\n") == 3
    context.plot(rows, frames, tmp_path / "context.png")
    assert (tmp_path / "context.png").stat().st_size > 1000


def test_a_card_without_a_context_cannot_be_studied(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text("[window]\nframes = 640\n")
    with pytest.raises(TrainingError, match="has no \\[window\\] context"):
        context.card_context(tmp_path)
