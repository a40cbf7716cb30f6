"""Rooms and echoes: synthetic impulse responses, a feedback delay network, delays in tempo."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.signal import butter, oaconvolve, sosfilt

from .bands import SAMPLE_RATE
from .dynamics import cut, equalise
from .synth import Audio

STOCK = 40
"""Impulse responses of each kind of room."""
ROOMS = ("room", "hall", "plate", "spring", "gated", "network", "ambience")


@lru_cache(maxsize=160)
def impulse_response(kind: str, number: int) -> Audio:
    """A stereo impulse response [2, samples] without the direct sound, of unit energy a side.

    One of a fixed stock of each kind, for making it costs more than using it.
    """
    rng = np.random.default_rng([number, *kind.encode()])
    seconds = {
        "room": rng.uniform(0.2, 0.7), "hall": rng.uniform(1.2, 3.0),
        "plate": rng.uniform(0.7, 2.2), "spring": rng.uniform(0.8, 1.8),
        "gated": rng.uniform(0.15, 0.4), "ambience": rng.uniform(0.08, 0.25),
    }[kind]  # fmt: skip
    count = int(seconds * SAMPLE_RATE)
    t = np.arange(count) / SAMPLE_RATE
    # Each octave of the noise dies at its own rate, the high ones soonest.
    noise = rng.normal(size=(2, count)).astype(np.float32)
    damping = float(rng.uniform(0.3, 1.5))
    out = np.zeros((2, count), dtype=np.float32)
    edges = [120, 500, 2000, 7000, 16000]
    for i, (low, high) in enumerate(pairwise(edges)):
        sos = butter(1, [low, high], "band", fs=SAMPLE_RATE, output="sos")
        fall = 6.9 / seconds * (1 + damping * i / 2) if kind != "gated" else 1.0
        out += sosfilt(sos, noise, axis=-1).astype(np.float32) * np.exp(-fall * t).astype(
            np.float32
        )
    pre = int(rng.uniform(0.002, 0.03 if kind == "hall" else 0.012) * SAMPLE_RATE)
    if kind in ("room", "hall", "ambience"):
        for _ in range(int(rng.integers(4, 14))):
            at = int(rng.integers(1, max(int(0.06 * SAMPLE_RATE), 2)))
            if at < count:
                out[int(rng.integers(2)), at] += float(rng.normal(0, 6)) * np.exp(-3 * t[at])
    if kind == "spring":
        out = _disperse(out, float(rng.uniform(0.4, 0.75)))
    width = float(rng.uniform(0.4, 1.0))
    middle = out.mean(axis=0, keepdims=True)
    out = middle + width * (out - middle)
    out /= np.sqrt((out**2).sum(axis=1, keepdims=True)) + 1e-9
    return np.pad(out, ((0, 0), (pre, 0))).astype(np.float32)


def _disperse(audio: Audio, coefficient: float) -> Audio:
    """A chain of all-passes: the chirp of a spring."""
    section = np.array([[coefficient, 1.0, 0.0, 1.0, coefficient, 0.0]])
    return sosfilt(np.repeat(section, 60, axis=0), audio, axis=-1).astype(np.float32)


@njit(cache=True, error_model="numpy")
def _network(
    audio: NDArray[np.float32], delays: NDArray[np.int64], gains: NDArray[np.float64],
    damping: float, depth: float, hz: float,
) -> NDArray[np.float32]:  # fmt: skip
    """Eight delay lines fed back through a Householder matrix (Jot and Chaigne 1991)."""
    n = audio.shape[1]
    # A power of two: an index wraps by a mask.
    size = 1
    while size < delays.max() + 64:
        size *= 2
    wrap = size - 1
    lines = np.zeros((8, size), dtype=np.float32)
    store = np.zeros(8)
    moves = np.zeros(8)
    taps = np.zeros(8)
    out = np.zeros((2, n), dtype=np.float32)
    for t in range(n):
        total = 0.0
        for i in range(8):
            if t % 32 == 0:
                moves[i] = depth * (1.0 + np.sin(2 * np.pi * hz * t / 44100.0 + i))
            moved = moves[i]
            whole = int(moved)
            f = moved - whole
            at = t - delays[i] - whole
            x = lines[i, at & wrap] * (1 - f) + lines[i, (at - 1) & wrap] * f
            store[i] += (x - store[i]) * damping
            taps[i] = store[i] * gains[i]
            total += taps[i]
        out[0, t] = taps[0] - taps[2] + taps[4] - taps[6]
        out[1, t] = taps[1] - taps[3] + taps[5] - taps[7]
        for i in range(8):
            lines[i, t & wrap] = audio[i % 2, t] + taps[i] - 0.25 * total
    return out


def reverb(audio: Audio, rng: np.random.Generator, kind: str) -> Audio:
    """The wet sound of a random room of a kind, about as loud as the dry one."""
    if kind != "network":
        response = impulse_response(kind, int(rng.integers(STOCK)))
        wet = oaconvolve(audio, response, axes=-1)[:, : audio.shape[1]]
        return np.ascontiguousarray(wet, dtype=np.float32)
    scale = float(rng.uniform(0.5, 1.8))
    delays = (np.array([1433, 1601, 1867, 2053, 2251, 2399, 2617, 2797]) * scale).astype(np.int64)
    seconds = float(rng.uniform(0.5, 3.0))
    gains = 10 ** (-3 * delays / (SAMPLE_RATE * seconds))
    wet = _network(
        np.ascontiguousarray(audio), delays, gains, float(rng.uniform(0.15, 0.8)),
        float(rng.uniform(0, 8)), float(rng.uniform(0.2, 1.2)),
    )  # fmt: skip
    return wet * np.float32(0.5)


def add_space(audio: Audio, rng: np.random.Generator, amount: float) -> Audio:
    """A random room at about `amount` (0..1) of the dry level; its input is high-passed."""
    wet = float(amount * np.exp(rng.normal(0, 0.6)))
    if wet < 0.02:
        return audio
    kind = str(rng.choice(ROOMS, p=[0.22, 0.16, 0.2, 0.06, 0.03, 0.18, 0.15]))
    sent = equalise(audio, [cut(float(rng.uniform(100, 500)), high=True)])
    return audio + np.float32(min(wet, 0.8)) * reverb(sent, rng, kind)


@njit(cache=True, error_model="numpy")
def _echo(
    audio: NDArray[np.float32], delay: int, feedback: float, damping: float, crossed: bool
) -> NDArray[np.float32]:
    n = audio.shape[1]
    out = np.zeros_like(audio)
    low = np.zeros(2, dtype=np.float32)
    for t in range(delay, n):
        for c in range(2):
            other = 1 - c if crossed else c
            x = audio[c, t - delay] + np.float32(feedback) * out[other, t - delay]
            low[c] += (x - low[c]) * np.float32(damping)
            out[c, t] = low[c]
    return out


def add_echo(audio: Audio, rng: np.random.Generator, seconds: float, amount: float) -> Audio:
    """An echo, plain or from side to side, each repeat duller."""
    wet = _echo(
        np.ascontiguousarray(audio), max(int(seconds * SAMPLE_RATE), 1),
        float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.2, 0.9)), bool(rng.random() < 0.4),
    )  # fmt: skip
    return audio + np.float32(amount) * wet


@njit(cache=True, error_model="numpy")
def _modulate(
    audio: NDArray[np.float32], hz: float, base: float, depth: float, mix: float, feedback: float,
    spread: float,
) -> NDArray[np.float32]:  # fmt: skip
    n = audio.shape[1]
    size = 1
    while size < int(base + depth) + 8:
        size *= 2
    wrap = size - 1
    out = np.zeros_like(audio)
    for c in range(2):
        line = np.zeros(size, dtype=np.float32)
        for t in range(n):
            phase = 2 * np.pi * hz * t / 44100.0 + c * spread
            moved = base + depth * 0.5 * (1 + np.sin(phase))
            whole = int(moved)
            f = np.float32(moved - whole)
            wet = line[(t - whole) & wrap] * (1 - f) + line[(t - whole - 1) & wrap] * f
            line[t & wrap] = audio[c, t] + np.float32(feedback) * wet
            out[c, t] = audio[c, t] * np.float32(1 - 0.5 * mix) + np.float32(mix) * wet
    return out


def modulate(audio: Audio, rng: np.random.Generator, kind: str) -> Audio:
    """Chorus, flanger or vibrato: a delay that moves."""
    base_s, depth_s, hz, mix, feedback = {
        "chorus": (rng.uniform(0.008, 0.02), rng.uniform(0.001, 0.005), rng.uniform(0.2, 1.5),
                   rng.uniform(0.25, 0.7), 0.0),
        "flanger": (rng.uniform(0.0008, 0.002), rng.uniform(0.001, 0.005), rng.uniform(0.05, 0.6),
                    rng.uniform(0.3, 0.7), rng.uniform(0.2, 0.75)),
        "vibrato": (0.003, rng.uniform(0.0003, 0.0012), rng.uniform(4, 7), 1.0, 0.0),
    }[kind]  # fmt: skip
    return _modulate(
        np.ascontiguousarray(audio), float(hz), float(base_s) * SAMPLE_RATE,
        float(depth_s) * SAMPLE_RATE, float(mix), float(feedback), float(rng.uniform(0, np.pi)),
    )  # fmt: skip


def pan(audio: Audio, place: float, width: float = 1.0) -> Audio:
    """Place stereo audio: `place` -1 (left) .. 1 (right), constant power; `width` 0 = mono."""
    middle = audio.mean(axis=0, keepdims=True)
    audio = middle + np.float32(width * (1 - abs(place))) * (audio - middle)
    angle = (place + 1) * np.pi / 4
    gains = np.array([[np.cos(angle)], [np.sin(angle)]], dtype=np.float32) * np.float32(2**0.5)
    return audio * gains


def double(audio: Audio, seconds: float) -> Audio:
    """One side late by a few milliseconds (the Haas effect): wide from mono."""
    shift = max(int(seconds * SAMPLE_RATE), 1)
    out = audio.copy()
    out[1, shift:] = audio[1, :-shift]
    out[1, :shift] = 0
    return out
