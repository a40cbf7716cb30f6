"""Batches for the seed systems: random excerpts, or all chunks of two songs as published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import TrainingError
from ..tables import from_table
from . import mel, system
from .mixing import MixConfig, VocalMixer
from .waveforms import STEMS, Song

EDGE_FRAMES = mel.FFT_SIZE // mel.HOP_SIZE // 2
"""Frames at either end of an excerpt that see beyond it: left out."""


@dataclass(frozen=True)
class FitConfig:
    """The [fit] table. `iterations` of `batch` excerpts, or `epochs` through all chunks."""

    iterations: int = 1000
    epochs: int = 0
    """When above zero: each epoch takes every chunk of `songs` once, in random order."""
    songs: list[str] = field(default_factory=list)
    batch: int = 8
    """Excerpts of an update; with `epochs`, chunks."""
    length: int = 128
    """Of an excerpt: frames (mel-unet) or samples (wave-unet)."""
    optimizer: str = "adamw"
    rate: float = 1.5e-3
    warmup: int = 50
    constant_rate: bool = False
    weight_decay: float = 1e-2
    ema: float = 0.99
    l1: float = 0.0
    """Weights of the terms of the loss: `mel_loss`; wave-unet has the mean absolute error."""
    distance: float = 0.0
    log: float = 0.0
    bfloat16: bool = True
    seed: int = 1
    save_every: int = 100
    report_every: int = 100

    @staticmethod
    def from_dict(values: dict[str, Any]) -> FitConfig:
        """Build from a configuration table, refusing unknown keys and useless values."""
        config = from_table(FitConfig, "fit", values)
        if min(config.iterations, config.batch, config.length, config.save_every) < 1:
            raise TrainingError("iterations, batch, length and save_every must be at least 1")
        if config.optimizer not in ("adam", "adamw"):
            raise TrainingError(f"optimizer = {config.optimizer!r}; expected adam or adamw")
        if config.epochs and not config.songs:
            raise TrainingError("a fit in epochs needs `songs`, the names of those to learn")
        return config


class Excerpts:
    """Batches of random excerpts as the system's network wants them."""

    def __init__(self, config: dict[str, Any], fit: FitConfig, songs: Sequence[Song]) -> None:
        self.fit, self.kind = fit, system.kind_of(config)
        self.chunk = system.chunk_of(config)
        samples = fit.length
        if self.kind == "mel-unet":
            samples = (fit.length + 2 * EDGE_FRAMES - 1) * mel.HOP_SIZE
        elif fit.length % self.chunk:
            raise TrainingError(f"length = {fit.length} is no multiple of chunk = {self.chunk}")
        self.mixer = VocalMixer(songs, MixConfig.from_dict(config.get("mix", {})), samples)
        self.iterations = fit.iterations

    def batch(self, iteration: int) -> dict[str, Tensor]:
        """The batch of an iteration: `input`, `target`, and `statistics` for mel-unet."""
        f = self.fit
        pairs = [
            self.mixer.example(np.random.default_rng((f.seed, iteration, place)))
            for place in range(f.batch)
        ]
        if self.kind == "wave-unet":
            mixes, targets = (
                np.concatenate(x).reshape(-1, 1, self.chunk) for x in zip(*pairs, strict=True)
            )
            return {"input": torch.from_numpy(mixes), "target": torch.from_numpy(targets)}
        rows = [mel_statistics(*pair) for pair in pairs]
        inputs, targets, statistics = (
            torch.from_numpy(np.stack(x)) for x in zip(*rows, strict=True)
        )
        return {"input": inputs[:, None], "target": targets, "statistics": statistics}


def mel_statistics(mix: np.ndarray, vocals: np.ndarray) -> tuple[np.ndarray, ...]:
    """Features of mix and vocals [bands, frames], and band sums [3, bands, frames] of |X|^2,
    Re(S conj X) and |S|^2 over the window sum's square; the outer frames are left out."""
    analysis = mel.Analysis()
    X, S = analysis.stft(np.stack([mix, vocals]))[:, :, EDGE_FRAMES:-EDGE_FRAMES]
    cross = (X.real * S.real + X.imag * S.imag).astype(np.float32)
    mixed, own = analysis.power(X), analysis.power(S)
    shared = (mel.filters(analysis) @ cross) / np.float32(analysis.window_sum**2)
    statistics = np.stack([mixed, shared, own]).astype(np.float32)
    return mel.to_features(mixed), mel.to_features(own), statistics


class Chunks:
    """All chunks of some songs' one channel, in a new order each epoch: the published way."""

    def __init__(self, config: dict[str, Any], fit: FitConfig, songs: Sequence[Song]) -> None:
        self.fit = fit
        self.chunk = system.chunk_of(config)
        by_name = {song.name: song for song in songs}
        missing = [name for name in fit.songs if name not in by_name]
        if missing:
            raise TrainingError(f"the store has no song {', '.join(missing)}")
        chosen = [by_name[name] for name in fit.songs]
        self.mixes, self.targets = self._channel(chosen, 0)
        self.validation = self._channel(chosen, 1)
        self.per_epoch = max(len(self.mixes) // fit.batch, 1)
        self.iterations = fit.epochs * self.per_epoch

    def _channel(self, songs: list[Song], channel: int) -> tuple[np.ndarray, np.ndarray]:
        """Chunks [n, 1, chunk] of mix and vocals."""
        pairs = []
        for song in songs:
            count = song.samples // self.chunk * self.chunk
            stems = {s: song.read(s, 0, count)[channel] for s in STEMS}
            mix = np.sum(list(stems.values()), axis=0)
            pairs.append((mix, stems["vocals"]))
        mixes, targets = (
            np.concatenate(x).reshape(-1, 1, self.chunk) for x in zip(*pairs, strict=True)
        )
        return mixes, targets

    def batch(self, iteration: int) -> dict[str, Tensor]:
        """The batch of an iteration."""
        epoch, place = divmod(iteration, self.per_epoch)
        order = np.random.default_rng((self.fit.seed, epoch)).permutation(len(self.mixes))
        chosen = order[place * self.fit.batch : (place + 1) * self.fit.batch]
        mixes, targets = self.mixes[chosen], self.targets[chosen]
        return {"input": torch.from_numpy(mixes), "target": torch.from_numpy(targets)}
