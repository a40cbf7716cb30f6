"""Zooms: networks of parts of the spectrum, fitted apart, put into a network of all bands."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .checkpoint import Checkpoint
from .errors import TrainingError
from .model import OUT_CHANNELS, ModelConfig, StudioNet

EDGE_BANDS = 8
"""Bands within which a zoom's share falls off: next to its edge it knows one side only."""


def first_share(zoom: ModelConfig, whole: ModelConfig, share: float) -> Tensor:
    """The share [channels, bands, 1] that a zoom's logits begin with: `share`, less towards an
    edge beyond which there are more bands."""
    ramp = torch.arange(1, zoom.bands + 1) / (EDGE_BANDS + 1)
    fade = torch.ones(zoom.bands)
    if zoom.part.start > whole.part.start:
        fade = torch.minimum(fade, ramp)
    if zoom.part.stop < whole.part.stop:
        fade = torch.minimum(fade, ramp.flip(0))
    return (share * fade)[None, :, None].repeat(OUT_CHANNELS, 1, 1)


def join(whole: Checkpoint, zooms: Sequence[Checkpoint], share: float) -> Checkpoint:
    """A network with its zooms, of the averaged weights of all, to be fitted on as one. Zooms
    that it has already stay, before the new ones."""
    if not 0 <= share <= 1:
        raise TrainingError(f"the share of a zoom is from 0 to 1, found {share}")
    model = dict(whole.config.get("model", {}))
    before = list(model.get("zooms", ()))
    model["zooms"] = [*before, *(zoom.config.get("model", {}) for zoom in zooms)]
    config = ModelConfig.from_dict(model)
    weights = dict(whole.ema)
    for i, zoom in enumerate(zooms, len(before)):
        weights |= {f"zooms.{i}.{name}": value for name, value in zoom.ema.items()}
        weights[f"shares.{i}"] = first_share(config.zooms[i], config, share)
    StudioNet(config).load_state_dict(weights)
    return Checkpoint({**whole.config, "model": model}, weights, weights, {}, 0)
