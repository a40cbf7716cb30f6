"""Losses on band statistics: exact in the band domain, so no bin is touched while fitting."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .bands import SOURCES
from .statistics import ACCOMPANIMENT, FIRST_ACCOMPANIMENT

SEGMENT_FRAMES = 32
"""Frames over which an error is summed before its logarithm: 0.74 s, near the metric's 1 s."""
SLACK, SILENT_SLACK = 0.001, 0.02
"""Share of the mix's energy below which an error is polished no further, where a source plays and
where it is silent."""
SILENT_WEIGHT = 0.15
"""Weight of a segment in which a source is silent, which the metric leaves out. Weighed like the
others, with SLACK for both, giving up a rare source costs less than guessing at it, and a fit gave
up the piano (results/README.md, "A dead head")."""
HEAD_WEIGHTS = (1.0, 1.0, 1.0, 0.8, 0.8, 0.6, 0.6)
"""Weight of each head of `statistics.HEADS` where guitar, piano and other are known apart."""
JOINT_WEIGHTS = (1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0)
"""Weights where only their sum is known."""


@dataclass
class Batch:
    """Examples as tensors: `features` [batch, 3, bands, frames], `mix` [batch, 2, bands, frames],
    `cross` and `own` [batch, heads, 2, bands, frames], `weights` [batch, heads]."""

    features: Tensor
    mix: Tensor
    cross: Tensor
    own: Tensor
    weights: Tensor


def head_masks(logits: Tensor) -> Tensor:
    """Masks [batch, heads, 2, bands, frames] of logits [batch, 12, bands, frames]."""
    batch, _, bands, frames = logits.shape
    masks = torch.softmax(logits.view(batch, len(SOURCES), 2, bands, frames), dim=1)
    accompaniment = masks[:, FIRST_ACCOMPANIMENT:].sum(dim=1, keepdim=True)
    return torch.cat([masks, accompaniment], dim=1)


def error_energy(masks: Tensor, batch: Batch) -> Tensor:
    """Energy of the error in each cell: |mask X - S|^2 summed over the band's bins."""
    mix = batch.mix.unsqueeze(1)
    return torch.clamp(masks * (masks * mix - 2 * batch.cross) + batch.own, min=0.0)


def mask_distance(masks: Tensor, batch: Batch) -> Tensor:
    """[batch, heads]: distance to the clamped phase-sensitive mask, weighted by magnitude."""
    mix = batch.mix.unsqueeze(1)
    target = (batch.cross / (mix + 1e-9)).clamp(0.0, 1.0)
    magnitude = mix.sqrt()
    total = magnitude.sum(dim=(2, 3, 4)) + 1e-3
    return ((masks - target).abs() * magnitude).sum(dim=(2, 3, 4)) / total


def log_error(masks: Tensor, batch: Batch) -> Tensor:
    """[batch, heads]: mean over segments of log(error + 5 % of the source + SLACK of the mix).

    The two constants stop a fit from polishing what is good already.
    """

    def segments(x: Tensor) -> Tensor:
        x = x.sum(dim=(-3, -2))
        return x.unflatten(-1, (-1, SEGMENT_FRAMES)).sum(dim=-1)

    error = segments(error_energy(masks, batch))
    own = segments(batch.own)
    mix = segments(batch.mix.unsqueeze(1))
    heard, plays = mix > 1e-2, own > 1e-3 * mix
    slack = torch.where(plays, SLACK, SILENT_SLACK)
    value = torch.log((error + 0.05 * own + slack * mix + 1e-6) / (mix + 1e-6))
    weight = torch.where(plays, 1.0, SILENT_WEIGHT) * heard
    # By their number: a mean by weight would weigh a wholly silent source like the others.
    return (value * weight).sum(dim=-1) / (heard.sum(dim=-1) + 1e-6)


def loss(logits: Tensor, batch: Batch, distance: float, log: float) -> Tensor:
    """Scalar loss: `distance` x mask distance + `log` x log error, over the known heads."""
    masks = head_masks(logits)
    value = distance * mask_distance(masks, batch)
    if log:
        value = value + log * log_error(masks, batch)
    return (value * batch.weights).sum() / batch.weights.sum()


def median_sdr(logits: Tensor, batch: Batch) -> Tensor:
    """[heads]: median over segments of the SDR in dB, for following a fit (nearly the metric)."""
    frames = logits.shape[-1] // 43 * 43
    error = error_energy(head_masks(logits), batch)[..., :frames].sum(dim=(0, 2, 3))
    own = batch.own[..., :frames].sum(dim=(0, 2, 3))
    error = error.unflatten(-1, (-1, 43)).sum(dim=-1)
    own = own.unflatten(-1, (-1, 43)).sum(dim=-1)
    sdr = 10 * torch.log10((own + 1e-9) / (error + 1e-9))
    return torch.nanmedian(torch.where(own > 1.0, sdr, torch.nan), dim=-1).values


def head_weights(split: bool) -> tuple[float, ...]:
    """Weights of the heads of one example."""
    return HEAD_WEIGHTS if split else JOINT_WEIGHTS


assert len(HEAD_WEIGHTS) == ACCOMPANIMENT + 1
