"""Whether each source's masks are as large as they should be, and lifting those that are not.

The gradient of a softmax by a logit is its mask times something: a source that a fit once gave up,
because it is rare or hard to tell from others, gets next to no masks and next to no gradient, and
stays given up. Its head is *dead*, though its masks may still follow the source. The gain of least
error tells: g = sum(m Re(Cxs)) / sum(m^2 Pxx), with the sums of `statistics.py`, is near 1 for
masks that are right in size and far above for a dead head's.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .bands import SOURCES
from .batches import whole_clip
from .checkpoint import Checkpoint
from .errors import TrainingError
from .loss import head_masks
from .statistics import ALL_BANDS, HEADS
from .store import Clip

DEAD_GAIN = 4.0
"""Masks that are this much too small (12 dB) are no longer learned from."""
_BIAS = "head.bias"
"""What the name of a head's constant ends with; a zoom has a head of its own."""


@dataclass(frozen=True)
class Head:
    """One head over all clips that know its source: energy of the source over that of the mix, of
    the estimate over that of the source, their correlation, and the estimate's gain of least
    error."""

    name: str
    clips: int
    share: float
    level: float
    correlation: float
    gain: float

    @property
    def dead(self) -> bool:
        """Whether the masks are far too small."""
        return self.clips > 0 and self.gain > DEAD_GAIN


def songs(clips: Sequence[Clip], count: int) -> list[Clip]:
    """`count` of the whole songs among clips, evenly; all with 0."""
    whole = [clip for clip in clips if clip.complete]
    return whole[:: max(len(whole) // count, 1)][:count] if count > 0 else whole


def survey(net: nn.Module, clips: Sequence[Clip], part: slice = ALL_BANDS) -> list[Head]:
    """All heads of a network of the bands `part`, in evaluation mode, over the middles of clips."""
    rows: dict[str, list[Tensor]] = {name: [] for name in HEADS}
    for clip in clips:
        batch = whole_clip(clip, part)
        with torch.inference_mode():
            masks = head_masks(net(batch.features.to(memory_format=torch.channels_last)).float())
        mix = batch.mix.unsqueeze(1)
        parts = (mix.expand_as(masks), batch.own, masks * masks * mix, masks * batch.cross)
        sums = torch.stack([part.double().sum(dim=(0, 2, 3, 4)) for part in parts])
        for index, name in enumerate(HEADS):
            if batch.weights[0, index] > 0 and sums[1, index] > 0:
                rows[name].append(sums[:, index])
    return [_head(name, found) for name, found in rows.items()]


def _head(name: str, rows: list[Tensor]) -> Head:
    mix, own, estimate, cross = torch.stack(rows).sum(0).tolist() if rows else [0.0] * 4
    floor = 1e-30
    return Head(
        name,
        len(rows),
        share=own / max(mix, floor),
        level=estimate / max(own, floor),
        correlation=cross / max((own * estimate) ** 0.5, floor),
        gain=cross / max(estimate, floor),
    )


def table(heads: Sequence[Head]) -> str:
    """Heads as Markdown, dead ones named."""
    lines = [
        "| head | clips | energy of the mix | estimate of the source | correlation | best gain | |",
        "|---|---|---|---|---|---|---|",
    ]
    for head in heads:
        if head.clips:
            lines.append(
                f"| {head.name} | {head.clips} | {head.share:.3f} | {head.level:.3f} "
                f"| {head.correlation:.2f} | {head.gain:.2f} | {'dead' if head.dead else ''} |"
            )
    return "\n".join(lines)


def warn_of_dead(checkpoint: Checkpoint, clips: Sequence[Clip], count: int = 24) -> None:
    """Say on standard error which sources a fit has given up, if any."""
    net = checkpoint.network()
    for head in survey(net, songs(clips, count), net.config.part):
        if head.dead:
            print(
                f"warning: the masks of {head.name} are {head.gain:.0f} times too small to be "
                'learned from; see "A source that is never heard" in docs/training.md',
                file=sys.stderr,
            )


def lift(checkpoint: Checkpoint, by: Mapping[str, float]) -> Checkpoint:
    """The checkpoint with a constant added to the logits of sources, in all its weights, to be
    fitted on: e^x times the masks where they are small."""
    unknown = set(by) - set(SOURCES)
    if unknown:
        raise TrainingError(
            f"no sources of a network: {', '.join(sorted(unknown))}; they are {', '.join(SOURCES)}"
        )
    if not all(abs(value) < 100 for value in by.values()):
        raise TrainingError(f"logits are lifted by less than 100, found {dict(by)}")

    def lifted(weights: dict[str, Tensor]) -> dict[str, Tensor]:
        weights = dict(weights)
        for name in [name for name in weights if name.endswith(_BIAS)]:
            bias = weights[name].clone()
            for source, value in by.items():
                first = 2 * SOURCES.index(source)
                bias[first : first + 2] += value
            weights[name] = bias
        return weights

    return replace(
        checkpoint,
        model=lifted(checkpoint.model),
        ema=lifted(checkpoint.ema),
        averages={rate: lifted(weights) for rate, weights in checkpoint.averages.items()},
    )
