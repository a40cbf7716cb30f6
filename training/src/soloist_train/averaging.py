"""Averaged weights: moving averages while fitting, and the mean of finished checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .batches import Examples
from .checkpoint import Checkpoint
from .errors import TrainingError
from .model import ModelConfig, StudioNet, silent_memories
from .schedule import FitConfig
from .store import Clip

Weights = dict[str, Tensor]


class MovingAverages:
    """Exponential moving averages of a network's weights, one for each rate."""

    def __init__(self, net: nn.Module, rates: Sequence[float]) -> None:
        self.rates = tuple(rates)
        self.weights = [{k: v.clone() for k, v in net.state_dict().items()} for _ in rates]

    def update(self, net: nn.Module, iteration: int) -> None:
        """Move towards the weights; early in a fit the averages follow quickly."""
        state = net.state_dict()
        with torch.no_grad():
            for rate, weights in zip(self.rates, self.weights, strict=True):
                keep = min(rate, (1 + iteration) / (10 + iteration))
                for name, value in state.items():
                    if value.dtype.is_floating_point:
                        weights[name].lerp_(value, 1 - keep)
                    else:
                        weights[name].copy_(value)

    def others(self) -> dict[str, Weights]:
        """The averages of all rates but the first, by rate."""
        return {f"{r:g}": w for r, w in zip(self.rates[1:], self.weights[1:], strict=True)}

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint; a rate that it lacks begins at its first average."""
        for rate, weights in zip(self.rates, self.weights, strict=True):
            found = checkpoint.averages.get(f"{rate:g}", checkpoint.ema)
            if rate == self.rates[0]:
                found = checkpoint.ema
            for name, value in found.items():
                weights[name].copy_(value)


def mean_weights(states: Sequence[Weights], shares: Sequence[float] | None = None) -> Weights:
    """The mean of each weight, by `shares` (alike without); counters are the first's.

    A network that lacks the first's memories counts as one whose memories give nothing.
    """
    first = states[0]
    states = [{**silent_memories(first), **state} for state in states]
    for state in states[1:]:
        if {k: v.shape for k, v in state.items()} != {k: v.shape for k, v in first.items()}:
            raise TrainingError("checkpoints of networks of different shapes have no mean")
    parts = torch.tensor(shares or [1.0] * len(states), dtype=torch.float64)
    if len(parts) != len(states) or not (parts >= 0).all() or not 0 < float(parts.sum()) < np.inf:
        raise TrainingError(
            f"shares {parts.tolist()}: expected {len(states)}, none below 0, not all 0"
        )
    parts /= parts.sum()
    return {
        name: sum(share * s[name].double() for share, s in zip(parts, states, strict=True)).to(
            value
        )
        if value.dtype.is_floating_point
        else value.clone()
        for name, value in first.items()
    }


def show(net: nn.Module, examples: Examples, batches: int) -> None:
    """Run a network on random batches, for what its parts note down meanwhile."""
    share = range(examples.config.batch)
    with torch.inference_mode():
        for i in range(batches):
            net(examples.batch(i, share).features.to(memory_format=torch.channels_last))


def estimate_norms(net: nn.Module, examples: Examples, batches: int) -> None:
    """Measure the batch norms' running statistics anew, as plain means over random batches.

    The statistics of a mean of weights are not the mean of statistics.
    """
    norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    net.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    show(net, examples, batches)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    net.eval()


def own_examples(raw: dict[str, Any], clips: Sequence[Clip]) -> Examples:
    """Mixes as those that a fit by this configuration file sees: in its network's bands."""
    config = FitConfig.from_dict(raw.get("fit", {}))
    part = ModelConfig.from_dict(raw.get("model", {})).part
    return Examples(clips, raw.get("mix", {}), config, part)


def average(
    paths: Sequence[Path], clips: Sequence[Clip], out: Path, batches: int = 60,
    shares: Sequence[float] | None = None,
) -> None:  # fmt: skip
    """Write the mean of checkpoints' averaged weights as a checkpoint to export or begin from.

    The norms' statistics are measured on that many batches; with 0 they are the mean of theirs,
    which serves checkpoints of one run that lie close together.
    """
    checkpoints = [Checkpoint.load(path) for path in paths]
    first = checkpoints[0]
    net = StudioNet(ModelConfig.from_dict(first.config.get("model", {})))
    net.load_state_dict(mean_weights([c.ema for c in checkpoints], shares))
    net = net.to(memory_format=torch.channels_last)
    if batches:
        estimate_norms(net, own_examples(first.config, clips), batches)
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    iteration = max(c.iteration for c in checkpoints)
    Checkpoint(first.config, weights, weights, {}, iteration).save(out)
