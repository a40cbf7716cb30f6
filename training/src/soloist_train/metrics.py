"""How near an estimate is to a true stem: museval's SDR, plain SDR, scale-invariant SDR."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .bands import SAMPLE_RATE, Float
from .errors import TrainingError

MUSEVAL, SDR, SI_SDR = "museval SDR", "SDR", "SI-SDR"
METRICS = {
    MUSEVAL: "museval SDR, median of frames, then of tracks",
    SDR: "SDR of whole tracks, mean of tracks",
    SI_SDR: "SI-SDR of whole tracks, mean of tracks",
}
"""Metrics with how their numbers over tracks are made."""
SILENT_PEAK = 1e-4
_FLOOR = 1e-12

FrameScore = Callable[[Float, Float], NDArray[np.float64]]
"""Truth and estimate [2, samples] to dB of each second."""


def audible(truth: dict[str, Float], targets: Sequence[str]) -> list[str]:
    """Targets that are there and not silent throughout."""
    return [t for t in targets if t in truth and float(np.abs(truth[t]).max()) > SILENT_PEAK]


def museval_frames(truth: Float, estimate: Float, taps: int = 1) -> NDArray[np.float64]:
    """BSSEval v4's SDR in dB of each second of one stem; NaN where truth or estimate is silent."""
    try:
        import museval.metrics
    except ImportError as error:
        raise TrainingError("scores need the `evaluate` extra of soloist-train") from error
    except RuntimeError as error:  # without the programs ffmpeg and ffprobe
        raise TrainingError(f"museval cannot be used: {error}") from error
    # museval 0.4 falls back to least squares where channels are alike (a mono source), but names
    # the exception by a path that NumPy 2 has removed.
    if not hasattr(np.linalg, "linalg"):
        np.linalg.linalg = np.linalg  # type: ignore[attr-defined]
    sdr, *_ = museval.metrics.bss_eval(
        truth.T[None].astype(np.float64),
        estimate.T[None].astype(np.float64),
        window=SAMPLE_RATE,
        hop=SAMPLE_RATE,
        compute_permutation=False,
        filters_len=taps,
        framewise_filters=False,
        bsseval_sources_version=False,
    )
    return sdr[0]


def sdr_frames(truth: Float, estimate: Float) -> NDArray[np.float64]:
    """What `museval_frames` gives, by its definition: the three error terms of BSSEval sum to
    estimate - truth, so that its SDR of a second is the plain one. A hundredth of the time."""
    count = truth.shape[1] // SAMPLE_RATE
    s, e = (
        x[:, : count * SAMPLE_RATE].astype(np.float64).reshape(len(x), count, SAMPLE_RATE)
        for x in (truth, estimate)
    )
    powers = [np.sum(x**2, axis=(0, 2)) for x in (s, e, s - e)]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 10 * np.log10(powers[0] / powers[2])
    return np.where((powers[0] > 0) & (powers[1] > 0), found, np.nan)


def museval_sdr(
    truth: dict[str, Float], estimates: dict[str, Float], targets: Sequence[str],
    together: bool = True, frames: FrameScore = museval_frames,
) -> dict[str, float]:  # fmt: skip
    """Median over frames of museval's SDR in dB for each audible target.

    Of BSSEval's numbers SDR alone depends neither on the distortion filters (its three error
    terms sum to estimate - truth) nor on the other stems, so filters of one tap and one stem at
    a time give the same dB in a fraction of the time; a test compares with all of it.

    `together`: as museval does, a frame counts only if all targets sound in it; else each target
    counts where it sounds. One that is silent throughout is left out either way.
    """
    heard = audible(truth, targets)
    rows = {t: frames(truth[t], estimates[t]) for t in heard}
    if together and rows:
        gaps = np.isnan(np.stack(list(rows.values()))).any(axis=0)
        rows = {t: np.where(gaps, np.nan, row) for t, row in rows.items()}
    return {t: float(np.nanmedian(row)) for t, row in rows.items() if not np.isnan(row).all()}


def plain_sdr(truth: Float, estimate: Float) -> float:
    """10 log10 |s|² / |s - e|² over a whole track [2, samples], in dB."""
    s, e = truth.astype(np.float64), estimate.astype(np.float64)
    return float(10 * np.log10((np.sum(s**2) + _FLOOR) / (np.sum((s - e) ** 2) + _FLOOR)))


def si_sdr(truth: Float, estimate: Float) -> float:
    """SDR in dB against the truth at the level that fits best, of a whole track [2, samples].

    Le Roux, Wisdom, Erdogan, Hershey, "SDR - half-baked or well done?" (2019), equation 5; one
    factor for both channels.
    """
    s, e = truth.astype(np.float64), estimate.astype(np.float64)
    target = s * (np.sum(e * s) / (np.sum(s**2) + _FLOOR))
    return float(10 * np.log10((np.sum(target**2) + _FLOOR) / (np.sum((target - e) ** 2) + _FLOOR)))


def score(
    truth: dict[str, Float], estimates: dict[str, Float], targets: Sequence[str], together: bool,
    frames: FrameScore = museval_frames,
) -> dict[str, dict[str, float]]:  # fmt: skip
    """All METRICS in dB of each audible target; `together` and `frames` as for `museval_sdr`."""
    heard = audible(truth, targets)
    return {
        MUSEVAL: museval_sdr(truth, estimates, heard, together, frames),
        SDR: {t: plain_sdr(truth[t], estimates[t]) for t in heard},
        SI_SDR: {t: si_sdr(truth[t], estimates[t]) for t in heard},
    }
