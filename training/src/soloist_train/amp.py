"""Guitar and bass amplifiers: drive, tone stack, a cabinet with its microphone, pedals."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.signal import oaconvolve, resample_poly

from . import dynamics, space
from .bands import SAMPLE_RATE
from .dynamics import bell, cut, equalise, shelf
from .synth import Audio

CABINET_TAPS = 1024


@njit(cache=True, error_model="numpy")
def _shape(x: NDArray[np.float32], kind: int, drive: float, bias: float) -> NDArray[np.float32]:
    """Memoryless curves: soft valve, hard transistor, diode pair, folding fuzz."""
    out = np.empty_like(x)
    rest = np.tanh(bias)
    for i in range(len(x)):
        v = x[i] * drive
        if kind == 0:
            y = np.tanh(v + bias) - rest
        elif kind == 1:
            y = min(max(v + bias, -1.0), 1.0) - bias
        elif kind == 2:
            # Unlike knees of the two half waves make even harmonics.
            y = v / (1.0 + v) if v > 0 else v / (1.0 - v * (1.0 + bias))
        else:
            y = np.sin(min(max(v, -2.4), 2.4) * 1.1)
        out[i] = y
    return out


def drive(
    mono: NDArray[np.float32], rng: np.random.Generator, amount_db: float
) -> NDArray[np.float32]:
    """Distort at two or four times the rate, so that little folds back.

    The input is scaled to a peak of about 1 before `amount_db`.
    """
    top = float(np.percentile(np.abs(mono), 99.8))
    if top < 1e-6:
        return mono
    kind = int(rng.choice([0, 0, 1, 2, 2, 3], p=[0.25, 0.2, 0.15, 0.2, 0.15, 0.05]))
    times = 4 if amount_db > 12 else 2
    up = resample_poly((mono / top).astype(np.float32), times, 1)
    bent = _shape(up, kind, 10 ** (amount_db / 20), float(rng.uniform(0, 0.4)))
    return resample_poly(bent, 1, times)[: len(mono)]


def cabinet(rng: np.random.Generator, bass: bool = False) -> NDArray[np.float32]:
    """Minimum-phase response of a loudspeaker box and microphone, drawn as a magnitude curve."""
    n = 4 * CABINET_TAPS
    hz = np.maximum(np.arange(n // 2 + 1) * SAMPLE_RATE / n, 1.0)
    low, high = (rng.uniform(35, 60), rng.uniform(2500, 6000)) if bass else (
        rng.uniform(70, 120), rng.uniform(4000, 6500))  # fmt: skip
    db = -10 * np.log10(1 + (low / hz) ** 4) - 10 * np.log10(1 + (hz / high) ** rng.uniform(10, 16))
    octave = np.log2(hz)

    def hump(centre: float, gain_db: float, width: float) -> NDArray[np.float64]:
        return gain_db * np.exp(-(((octave - np.log2(centre)) / width) ** 2))

    db = db + hump(low * rng.uniform(1.2, 1.8), rng.uniform(0, 5), 0.5)
    db = db + hump(rng.uniform(300, 600), rng.uniform(-6, 0), 0.7)
    db = db + hump(rng.uniform(1800, 3500), rng.uniform(0, 7), 0.6)
    for _ in range(int(rng.integers(6, 14))):
        db = db + hump(
            float(np.exp(rng.uniform(5.5, 8.8))), rng.normal(0, 3), rng.uniform(0.04, 0.2)
        )
    # Minimum phase from the folded cepstrum of the log magnitude.
    cepstrum = np.fft.irfft(db * np.log(10) / 20)
    cepstrum[1 : n // 2] *= 2
    cepstrum[n // 2 + 1 :] = 0
    response = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)))[:CABINET_TAPS]
    response *= np.hanning(2 * CABINET_TAPS)[CABINET_TAPS:]
    return (response / np.sqrt((response**2).sum())).astype(np.float32)


@njit(cache=True, error_model="numpy")
def _wah(x: NDArray[np.float32], hz: NDArray[np.float32], q: float) -> NDArray[np.float32]:
    """A band-pass whose centre moves (state-variable filter, trapezoidal; Zavalishin 2012)."""
    out = np.empty_like(x)
    s1, s2 = 0.0, 0.0
    for i in range(len(x)):
        g = np.tan(np.pi * hz[i] / 44100.0)
        hp = (x[i] - (g + 1 / q) * s1 - s2) / (1 + g * (g + 1 / q))
        bp = g * hp + s1
        s1 = g * hp + bp
        s2 = g * bp + (g * bp + s2)
        out[i] = bp / q * 2
    return out


def wah(mono: NDArray[np.float32], rng: np.random.Generator, beat_s: float) -> NDArray[np.float32]:
    """A wah pedal rocked in time, or one that follows the level."""
    low, high = float(rng.uniform(300, 500)), float(rng.uniform(1300, 2400))
    t = np.arange(len(mono)) / SAMPLE_RATE
    if rng.random() < 0.5:
        level = dynamics.follow(np.stack([mono, mono]), 0.01, 0.15)
        move = np.minimum(level / max(float(level.max()) * 0.8, 1e-6), 1)
    else:
        move = 0.5 - 0.5 * np.cos(2 * np.pi * t / (beat_s * float(rng.choice([0.5, 1, 2]))))
    return _wah(mono, (low * (high / low) ** move).astype(np.float32), float(rng.uniform(2, 6)))


@njit(cache=True, error_model="numpy")
def _phaser(x: NDArray[np.float32], hz: float, depth: float) -> NDArray[np.float32]:
    out = np.empty_like(x)
    state = np.zeros((6, 2))
    last = 0.0
    for i in range(len(x)):
        centre = 400.0 * 4.0 ** (depth * np.sin(2 * np.pi * hz * i / 44100.0))
        g = np.tan(np.pi * centre / 44100.0)
        a = (g - 1) / (g + 1)
        y = x[i] + 0.4 * last
        for k in range(6):
            z = a * y + state[k, 0] - a * state[k, 1]
            state[k, 0], state[k, 1] = y, z
            y = z
        last = y
        out[i] = 0.6 * (x[i] + y)
    return out


def tone_stack(rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Bass, middle and treble knobs."""
    return [
        shelf(float(rng.uniform(100, 200)), float(rng.normal(0, 4)), high=False),
        bell(float(rng.uniform(400, 1000)), float(rng.normal(-1, 4)), 0.7),
        shelf(float(rng.uniform(1800, 3500)), float(rng.normal(0, 4)), high=True),
    ]


