"""Restore: what was exported can be fitted on, and computes the same until then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from conftest import unfitted

from soloist_train.averaging import own_examples
from soloist_train.errors import TrainingError
from soloist_train.export import export_half, export_onnx
from soloist_train.fit import Fit
from soloist_train.layers import ConvNorm
from soloist_train.model import IN_CHANNELS
from soloist_train.restore import restore
from soloist_train.store import read_store

ZOOM = {"base": 4, "widest": 8, "bands": 64, "patch_bands": 2}
MODEL: dict[str, Any] = {"base": 4, "widest": 16, "zooms": [ZOOM]}
FIT: dict[str, Any] = {"batch": 2, "frames": 64, "threads": 1, "iterations": 1, "warmup": 0}


@pytest.mark.parametrize("model", [MODEL, {"base": 4, "memory": [2], "memory_width": 8}])
@pytest.mark.parametrize("half", [False, True])
def test_a_restored_network_computes_what_was_exported(
    store: Path, tmp_path: Path, model: dict[str, Any], half: bool
) -> None:
    before = unfitted(model, 4, fit=FIT)
    for name, value in before.ema.items():
        if ".widen." in name:  # alike as they begin, memories' weights would be stored once
            value.normal_(std=0.1)
    path = tmp_path / "model.onnx"
    (export_half if half else export_onnx)(before.network(), path)
    after = restore(path, before.config, read_store(store), batches=2)
    x = torch.randn(2, IN_CHANNELS, 512, 64)
    limit = 1e-2 if half else 1e-4
    torch.testing.assert_close(after.network()(x), before.network()(x), atol=limit, rtol=0)


def test_a_restored_network_is_fitted_on(store: Path, tmp_path: Path) -> None:
    before = unfitted(MODEL, 4, fit=FIT)
    export_onnx(before.network(), tmp_path / "model.onnx")
    # A model's folder serves as well as its file.
    restored = restore(tmp_path, before.config, read_store(store), batches=2)
    fit = Fit(before.config, read_store(store), tmp_path / "run")
    fit.begin_from(restored)
    fit.run()
    assert fit.iteration == 1


def test_a_fit_begins_where_the_network_stood(store: Path, tmp_path: Path) -> None:
    """A fit's norms follow the batch: on what they were measured on, nothing changes."""
    before = unfitted(MODEL, 4, fit=FIT)
    export_onnx(before.network(), tmp_path / "model.onnx")
    clips = read_store(store)
    restored = restore(tmp_path, before.config, clips, batches=1)
    features = own_examples(restored.config, clips).batch(0, range(FIT["batch"])).features
    net = restored.network()
    expected = before.network()(features)
    torch.testing.assert_close(net.train()(features), expected, atol=1e-2, rtol=0)
    # A norm that had kept its scale of 1 would change it.
    for module in net.modules():
        if isinstance(module, ConvNorm):
            torch.nn.init.ones_(module.norm.weight)
    assert (net(features) - expected).abs().max() > 0.1


def test_what_cannot_be_restored_is_refused(store: Path, tmp_path: Path) -> None:
    before = unfitted({"base": 4}, 4, fit=FIT)
    path = tmp_path / "model.onnx"
    export_onnx(before.network(), path)
    clips = read_store(store)

    def refused(sentence: str, model: Path = path, batches: int = 1, **shape: Any) -> None:
        with pytest.raises(TrainingError, match=sentence):
            restore(model, {"model": {"base": 4, **shape}, "fit": FIT}, clips, batches)

    refused("is \\[8, 4, 3, 3\\], expected \\[4, 4, 3, 3\\]", widest=4)
    refused("has no zooms.0.stem.conv.weight", zooms=[ZOOM])
    refused("no network at", tmp_path / "nothing")
    refused("0 batches", batches=0)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(path.read_bytes()[:100])
    refused("is not a readable ONNX network", broken)
    onnx.save(without_weights(path), tmp_path / "empty.onnx")
    refused("weights are missing", tmp_path / "empty.onnx")


def without_weights(path: Path) -> onnx.ModelProto:
    """The network without its weights."""
    model = onnx.load(path)
    del model.graph.initializer[:]
    return model
