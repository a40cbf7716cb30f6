"""Dropout that draws from its own generator, so that threads and resumed runs repeat it."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn


class SeededDropout(nn.Module):
    """Zeroes values, or whole channels, by chance `p` and scales the rest up."""

    def __init__(self, p: float, channels: bool) -> None:
        super().__init__()
        self.p = p
        self.channels = channels
        self.generator: torch.Generator | None = None

    def seed(self, seed: int, device: torch.device) -> None:
        """Begin the draws of an iteration."""
        if self.generator is None or self.generator.device != device:
            self.generator = torch.Generator(device)
        self.generator.manual_seed(seed)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, ...], same shape out."""
        if not self.training or self.p == 0:
            return x
        shape = (*x.shape[:2], *(1 for _ in x.shape[2:])) if self.channels else x.shape
        keep = torch.empty(shape, device=x.device, dtype=x.dtype)
        keep.bernoulli_(1 - self.p, generator=self.generator)
        return x * keep.div_(1 - self.p)


def own_dropout(net: nn.Module) -> None:
    """Put seeded dropout in place of torch's, whose one generator all threads share."""
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout | nn.Dropout2d):
                setattr(module, name, SeededDropout(child.p, isinstance(child, nn.Dropout2d)))


def seed_dropout(net: nn.Module, device: torch.device, *numbers: int) -> None:
    """Seed all dropout of a network by numbers such as the seed, iteration and first example."""
    for i, module in enumerate(m for m in net.modules() if isinstance(m, SeededDropout)):
        digest = hashlib.sha256(repr((*numbers, i)).encode()).digest()
        module.seed(int.from_bytes(digest[:7], "little"), device)
