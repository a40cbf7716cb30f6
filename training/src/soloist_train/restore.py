"""Restore: a checkpoint to fit on from, made of an exported network.

An exported network has its batch norms merged into the convolutions. Here each gets one again
that gives back what was merged: measured on mixes, a convolution's output y has the mean m and the
variance v in each channel, and a norm of those statistics with the scale sqrt(v + eps) and the
shift m is the identity. The function stays; what a fit needs, a norm that follows the batch, is
there again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from .averaging import own_examples, show
from .checkpoint import Checkpoint
from .errors import TrainingError
from .half import STORED
from .layers import ConvNorm, Up
from .model import ModelConfig, StudioNet, fold_norms
from .predict import network_file
from .store import Clip


def exported_weights(path: Path, names: Sequence[str]) -> dict[str, Tensor]:
    """The weights `names` of a model folder or an .onnx file, as fp32 however they are stored."""
    file = network_file(path)
    try:
        graph = onnx.load(file).graph
        found = {t.name.removesuffix(STORED): numpy_helper.to_array(t) for t in graph.initializer}
    except Exception as error:
        raise TrainingError(f"{file} is not a readable ONNX network: {error}") from error
    missing = [name for name in names if name not in found]
    if missing:
        raise TrainingError(
            f"{file} has no {missing[0]} ({len(missing)} of {len(names)} weights are missing): "
            "expected the network that the configuration's [model] describes"
        )
    return {name: torch.from_numpy(found[name].astype(np.float32)) for name in names}


def restore(path: Path, config: dict[str, Any], clips: Sequence[Clip], batches: int) -> Checkpoint:
    """A checkpoint that computes what the exported network at `path` does.

    `config` is the configuration that it was fitted with; its norms are measured on `batches` of
    that configuration's mixes of `clips`.
    """
    if batches < 1:
        raise TrainingError(f"{batches} batches: expected 1 or more to measure norms on")
    net = StudioNet(ModelConfig.from_dict(config.get("model", {})))
    fold_norms(net)
    weights = exported_weights(path, list(net.state_dict()))
    for name, value in net.state_dict().items():
        if weights[name].shape != value.shape:
            raise TrainingError(
                f"{path}: {name} is {list(weights[name].shape)}, expected "
                f"{list(value.shape)} by the configuration's [model]"
            )
    net.load_state_dict(weights)
    net = net.to(memory_format=torch.channels_last)
    watched = {n: Spread(m.norm) for n, m in net.named_modules() if isinstance(m, ConvNorm | Up)}
    show(net, own_examples(config, clips), batches)
    for name, spread in watched.items():
        bias = weights.pop(f"{name}.conv.bias")
        weights |= {f"{name}.norm.{k}": v for k, v in spread.norm(bias).items()}
    fresh = StudioNet(net.config)
    fresh.load_state_dict(weights)
    weights = dict(fresh.state_dict())
    return Checkpoint(config, weights, weights, {}, 0)


class Spread:
    """Mean and variance of a convolution's output in each channel, over all that passes."""

    def __init__(self, merged: nn.Module) -> None:
        self.count = 0
        self.sums = self.squares = torch.zeros((), dtype=torch.float64)
        # Where the norm was: not every convolution is called as a module (`layers.Memory`).
        merged.register_forward_hook(lambda _module, _inputs, output: self._add(output))

    def _add(self, output: Tensor) -> None:
        values = output.double()
        self.count += values.numel() // values.shape[1]
        self.sums = self.sums + values.sum(dim=(0, 2, 3))
        self.squares = self.squares + values.square().sum(dim=(0, 2, 3))

    def norm(self, bias: Tensor) -> dict[str, Tensor]:
        """A batch norm's state that, behind the convolution without its `bias`, adds it again."""
        mean = self.sums / self.count
        variance = (self.squares / self.count - mean.square()).clamp(min=0)
        eps = nn.BatchNorm2d(1).eps
        return {
            "weight": (variance + eps).sqrt().float(),
            "bias": mean.float(),
            "running_mean": (mean - bias.double()).float(),
            "running_var": variance.float(),
            "num_batches_tracked": torch.tensor(self.count),
        }
