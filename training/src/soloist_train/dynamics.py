"""Levels over time: compressors, ducking, gates, limiters, and loudness of a stem.

Gains are computed apart from what they are applied to: a bus compressor or limiter follows the mix
and turns down every stem alike, so that stems still sum to the mix.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from .bands import SAMPLE_RATE
from .synth import Audio

Curve = NDArray[np.float32]
"""A gain for each sample."""


@njit(cache=True, error_model="numpy")
def _follow(level: NDArray[np.float32], attack: float, release: float) -> NDArray[np.float32]:
    out = np.empty_like(level)
    y = np.float32(0.0)
    for i in range(len(level)):
        x = level[i]
        y += (x - y) * (attack if x > y else release)
        out[i] = y
    return out


def follow(audio: Audio, attack_s: float, release_s: float) -> NDArray[np.float32]:
    """Envelope of the louder side, rising and falling with the given time constants."""
    level = np.abs(audio).max(axis=0)
    a, r = (1 - np.exp(-1 / (SAMPLE_RATE * s)) for s in (attack_s, release_s))
    return _follow(np.ascontiguousarray(level, dtype=np.float32), a, r)


def compressor_gain(
    key: Audio, threshold_db: float, ratio: float, attack_s: float, release_s: float,
    knee_db: float = 6.0,
) -> Curve:  # fmt: skip
    """Gain of a compressor that listens to `key`, with a soft knee (Giannoulis et al. 2012)."""
    level_db = 20 * np.log10(follow(key, attack_s, release_s) + 1e-6)
    over = level_db - threshold_db
    knee = np.clip(over + knee_db / 2, 0, knee_db)
    reduced = np.where(over > knee_db / 2, over, knee**2 / (2 * knee_db))
    return (10 ** (-reduced * (1 - 1 / ratio) / 20)).astype(np.float32)


def compress(audio: Audio, rng: np.random.Generator, hard: float = 1.0) -> Audio:
    """A compressor with drawn times, its threshold `hard` × 4 to 14 dB below the loud moments."""
    loud = float(np.percentile(follow(audio, 0.001, 0.05)[::441], 95))
    if loud < 1e-5:
        return audio
    threshold = 20 * np.log10(loud) - hard * float(rng.uniform(4, 14))
    attack_s = float(np.exp(rng.uniform(np.log(0.0005), np.log(0.04))))
    gain = compressor_gain(
        audio, threshold, float(rng.uniform(2, 8)), attack_s, float(rng.uniform(0.04, 0.3))
    )
    return audio * gain


def duck_gain(starts_s: list[float], count: int, depth: float, release_s: float) -> Curve:
    """Gain of `count` samples that dips by `depth` at each start and swells back: pumping."""
    dip = np.zeros(count, dtype=np.float32)
    for start_s in starts_s:
        at = int(start_s * SAMPLE_RATE)
        if at < count:
            t = np.arange(min(count - at, int(6 * release_s * SAMPLE_RATE))) / SAMPLE_RATE
            dip[at : at + len(t)] = np.maximum(dip[at : at + len(t)], np.exp(-t / release_s))
    return (1 - depth * uniform_filter1d(dip, 221)).astype(np.float32)


def limiter_gain(mix: Audio, ceiling: float, lookahead_s: float = 0.004) -> Curve:
    """Gain that holds the peak of `mix` at or below `ceiling`, smooth over the look-ahead."""
    need = np.maximum(np.abs(mix).max(axis=0) / ceiling, 1.0)
    width = int(lookahead_s * SAMPLE_RATE) | 1
    held = maximum_filter1d(need, 2 * width + 1)
    decay = _follow(held.astype(np.float32), 1.0, 1 - np.exp(-1 / (SAMPLE_RATE * 0.06)))
    smooth = uniform_filter1d(decay, width)
    return (1 / np.maximum(smooth, need)).astype(np.float32)


def clip_gain(mix: Audio, ceiling: float) -> Curve:
    """Gain of a soft clipper on both sides alike: tanh above two thirds of the ceiling."""
    peak = np.abs(mix).max(axis=0)
    start = ceiling * 2 / 3
    span = ceiling - start
    shaped = start + span * np.tanh((peak - start) / span)
    return np.where(peak > start, shaped / np.maximum(peak, 1e-9), 1.0).astype(np.float32)


def gate(audio: Audio, floor_db: float = -48.0) -> Audio:
    """Fade out what lies `floor_db` below the loud moments (noise of a distorted guitar)."""
    level = follow(audio, 0.002, 0.06)
    gain = np.clip((level / max(float(level.max()), 1e-6) / 10 ** (floor_db / 20) - 0.5) * 2, 0, 1)
    return audio * uniform_filter1d(gain, 441).astype(np.float32)


def active_rms(audio: Audio) -> float:
    """RMS of the 50 ms blocks within 30 dB of the loudest: silence does not count."""
    block = SAMPLE_RATE // 20
    count = audio.shape[1] // block
    if count == 0:
        return 0.0
    power = (audio[:, : count * block].reshape(2, count, block) ** 2).mean(axis=(0, 2))
    top = float(power.max())
    return float(np.sqrt(power[power >= top * 1e-3].mean())) if top > 1e-12 else 0.0


def to_level(audio: Audio, rms_db: float) -> Audio:
    """Scale to an active RMS in dBFS; silence stays silence."""
    rms = active_rms(audio)
    return audio * np.float32(10 ** (rms_db / 20) / rms) if rms > 1e-6 else audio


# Filters after R. Bristow-Johnson's "Cookbook formulae for audio EQ biquad coefficients".
def _biquad(b: tuple[float, float, float], a: tuple[float, float, float]) -> NDArray[np.float64]:
    return np.array([[*b, *a]]) / a[0]


def bell(hz: float, gain_db: float, q: float = 0.9) -> NDArray[np.float64]:
    """A peaking equaliser as one second-order section."""
    w = 2 * np.pi * min(hz, 0.45 * SAMPLE_RATE) / SAMPLE_RATE
    A, alpha, c = 10 ** (gain_db / 40), np.sin(w) / (2 * q), np.cos(w)
    return _biquad((1 + alpha * A, -2 * c, 1 - alpha * A), (1 + alpha / A, -2 * c, 1 - alpha / A))


def shelf(hz: float, gain_db: float, high: bool) -> NDArray[np.float64]:
    """A low or high shelf of slope one as one second-order section."""
    w = 2 * np.pi * min(hz, 0.45 * SAMPLE_RATE) / SAMPLE_RATE
    A, c = 10 ** (gain_db / 40), np.cos(w)
    root = 2 * np.sqrt(A) * np.sin(w) / 2 * np.sqrt(2)
    s = -1 if high else 1  # the high shelf is the low one mirrored in frequency
    b = (A * (A + 1 - s * (A - 1) * c + root), s * 2 * A * (A - 1 - s * (A + 1) * c),
         A * (A + 1 - s * (A - 1) * c - root))  # fmt: skip
    a = (A + 1 + s * (A - 1) * c + root, -s * 2 * (A - 1 + s * (A + 1) * c),
         A + 1 + s * (A - 1) * c - root)  # fmt: skip
    return _biquad(b, a)


def cut(hz: float, high: bool, q: float = 0.7) -> NDArray[np.float64]:
    """A high-pass (`high`) or low-pass of second order."""
    w = 2 * np.pi * min(hz, 0.45 * SAMPLE_RATE) / SAMPLE_RATE
    alpha, c = np.sin(w) / (2 * q), np.cos(w)
    k = 1 + c if high else 1 - c
    return _biquad((k / 2, -k if high else k, k / 2), (1 + alpha, -2 * c, 1 - alpha))


@njit(cache=True, error_model="numpy")
def _cascade(audio: NDArray[np.float32], sos: NDArray[np.float64]) -> NDArray[np.float32]:
    """Second-order sections, transposed form II; all rows at once, which the processor overlaps."""
    rows, count = audio.shape
    out = np.empty_like(audio)
    state = np.zeros((len(sos), 2, rows))
    for t in range(count):
        for c in range(rows):
            # The offset keeps a decaying state out of the slow denormal range.
            x = np.float64(audio[c, t]) + 1e-18
            for s in range(len(sos)):
                y = sos[s, 0] * x + state[s, 0, c]
                state[s, 0, c] = sos[s, 1] * x - sos[s, 4] * y + state[s, 1, c]
                state[s, 1, c] = sos[s, 2] * x - sos[s, 5] * y
                x = y
            out[c, t] = np.float32(x)
    return out


def equalise(audio: Audio, sections: list[NDArray[np.float64]]) -> Audio:
    """Run sections one after another over audio [rows, samples] or [samples]."""
    if not sections:
        return audio
    rows = np.ascontiguousarray(np.atleast_2d(audio), dtype=np.float32)
    return _cascade(rows, np.concatenate(sections)).reshape(audio.shape)


def tone(
    rng: np.random.Generator, spread_db: float = 3.0, low_cut_hz: float = 0.0
) -> list[NDArray[np.float64]]:
    """A random equaliser: shelves, two bells, and a high-pass where a source has no bass."""
    sections = [
        shelf(float(rng.uniform(80, 300)), float(rng.normal(0, spread_db)), high=False),
        shelf(float(rng.uniform(2500, 9000)), float(rng.normal(0, spread_db)), high=True),
    ]
    for _ in range(2):
        hz = float(np.exp(rng.uniform(np.log(150), np.log(7000))))
        sections.append(bell(hz, float(rng.normal(0, spread_db)), float(rng.uniform(0.5, 2))))
    if low_cut_hz:
        sections.append(cut(low_cut_hz, high=True))
    return sections
