"""How far a network sees in time: what of a window changes its masks, and what does not."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
import torch
from torch import nn

from . import bands
from .errors import TrainingError
from .model import IN_CHANNELS, StudioNet

TOLERANCE = 1e-4
"""Largest difference of logits between a window of the card's context and a longer one."""


@dataclass(frozen=True)
class Reach:
    """Hop frames that an edge of a window changes, where windows begin and end on a multiple of
    FRAME_MULTIPLE; None where a whole window does not show an end of it."""

    context: int | None
    """The first frames of a window, whose masks an earlier beginning would change."""
    future: int | None
    """The last frames of a window, whose masks a later end would change."""


def _connections(net: StudioNet) -> nn.Module:
    """A copy that only tells what is connected: all weights positive, no biases, no small sums."""
    plain = copy.deepcopy(net.folded()).double()
    with torch.no_grad():
        for parameter in plain.parameters():
            fan = parameter[0].numel() if parameter.dim() > 1 else 0
            parameter.fill_(1.0 / fan if fan else 0.0)
    return plain


def time_reach(net: StudioNet) -> Reach:
    """What of a window's length a network can see, from its connections alone.

    Ones before an edge and zeros after it, through positive weights without biases, give an
    output above zero exactly where a frame is connected with one before the edge. Doubles take
    the direct way through convolutions, which leaves exact zeros elsewhere.
    """
    plain = _connections(net)
    edge, frames = bands.WINDOW_FRAMES, 2 * bands.WINDOW_FRAMES
    x = torch.zeros(2, IN_CHANNELS, bands.NUM_BANDS, frames, dtype=torch.double)
    x[0, ..., :edge] = 1.0
    x[1, ..., edge:] = 1.0
    with torch.inference_mode():
        connected = (plain(x) > 0).any(dim=1).any(dim=1).numpy()
    after = int(np.flatnonzero(connected[0]).max()) + 1 - edge
    before = edge - int(np.flatnonzero(connected[1]).min())
    whole = bands.WINDOW_FRAMES
    return Reach(after if after < whole else None, before if before < whole else None)


def check_context(run: ort.InferenceSession, context: int) -> float:
    """Largest difference of logits, from frame `context` on, between the shortest window that
    holds such frames and the whole one; refused where it is more than TOLERANCE."""
    rng = np.random.default_rng(0)
    shape = (1, IN_CHANNELS, bands.NUM_BANDS, bands.WINDOW_FRAMES)
    whole = rng.normal(size=shape).astype(np.float32)
    multiple = bands.FRAME_MULTIPLE
    frames = min((context // multiple + 2) * multiple, bands.WINDOW_FRAMES)
    last = np.ascontiguousarray(whole[..., -frames:])
    found, expected = (
        run.run(["mask_logits"], {"features": x})[0][..., context - frames :] for x in (last, whole)
    )
    worst = float(np.abs(found - expected).max())
    if not worst <= TOLERANCE:
        raise TrainingError(
            f"a window of {frames} frames changes logits after its first {context} by {worst:.2e}; "
            f"at most {TOLERANCE:.0e} is allowed"
        )
    return worst