DRIVE_DB = {"clean": (-14.0, 4.0), "crunch": (8.0, 22.0), "distorted": (24.0, 46.0)}


def guitar_amp(audio: Audio, rng: np.random.Generator, kind: str, beat_s: float) -> Audio:
    """A guitar's way to the desk by `kind`: acoustic (no amplifier), clean, crunch, distorted."""
    if kind == "acoustic":
        return equalise(audio, [cut(float(rng.uniform(60, 130)), high=True)])
    mono = audio.mean(axis=0)
    stage = [cut(float(rng.uniform(60, 250 if kind == "distorted" else 110)), high=True)]
    if kind != "clean":
        stage.append(bell(float(rng.uniform(600, 1600)), float(rng.uniform(0, 9)), 0.7))
    mono = equalise(mono, stage)
    if rng.random() < (0.12 if kind == "clean" else 0.06):
        mono = wah(mono, rng, beat_s)
    if kind == "clean" and rng.random() < 0.5:
        mono = dynamics.compress(np.stack([mono, mono]), rng)[0]
    mono = drive(mono, rng, float(rng.uniform(*DRIVE_DB[kind])))
    if kind == "distorted":
        mono = dynamics.gate(np.stack([mono, mono]), -40.0)[0]
    if rng.random() < 0.08:
        mono = _phaser(np.ascontiguousarray(mono), float(rng.uniform(0.15, 1.2)), 0.9)
    mono = equalise(mono, tone_stack(rng))
    boxes = [cabinet(rng) for _ in range(2 if rng.random() < 0.3 else 1)]
    sides = [oaconvolve(mono, box)[: len(mono)].astype(np.float32) for box in boxes]
    out = np.stack([sides[0], sides[-1]])
    if rng.random() < (0.3 if kind == "clean" else 0.08):
        out = space.modulate(out, rng, str(rng.choice(["chorus", "chorus", "flanger"])))
    if kind == "clean" and rng.random() < 0.12:
        t = np.arange(out.shape[1]) / SAMPLE_RATE
        tremolo = 1 - float(rng.uniform(0.3, 0.9)) * (
            0.5 + 0.5 * np.sin(2 * np.pi * t / (beat_s / float(rng.choice([1, 2, 3, 4]))))
        )
        out = out * tremolo.astype(np.float32)
    return out


def bass_amp(audio: Audio, rng: np.random.Generator) -> Audio:
    """Bass by direct box, by amplifier, or both, with little to much drive; mono."""
    mono = audio.mean(axis=0)
    way = float(rng.random())
    if way > 0.4:
        amount = float(rng.uniform(-6, 8) if rng.random() < 0.75 else rng.uniform(10, 30))
        driven = drive(mono, rng, amount)
        driven = oaconvolve(driven, cabinet(rng, bass=True))[: len(mono)].astype(np.float32)
        both = np.stack([mono, driven])
        both /= np.sqrt((both**2).mean(axis=1, keepdims=True)) + 1e-9
        share = float(rng.uniform(0.3, 1.0))
        mono = (1 - share) * both[0] + share * both[1]
    mono = equalise(mono, [cut(float(rng.uniform(25, 45)), high=True), *tone_stack(rng)])
    return np.repeat(mono[None], 2, axis=0).astype(np.float32)
