"""Zooms: networks of parts of the spectrum, fitted apart and joined into one of all bands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import tiny_stems, unfitted

from soloist_train import bands
from soloist_train.batches import whole_clip
from soloist_train.checkpoint import LAST, Checkpoint
from soloist_train.errors import TrainingError
from soloist_train.export import check_parity, export, export_onnx
from soloist_train.fit import fit
from soloist_train.heads import lift
from soloist_train.mix import random_eq, random_matrix
from soloist_train.model import IN_CHANNELS, OUT_CHANNELS, ModelConfig, StudioNet
from soloist_train.muon import Muon
from soloist_train.predict import load_network
from soloist_train.reach import time_reach
from soloist_train.statistics import Layer, mix_statistics
from soloist_train.store import quantise, read_store
from soloist_train.zooms import EDGE_BANDS, join

SMALL: dict[str, Any] = {"base": 4, "widest": 8}
LOW: dict[str, Any] = {**SMALL, "bands": 64, "patch_bands": 1}
MIDDLE: dict[str, Any] = {**SMALL, "first_band": 48, "bands": 144, "patch_bands": 2}


@pytest.mark.parametrize("part", [slice(0, 64), slice(48, 192), slice(300, bands.NUM_BANDS)])
def test_statistics_of_a_part_are_that_part_of_all(part: slice) -> None:
    rng = np.random.default_rng(1)
    layers = [
        Layer(i, quantise(audio), 2, random_eq(rng, 3.0), random_matrix(rng, 3.0))
        for i, audio in enumerate(tiny_stems(1).values())
    ]
    whole, found = mix_statistics(layers, 40, 5), mix_statistics(layers, 40, 5, part)
    for name in ("features", "mix", "cross", "own"):
        expected = getattr(whole, name)[..., part, :]
        assert expected.shape == getattr(found, name).shape
        np.testing.assert_allclose(
            getattr(found, name), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max()
        )


def test_a_joined_network_gives_each_band_to_those_that_see_it() -> None:
    whole, low, middle = unfitted(SMALL, 0), unfitted(LOW, 1), unfitted(MIDDLE, 2)
    joined = join(whole, [low, middle], 0.75).network()
    x = torch.randn(1, IN_CHANNELS, bands.NUM_BANDS, 64)
    with torch.inference_mode():
        found, own = joined(x), whole.network()(x)
        close, closer = low.network()(x[:, :, :64]), middle.network()(x[:, :, 48:192])
    torch.testing.assert_close(found[:, :, 192:], own[:, :, 192:])
    torch.testing.assert_close(found[:, :, :48], 0.25 * own[:, :, :48] + 0.75 * close[:, :, :48])
    inner = slice(64, 192 - EDGE_BANDS)
    expected = 0.25 * own[:, :, inner] + 0.75 * closer[:, :, 16 : 144 - EDGE_BANDS]
    torch.testing.assert_close(found[:, :, inner], expected)
    # At its edge a zoom counts for next to nothing.
    part = 0.75 / (EDGE_BANDS + 1)
    expected = (1 - part) * own[:, :, 191] + part * closer[:, :, 143]
    torch.testing.assert_close(found[:, :, 191], expected)


def test_joining_once_more_adds_a_zoom() -> None:
    whole, low, middle = unfitted(SMALL, 0), unfitted(LOW, 1), unfitted(MIDDLE, 2)
    at_once = join(whole, [low, middle], 0.5)
    one_by_one = join(join(whole, [low], 0.5), [middle], 0.5)
    assert at_once.config == one_by_one.config
    assert set(at_once.ema) == set(one_by_one.ema)
    assert all(torch.equal(value, one_by_one.ema[name]) for name, value in at_once.ema.items())


def test_a_joined_network_is_the_same_one_exported_and_sees_as_far(tmp_path: Path) -> None:
    joined = join(unfitted(SMALL, 0), [unfitted(LOW, 1), unfitted(MIDDLE, 2)], 0.75)
    net = joined.network()
    export_onnx(net, tmp_path / "model.onnx")
    check_parity(net, tmp_path / "model.onnx")
    assert time_reach(net) == time_reach(StudioNet(ModelConfig(**SMALL)))


def test_a_lifted_source_is_lifted_in_all_bands() -> None:
    joined = join(unfitted(SMALL, 0), [unfitted(LOW, 1)], 0.75)
    x = torch.randn(1, IN_CHANNELS, bands.NUM_BANDS, 64)
    with torch.inference_mode():
        change = lift(joined, {"piano": 2.0}).network()(x) - joined.network()(x)
    expected = torch.zeros(OUT_CHANNELS)
    expected[8:10] = 2.0
    torch.testing.assert_close(change, expected[None, :, None, None].expand_as(change))


def test_stems_heads_and_shares_of_zooms_are_adamw_s() -> None:
    net = join(unfitted(SMALL, 0), [unfitted(LOW, 1)], 0.75).network()
    names = {id(p): name for name, p in net.named_parameters()}
    inside, others = ({names[id(p)] for p in g["params"]} for g in Muon(net, 1e-3, 0).param_groups)
    assert "zooms.0.encode.0.conv.conv.weight" in inside
    assert {"shares.0", "zooms.0.stem.conv.weight", "zooms.0.head.weight"} <= others


def test_a_part_is_fitted_alone_then_joined_and_fitted_on(store: Path, tmp_path: Path) -> None:
    schedule = {"iterations": 3, "batch": 4, "frames": 64, "threads": 2, "validate_every": 3}
    for name, model in (("low", LOW), ("whole", SMALL)):
        fit({"model": model, "fit": schedule}, store, tmp_path / name, resume=False)
    low = Checkpoint.load(tmp_path / "low" / LAST)
    with pytest.raises(TrainingError, match="bands 0 to 64 alone, expected 0 to 512"):
        load_network(tmp_path / "low" / LAST)
    about = {"name": "n", "version": "1", "description": "d", "license": "MIT", "authors": ["a"]}
    low.config["card"] = about
    with pytest.raises(TrainingError, match="bands 0 to 64 alone, expected 0 to 512"):
        export(low, tmp_path / "model")
    joined = join(Checkpoint.load(tmp_path / "whole" / LAST), [low], 0.5)
    joined.save(tmp_path / "joined.pt")
    fit(
        {"model": joined.config["model"], "fit": schedule}, store, tmp_path / "on", resume=False,
        init=tmp_path / "joined.pt",
    )  # fmt: skip
    after = Checkpoint.load(tmp_path / "on" / LAST).model
    for name in ("stem.conv.weight", "zooms.0.stem.conv.weight", "shares.0"):
        assert not torch.equal(after[name], joined.model[name]), name


def test_a_clip_of_a_part_has_its_bands(store: Path) -> None:
    clip = next(c for c in read_store(store) if c.kind == "validation")
    whole, found = whole_clip(clip), whole_clip(clip, slice(48, 192))
    assert found.features.shape == (1, 3, 144, whole.features.shape[3])
    torch.testing.assert_close(found.mix, whole.mix[:, :, 48:192])


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ({**LOW, "first_band": 460}, "bands 460 to 524: expected 0 to 512"),
        ({**LOW, "bands": 60}, "expected a divisor of 60 bands"),
        ({**SMALL, "zooms": [{**LOW, "first_band": 480}]}, "bands 480 to 544"),
        ({**LOW, "zooms": [{**LOW, "first_band": 32}]}, "bands 32 to 96: expected 0 to 64"),
        ({**SMALL, "zooms": [{**LOW, "zooms": [LOW]}]}, "no zooms of its own"),
        ({**SMALL, "patch_frames": 3, "bands": 64}, "divisor|must be even, or 1"),
    ],
)
def test_impossible_parts_are_refused(model: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TrainingError, match=sentence):
        ModelConfig.from_dict(model)


def test_a_share_is_a_share() -> None:
    with pytest.raises(TrainingError, match=r"from 0 to 1, found 1\.5"):
        join(unfitted(SMALL, 0), [unfitted(LOW, 1)], 1.5)
