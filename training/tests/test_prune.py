"""Pruning: the channels that matter least are left out, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import unfitted

from soloist_train.errors import TrainingError
from soloist_train.model import IN_CHANNELS
from soloist_train.prune import prune
from soloist_train.store import read_store

MODEL: dict[str, Any] = {"base": 4, "widest": 16}
FIT = {"batch": 2, "frames": 64, "threads": 1}


@pytest.mark.parametrize("memory", [{}, {"memory": [2, 3], "memory_width": 8}])
def test_what_is_not_heard_goes_first(store: Path, memory: dict[str, Any]) -> None:
    idle = (1, 2, 7, 15)
    before = unfitted({**MODEL, **memory, "base": 2}, 3, fit=FIT)
    before.ema["up.2.conv.weight"][list(idle)] = 0.0
    after = prune(before, read_store(store), 12, batches=2)
    assert after.config["model"]["widest"] == 12
    kept = [i for i in range(16) if i not in idle]
    name = "encode.2.conv.conv.weight"
    torch.testing.assert_close(after.ema[name], before.ema[name][kept][:, kept])
    torch.testing.assert_close(after.ema["up.2.conv.weight"], before.ema["up.2.conv.weight"][kept])
    # Narrower levels keep all their channels, and so their weights.
    for name in ("stem.conv.weight", "inner.conv.conv.weight", "up.0.conv.weight", "head.weight"):
        torch.testing.assert_close(after.ema[name], before.ema[name])


def test_a_pruned_network_runs(store: Path) -> None:
    net = prune(unfitted(MODEL, 3, fit=FIT), read_store(store), 8, batches=1).network()
    assert [net.config.channels(level) for level in range(4)] == [4, 8, 8, 8]
    assert torch.isfinite(net(torch.randn(1, IN_CHANNELS, 512, 64))).all()


@pytest.mark.parametrize("zoom", [None, 0])
def test_a_network_and_its_zoom_are_pruned_apart(store: Path, zoom: int | None) -> None:
    """Channels of the one go; the other keeps all of its weights."""
    before = unfitted({**MODEL, "zooms": [{**MODEL, "bands": 64}]}, 3, fit=FIT)
    after = prune(before, read_store(store), 8, batches=1, zoom=zoom)
    widest = [after.network().config.widest, after.network().config.zooms[0].widest]
    assert widest == ([8, 16] if zoom is None else [16, 8])
    whole, part = ("zooms.0.", "") if zoom is None else ("", "zooms.0.")
    name = "encode.2.conv.conv.weight"
    torch.testing.assert_close(after.ema[whole + name], before.ema[whole + name])
    assert after.ema[part + name].shape == (8, 8, 3, 3)
    torch.testing.assert_close(after.ema["shares.0"], before.ema["shares.0"])
    with pytest.raises(TrainingError, match="zoom 1: the network has 1, numbered from 0"):
        prune(before, read_store(store), 8, batches=1, zoom=1)


@pytest.mark.parametrize(
    ("model", "widest", "sentence"),
    [
        (MODEL, 16, "widest = 16: expected 1 to below the network's 16"),
        (MODEL, 0, "widest = 0"),
    ],
)
def test_what_cannot_be_pruned_is_refused(
    store: Path, model: dict[str, Any], widest: int, sentence: str
) -> None:
    with pytest.raises(TrainingError, match=sentence):
        prune(unfitted(model, 3, fit=FIT), read_store(store), widest, batches=1)
