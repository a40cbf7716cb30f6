"""The Muon optimiser: momentum whose matrices are made orthogonal before each step.

K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; the scale by
which it takes AdamW's learning rates is that of J. Liu et al., "Muon is Scalable for LLM
Training", 2025. On the studio network it lowers the loss in half of AdamW's iterations
(results/README.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the Newton-Schulz iteration; steep at zero, so that five steps suffice."""
STEPS = 5
MATCH_ADAMW = 0.2
"""Root mean square of AdamW's usual updates."""


def orthogonalised(matrix: Tensor) -> Tensor:
    """The matrix [rows, columns] with all its singular values brought near one."""
    a, b, c = QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(STEPS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.T if tall else x).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """Muon for the matrices inside a network and AdamW for all else, as one optimiser.

    A convolution's weights [out, in, bands, frames] count as a matrix [out, the rest]. The stem,
    the head, norms and biases are AdamW's, as the authors advise.
    """

    def __init__(
        self, net: nn.Module, lr: float, weight_decay: float, momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:  # fmt: skip
        named = list(net.named_parameters())
        edges = {"stem", "head", "shares"}
        inside = [p for n, p in named if p.ndim >= 2 and not edges & set(n.split("."))]
        chosen = {id(p) for p in inside}
        others = [p for _, p in named if id(p) not in chosen]
        groups: list[dict[str, Any]] = [
            {"params": inside, "orthogonal": True},
            {"params": others, "orthogonal": False},
        ]
        super().__init__(
            [group for group in groups if group["params"]],
            {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "betas": betas},
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update by the gradients that backward left."""
        value = closure() if closure is not None else None
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    (self._matrix if group["orthogonal"] else self._adam)(p, group)
        return value

    def _matrix(self, p: Tensor, group: dict[str, Any]) -> None:
        state = self.state[p]
        if not state:
            state["momentum"] = torch.zeros_like(p)
        state["momentum"].lerp_(p.grad, 1 - group["momentum"])
        update = p.grad.lerp(state["momentum"], group["momentum"])  # Nesterov's look ahead
        flat = update.reshape(len(update), -1)
        scale = MATCH_ADAMW * max(flat.shape) ** 0.5
        p.add_(orthogonalised(flat).reshape(p.shape), alpha=-group["lr"] * scale)

    def _adam(self, p: Tensor, group: dict[str, Any]) -> None:
        state = self.state[p]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["first"], state["second"] = torch.zeros_like(p), torch.zeros_like(p)
        state["step"] += 1
        count, (beta1, beta2) = float(state["step"]), group["betas"]
        state["first"].lerp_(p.grad, 1 - beta1)
        state["second"].lerp_(p.grad.square(), 1 - beta2)
        spread = (state["second"] / (1 - beta2**count)).sqrt_().add_(1e-8)
        p.addcdiv_(state["first"], spread, value=-group["lr"] / (1 - beta1**count))
