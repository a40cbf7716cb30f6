"""What a fit descends: the band loss and, if asked for, teachers' masks and unsure masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from .bands import SOURCES
from .checkpoint import Checkpoint
from .fastloss import fast_loss
from .loss import Batch, loss
from .schedule import DistillConfig


def _per_source(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """[batch, sources, 2, bands, frames] of logits [batch, 12, bands, frames]."""
    batch, _, bands, frames = logits.shape
    return logits.float().view(batch, len(SOURCES), 2, bands, frames) / temperature


def _weighted(values: Tensor, mix: Tensor) -> Tensor:
    """Mean of values [batch, 2, bands, frames], weighted by the mix's magnitude."""
    magnitude = mix.sqrt()
    return (values * magnitude).sum() / (magnitude.sum() + 1e-3)


def soft_loss(logits: Tensor, target: Tensor, mix: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of masks with target masks [batch, sources, 2, bands, frames], times T²
    so that gradients keep their size (Hinton, Vinyals, Dean 2015, section 2)."""
    log_masks = torch.log_softmax(_per_source(logits, temperature), dim=1)
    return temperature**2 * _weighted(-(target * log_masks).sum(dim=1), mix)


def confidence(logits: Tensor, mix: Tensor) -> Tensor:
    """Negative entropy of the masks in nats (Pereyra et al. 2017): -ln 6 where they are equal,
    0 where each cell has one source."""
    log_masks = torch.log_softmax(_per_source(logits), dim=1)
    return _weighted((log_masks.exp() * log_masks).sum(dim=1), mix)


class Teachers:
    """Networks of which the mean mask is learned from."""

    def __init__(self, nets: Sequence[nn.Module], temperature: float) -> None:
        self.nets = list(nets)
        self.temperature = temperature

    @staticmethod
    def load(config: DistillConfig, device: torch.device) -> Teachers:
        """The averaged weights of the configuration's checkpoints."""
        nets = []
        for path in config.teachers:
            net = Checkpoint.load(Path(path)).network().to(device)
            nets.append(net.to(memory_format=torch.channels_last).requires_grad_(False))
        return Teachers(nets, config.temperature)

    def masks(self, features: Tensor) -> Tensor:
        """Mean masks [batch, sources, 2, bands, frames] of features [batch, 3, bands, frames]."""
        with torch.no_grad():
            each = [torch.softmax(_per_source(n(features), self.temperature), 1) for n in self.nets]
        return torch.stack(each).mean(dim=0)


class Objective:
    """The scalar that a fit descends."""

    def __init__(
        self, confidence: float, distill: DistillConfig | None, device: torch.device
    ) -> None:
        self.confidence = confidence
        self.distill = distill
        self.teachers = Teachers.load(distill, device) if distill else None

    def target(self, features: Tensor) -> Tensor | None:
        """The teachers' masks [batch, sources, 2, bands, frames], if there are teachers."""
        return self.teachers.masks(features) if self.teachers else None

    def __call__(
        self, logits: Tensor, batch: Batch, target: Tensor | None, distance: float, log: float
    ) -> Tensor:
        """Loss of logits [batch, 12, bands, frames]."""
        if logits.device.type == "cpu":
            value = fast_loss(logits, batch, distance, log)
        else:  # the compiled loss knows only a CPU's memory
            value = loss(logits.float(), batch, distance, log)
        if self.confidence:
            value = value + self.confidence * confidence(logits, batch.mix)
        if target is not None and self.distill:
            soft = soft_loss(logits, target, batch.mix, self.distill.temperature)
            value = value + self.distill.weight * soft
        return value
