"""Pruning: a network with fewer channels at its widest levels, made from a fitted one.

Which channels go is decided by the first order of the loss's Taylor series, as in P. Molchanov et
al., "Pruning Convolutional Neural Networks for Resource Efficient Inference", 2017, equation 8:
the mean of |activation x gradient|. What is left is to be fitted on.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .averaging import estimate_norms, own_examples
from .batches import Examples
from .checkpoint import Checkpoint
from .errors import TrainingError
from .fastloss import fast_loss
from .model import ModelConfig, StudioNet
from .store import Clip


def importance(
    net: StudioNet, examples: Examples, batches: int, zoom: int | None = None
) -> list[Tensor]:
    """For each level of the network, or of one of its zooms, what the whole's loss would change by
    without each of its channels (relative)."""
    net = copy.deepcopy(net).eval()
    part = _part(net, zoom)
    found = [torch.zeros(part.config.channels(level)) for level in range(part.config.levels + 1)]

    def watch(stage: nn.Module, level: int) -> None:
        def weigh(activation: Tensor) -> None:
            def add(gradient: Tensor) -> None:
                effects = (activation * gradient).detach().sum(dim=(2, 3))
                found[level] += effects.abs().sum(dim=0)

            activation.register_hook(add)

        stage.register_forward_hook(lambda _stage, _inputs, output: weigh(output))

    watch(part.inner, 0)
    for level, stage in enumerate(part.encode, 1):
        watch(stage, level)
    for level, stage in enumerate(part.decode):
        watch(stage, level)
    config = examples.config
    for i in range(batches):
        batch = examples.batch(i, range(config.batch))
        logits = net(batch.features.to(memory_format=torch.channels_last))
        fast_loss(logits, batch, config.distance, config.log).backward()
    return found


def _part(net: StudioNet, zoom: int | None) -> StudioNet:
    """The network, or one of its zooms."""
    if zoom is None:
        return net
    if not 0 <= zoom < len(net.zooms):
        raise TrainingError(f"zoom {zoom}: the network has {len(net.zooms)}, numbered from 0")
    found = net.zooms[zoom]
    assert isinstance(found, StudioNet)
    return found


def _axes(name: str) -> list[tuple[int, int]]:
    """Which axes of a weight are channels of which level: pairs of axis and level."""
    part, *rest = name.split(".")
    index = int(rest.pop(0)) if part in ("down", "encode", "up", "decode") else 0
    last = ".".join(rest)
    if part == "down":
        return [(0, index + 1), (1, index)] if last == "conv.weight" else [(0, index + 1)]
    if part == "up":  # a transposed convolution's inputs come first
        return [(0, index + 1), (1, index)] if last == "conv.weight" else [(0, index)]
    if part == "stem" or name == "head.weight":
        return [(0, 0)]
    level = index + 1 if part == "encode" else index
    if part not in ("inner", "encode", "decode"):
        return []
    if last.startswith("conv.norm") or last == "memory.widen.weight":
        return [(0, level)]
    if last == "conv.conv.weight":
        return [(0, level), (1, level)]
    return [(1, level)] if last == "memory.narrow.weight" else []


def prune(
    checkpoint: Checkpoint, clips: Sequence[Clip], widest: int, batches: int,
    zoom: int | None = None,
) -> Checkpoint:  # fmt: skip
    """The averaged weights with at most `widest` channels at a level of the network, or of its
    zoom number `zoom`, by `batches` of the checkpoint's own mixes; the norms' statistics are
    measured anew on as many."""
    net = checkpoint.network().to(memory_format=torch.channels_last)
    config = _part(net, zoom).config
    if not 0 < widest < config.channels(config.levels):
        raise TrainingError(
            f"widest = {widest}: expected 1 to below the network's {config.channels(config.levels)}"
        )
    examples = own_examples(checkpoint.config, clips)
    model = copy.deepcopy(checkpoint.config.get("model", {}))
    table, prefix = (model, "") if zoom is None else (model["zooms"][zoom], f"zooms.{zoom}.")
    table["widest"] = widest
    smaller = ModelConfig.from_dict(table)
    kept = [
        found.topk(smaller.channels(level)).indices.sort().values
        for level, found in enumerate(importance(net, examples, batches, zoom))
    ]
    weights = {}
    for name, value in net.state_dict().items():
        inside = name.startswith(prefix) and value.dim() > 0
        for axis, level in _axes(name.removeprefix(prefix)) if inside else []:
            value = value.index_select(axis, kept[level])
        weights[name] = value.contiguous()
    pruned = StudioNet(ModelConfig.from_dict(model))
    pruned.load_state_dict(weights)
    pruned = pruned.to(memory_format=torch.channels_last)
    estimate_norms(pruned, examples, batches)
    weights = {name: value.clone() for name, value in pruned.state_dict().items()}
    return Checkpoint({**checkpoint.config, "model": model}, weights, weights, {}, 0)
