"""The loss of `loss.py` with its gradient in one fused pass.

`loss.loss` is the definition and what the tests compare with. Written with tensors it moves some
forty arrays of all heads through memory, which takes longer than the network itself on a CPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from .bands import SOURCES
from .loss import SEGMENT_FRAMES, SILENT_SLACK, SILENT_WEIGHT, SLACK, Batch
from .statistics import ACCOMPANIMENT, Array

_HEADS = ACCOMPANIMENT + 1


@njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _mask(masks: Array, h: int, c: int, b: int, out: Array) -> None:
    """The mask of head h at channel c and band b, for all frames."""
    if h < 6:
        out[:] = masks[h, c, b]
    else:
        for t in range(len(out)):
            out[t] = masks[3, c, b, t] + masks[4, c, b, t] + masks[5, c, b, t]


@njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _measure(
    masks: Array, mix: Array, cross: Array, own: Array, h: int, error: Array, energy: Array
) -> float:
    """Add head h's error and energy of each frame; gives its weighted distance, not normalised."""
    m = np.empty(mix.shape[2], dtype=np.float32)
    distance = 0.0
    for c in range(2):
        for b in range(mix.shape[1]):
            _mask(masks, h, c, b, m)
            x, cr, ow = mix[c, b], cross[h, c, b], own[h, c, b]
            part = np.float32(0.0)
            for t in range(len(m)):
                error[t] += max(m[t] * (m[t] * x[t] - 2 * cr[t]) + ow[t], np.float32(0.0))
                energy[t] += ow[t]
                ideal = min(max(cr[t] / (x[t] + np.float32(1e-9)), np.float32(0)), np.float32(1))
                part += abs(m[t] - ideal) * np.sqrt(x[t])
            distance += part
    return distance


@njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _descend(
    masks: Array, mix: Array, cross: Array, h: int, slope: Array, pull: float, grad: Array
) -> None:
    """Add head h's gradient: `slope` for each frame's error, `pull` for the distance."""
    m = np.empty(mix.shape[2], dtype=np.float32)
    step = np.float32(pull)
    for c in range(2):
        for b in range(mix.shape[1]):
            _mask(masks, h, c, b, m)
            x, cr = mix[c, b], cross[h, c, b]
            for t in range(len(m)):
                ideal = min(max(cr[t] / (x[t] + np.float32(1e-9)), np.float32(0)), np.float32(1))
                towards = step if m[t] > ideal else -step
                m[t] = towards * np.sqrt(x[t]) + slope[t] * 2 * (m[t] * x[t] - cr[t])
            for s in range(3 if h == 6 else h, 6 if h == 6 else h + 1):
                for t in range(len(m)):
                    grad[s, c, b, t] += m[t]


@njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _example(
    masks: Array, mix: Array, cross: Array, own: Array, weights: Array, scale: float,
    distance: float, log: float, grad: Array,
) -> float:  # fmt: skip
    """Loss of one example (times `scale`) and its gradient by the masks, added to `grad`."""
    frames = mix.shape[2]
    level = np.zeros(frames, dtype=np.float32)
    total = 1e-3
    for c in range(2):
        for b in range(mix.shape[1]):
            for t in range(frames):
                level[t] += mix[c, b, t]
                total += np.sqrt(mix[c, b, t])
    value = 0.0
    for h in range(len(weights)):
        if weights[h] == 0.0:
            continue
        error = np.zeros(frames, dtype=np.float32)
        energy = np.zeros(frames, dtype=np.float32)
        far = _measure(masks, mix, cross, own, h, error, energy)
        slope = np.zeros(frames, dtype=np.float32)
        logs, norm = 0.0, 1e-6
        for first in range(0, frames, SEGMENT_FRAMES):
            last = first + SEGMENT_FRAMES
            e, o, x = error[first:last].sum(), energy[first:last].sum(), level[first:last].sum()
            if x <= 1e-2:
                continue
            plays = o > 1e-3 * x
            weight = 1.0 if plays else SILENT_WEIGHT
            floor = e + 0.05 * o + (SLACK if plays else SILENT_SLACK) * x + 1e-6
            logs += weight * np.log(floor / (x + 1e-6))
            slope[first:last] = weight / floor
            norm += 1.0
        share = weights[h] * scale
        value += share * (distance * far / total + log * logs / norm)
        slope *= np.float32(share * log / norm)
        _descend(masks, mix, cross, h, slope, share * distance / total, grad)
    return value


@njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _through_softmax(masks: Array, grad: Array) -> None:
    """Turn the gradient by masks into that by logits, in place: m (g - sum of m g)."""
    total = np.empty(masks.shape[3], dtype=np.float32)
    for c in range(masks.shape[1]):
        for b in range(masks.shape[2]):
            total[:] = 0.0
            for s in range(masks.shape[0]):
                m, g = masks[s, c, b], grad[s, c, b]
                for t in range(len(total)):
                    total[t] += m[t] * g[t]
            for s in range(masks.shape[0]):
                m, g = masks[s, c, b], grad[s, c, b]
                for t in range(len(total)):
                    g[t] = m[t] * (g[t] - total[t])


class _BandLoss(torch.autograd.Function):
    """Loss by logits [batch, 12, bands, frames]; its gradient is made in the forward pass."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, batch: Batch, distance: float, log: float) -> Tensor:
        """Sum over examples and heads, divided by the sum of the heads' weights."""
        size, _, bands, frames = logits.shape
        plain = logits.detach().contiguous().float().view(size, len(SOURCES), 2, bands, frames)
        masks = torch.softmax(plain, dim=1).numpy()
        mix, cross, own = batch.mix.numpy(), batch.cross.numpy(), batch.own.numpy()
        weights = batch.weights.numpy()
        scale = 1.0 / float(weights.sum())
        grad = np.zeros(masks.shape, dtype=np.float32)
        value = 0.0
        for i in range(size):
            of_example = (masks[i], mix[i], cross[i], own[i], weights[i])
            value += _example(*of_example, scale, distance, log, grad[i])
            _through_softmax(masks[i], grad[i])
        slope = torch.from_numpy(grad).view(logits.shape).to(logits.dtype)
        if not logits.is_contiguous():
            slope = slope.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(slope)
        return torch.tensor(value, dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        """The stored gradient."""
        (grad,) = ctx.saved_tensors
        return grad * outer[0], None, None, None


def fast_loss(logits: Tensor, batch: Batch, distance: float, log: float) -> Tensor:
    """`loss.loss` of logits [batch, 12, bands, frames], faster."""
    return _BandLoss.apply(logits, batch, distance, log)
