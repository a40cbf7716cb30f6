"""`mel-unet`: the first seed's 2-D U-Net, log-mel of the mix in, log-mel of the target out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..bands import Float
from ..layers import ConvNorm, Up
from ..model import fold_norms
from ..tables import from_table
from . import mel

INPUT, OUTPUT = "features", "estimate"


@dataclass(frozen=True)
class MelUNetConfig:
    """Shape of the network: `base` channels, doubled at each of `levels` halvings to `widest`."""

    base: int = 16
    levels: int = 5
    widest: int = 128
    twice_from: int = 2
    """First level (0 = finest) with a second convolution on the way down."""

    @staticmethod
    def from_dict(values: dict[str, Any]) -> MelUNetConfig:
        """Build from a configuration table, refusing unknown keys."""
        return from_table(MelUNetConfig, "model", values)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain values, for checkpoints."""
        return asdict(self)


class MelUNet(nn.Module):
    """U-Net with strided convolutions down, transposed ones up and skips by concatenation.

    Its last layer gives how far the target lies below the mix, not the target's level: a plain
    last layer has to copy 512 bands of the mix exactly through the network before the ratio of
    the two says anything, and masked reconstruction hears only that ratio.
    """

    def __init__(self, config: MelUNetConfig) -> None:
        super().__init__()
        self.config = config
        c = [min(config.base * 2**i, config.widest) for i in range(config.levels + 1)]
        levels = range(1, config.levels + 1)
        self.stem = ConvNorm(1, c[0])
        self.down = nn.ModuleList([ConvNorm(c[i - 1], c[i], stride=2) for i in levels])
        self.encode = nn.ModuleList(
            [ConvNorm(c[i], c[i]) if i >= config.twice_from else nn.Identity() for i in levels]
        )
        self.up = nn.ModuleList([Up(c[i], c[i - 1]) for i in levels])
        self.decode = nn.ModuleList([ConvNorm(2 * c[i - 1], c[i - 1]) for i in levels])
        self.head = nn.Conv2d(c[0], 1, 3, padding=1)
        with torch.no_grad():
            self.head.weight *= 0.1
            self.head.bias.fill_(-1.0)  # type: ignore[union-attr]  # begin 6 dB below the mix

    def forward(self, features: Tensor) -> Tensor:
        """Features of the mix [batch, 1, bands, frames] to those of the target, same shape."""
        x = self.stem(features)
        skips: list[Tensor] = []
        for down, encode in zip(self.down, self.encode, strict=True):
            skips.append(x)
            x = encode(down(x))
        for up, decode in zip(reversed(self.up), reversed(self.decode), strict=True):
            x = decode(torch.cat([torch.relu(up(x)), skips.pop()], dim=1))
        below = functional.softplus(self.head(x))
        return torch.clamp(features - below, min=mel.SILENCE_FEATURE)

    def folded(self) -> MelUNet:
        """A copy for inference: batch norms merged into the convolutions."""
        copy = MelUNet(self.config)
        copy.load_state_dict(self.state_dict())
        fold_norms(copy)
        return copy


def mel_loss(
    estimate: Tensor,
    features: Tensor,
    target: Tensor,
    statistics: Tensor,
    weights: dict[str, float],
) -> Tensor:
    """The seed's L1 on log-mel, and two terms on the masked mix; a scalar.

    `estimate`, `features`, `target` are [batch, bands, frames]; `statistics` [batch, 3, bands,
    frames] holds the filters' sums of |X|^2, Re(S conj X) and |S|^2. For a mask m in a band the
    error is m^2 Pxx - 2 m Cxs + Pss, exact up to the interpolation between bands.

    - `l1`: |estimate - target| where either lies above the mix by no less than RANGE_DB: bands in
      which the target is inaudible count as long as the estimate is audible.
    - `distance`: |m - clamped phase-sensitive mask| weighted by the mix's magnitude.
    - `log`: logarithm of the error over a whole example, which is its SDR.
    """
    mixed, cross, own = statistics.unbind(1)
    floor = features - RANGE_DB / mel.STD_DB
    l1 = (torch.maximum(estimate, floor) - torch.maximum(target, floor)).abs().mean()
    mask = torch.pow(10.0, (estimate - features) * (mel.STD_DB / 20.0))
    ideal = (cross / mixed.clamp_min(1e-12)).clamp(0.0, 1.0)
    size = mixed.clamp_min(0.0).sqrt()
    distance = ((mask - ideal).abs() * size).sum() / size.sum().clamp_min(1e-6)
    error = (mask * mask * mixed - 2.0 * mask * cross + own).clamp_min(0.0).sum(dim=(1, 2))
    scale = own.sum(dim=(1, 2)) * 0.05 + mixed.sum(dim=(1, 2)) * 0.002 + 1e-7
    log = torch.log(error + scale).mean()
    return weights["l1"] * l1 + weights["distance"] * distance + weights["log"] * log


RANGE_DB = 40.0
"""Levels of the target below the mix's by more than this all count as silent."""


def estimate_features(net: Any, features: Float) -> Float:
    """Estimate [1, bands, frames] for features [1, bands, frames] of any number of frames.

    `net` is a callable on [1, 1, bands, frames]; the frames are padded with silence in front.
    """
    frames = features.shape[2]
    length = max(-(-frames // mel.FRAME_MULTIPLE), 2) * mel.FRAME_MULTIPLE
    window = np.full((1, 1, mel.NUM_BANDS, length), mel.SILENCE_FEATURE, dtype=np.float32)
    window[0, :, :, length - frames :] = features
    return net(window)[0][:, :, length - frames :]


def separate_vocals(net: Any, audio: Float, rate: int) -> Float:
    """Vocals [2, samples] of a stereo mix at its own rate, the way the engine does it."""
    analysis = mel.Analysis(rate)
    spectrum = analysis.stft(audio)
    x = mel.features(spectrum, analysis)
    mask = mel.band_mask(x[0], estimate_features(net, x)[0])
    return analysis.istft(spectrum * mel.expand_mask(mask, analysis), audio.shape[1])
