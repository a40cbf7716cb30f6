"""Tiny inputs made on the spot: no soundfont, no speech synthesiser and no data set is needed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from soloist_train.bands import SAMPLE_RATE, SOURCES
from soloist_train.checkpoint import Checkpoint
from soloist_train.model import IN_CHANNELS, ModelConfig, StudioNet
from soloist_train.store import Clip, quantise, write_clip


def tiny_stems(seed: int, seconds: float = 2.0) -> dict[str, np.ndarray]:
    """Six stems that differ in spectrum and envelope: tones for most, bursts for drums."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    stems = {}
    for i, source in enumerate(SOURCES):
        hz = 60.0 * 2 ** (i + rng.random())
        wave = 0.1 * np.sin(2 * np.pi * hz * t) * (1 + 0.5 * np.sin(2 * np.pi * (i + 1) * t))
        if source == "drums":
            wave = 0.2 * rng.normal(size=len(t)) * np.exp(-(t % 0.25) / 0.03)
        pan = rng.uniform(0.3, 0.7)
        stems[source] = np.stack([wave * pan, wave * (1 - pan)]).astype(np.float32)
    return stems


def unfitted(model: dict[str, Any], seed: int, **config: Any) -> Checkpoint:
    """A network that was never fitted, but whose norms have seen something."""
    torch.manual_seed(seed)
    net = StudioNet(ModelConfig.from_dict(model))
    net(torch.randn(2, IN_CHANNELS, net.config.bands, 64))
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    return Checkpoint({"model": model, **config}, weights, weights, {}, 5)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three rendered songs, a four-stem one and a validation clip."""
    folder = tmp_path_factory.mktemp("store")
    for seed, kind in enumerate(["rendered", "rendered", "mdb", "musdb", "validation"]):
        stems = tiny_stems(seed)
        if kind in ("musdb", "validation"):
            other = stems.pop("guitar") + stems.pop("piano") + stems["other"]
            stems["other"] = other
        clip = Clip(
            f"{kind} {seed}",
            kind,
            split=kind in ("rendered", "mdb"),
            complete=True,
            stems={s: quantise(a) for s, a in stems.items()},
        )
        write_clip(folder / f"{kind}-{seed}", clip)
    return folder
