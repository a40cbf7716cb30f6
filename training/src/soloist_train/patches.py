"""Own synthesisers: analogue, four-operator FM, wavetable, plucked string, phase distortion.

A patch is drawn at random for a role. The engines in TEST_ENGINES make sounds for test songs only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .bands import SAMPLE_RATE
from .song import Note
from .synth import Audio

ENGINES = ("analogue", "fm", "wavetable", "pluck")
TEST_ENGINES = ("phase", "scan")
ROLES = {
    "bass": (("analogue", 0.55), ("fm", 0.25), ("wavetable", 0.2)),
    "lead": (("analogue", 0.5), ("fm", 0.25), ("wavetable", 0.25)),
    "pad": (("analogue", 0.55), ("wavetable", 0.3), ("fm", 0.15)),
    "stab": (("analogue", 0.6), ("fm", 0.2), ("wavetable", 0.2)),
    "arp": (("analogue", 0.4), ("fm", 0.25), ("wavetable", 0.2), ("pluck", 0.15)),
    "string": (("pluck", 1.0),),
}
"""Which engines serve a role, with their chances."""
TABLE = 2048


def _envelope(rng: np.random.Generator, role: str) -> NDArray[np.float64]:
    """Attack, decay, sustain, release in seconds and share."""
    log = np.log
    attack, decay, sustain, release = {
        "bass": ((0.002, 0.02), (0.1, 0.8), (0.3, 1.0), (0.02, 0.12)),
        "lead": ((0.002, 0.06), (0.1, 0.6), (0.5, 1.0), (0.03, 0.3)),
        "pad": ((0.05, 0.6), (0.4, 2.0), (0.6, 1.0), (0.2, 1.0)),
        "stab": ((0.002, 0.01), (0.08, 0.4), (0.1, 0.9), (0.03, 0.25)),
        "arp": ((0.001, 0.01), (0.05, 0.4), (0.0, 0.5), (0.03, 0.3)),
        "string": ((0.001, 0.002), (1.0, 2.0), (1.0, 1.0), (0.04, 0.15)),
    }[role]
    return np.array([
        np.exp(rng.uniform(log(attack[0]), log(attack[1]))), rng.uniform(*decay),
        rng.uniform(*sustain), rng.uniform(*release),
    ])  # fmt: skip


@njit(cache=True, error_model="numpy")
def _adsr(count: int, off: int, env: NDArray[np.float64]) -> NDArray[np.float32]:
    out = np.zeros(count, dtype=np.float32)
    rise = max(env[0] * 44100.0, 8.0)
    fall = np.exp(-4.6 / max(env[1] * 44100.0, 1.0))
    release = np.exp(-6.9 / max(env[3] * 44100.0, 64.0))
    above, y = 1.0, 0.0
    for t in range(count):
        if t >= off:
            y *= release
        elif t < rise:
            y = (t + 1) / rise
        else:
            above *= fall
            y = env[2] + (1 - env[2]) * above
        out[t] = y
    return out


@njit(cache=True, error_model="numpy")
def _analogue(
    out: NDArray[np.float32],
    start: int,
    off: int,
    hz: float,
    loud: float,
    env: NDArray[np.float64],
    fenv: NDArray[np.float64],
    p: NDArray[np.float64],
    phases: NDArray[np.float64],
) -> None:
    """Detuned oscillators, a sub and noise through a resonant low-pass with envelope and sweep.

    p: voices, detune (semitones), wave (0 saw .. 1 pulse), pulse width, its motion in Hz, sub,
    noise, cutoff Hz, envelope octaves, resonance, sweep octaves, sweep Hz, spread, vibrato
    semitones, glide (semitones at the start), key tracking.
    """
    count = min(off + int(env[3] * 44100.0 * 1.3), out.shape[1]) - start
    if count < 32:
        return
    amp, flt = _adsr(count, off - start, env), _adsr(count, off - start, fenv)
    voices = int(p[0])
    s1, s2 = np.zeros(2), np.zeros(2)
    phase = phases.copy()
    gain = loud / np.sqrt(voices)
    seed = np.uint32(start * 2654435761 + 12345)
    base = p[7] * (hz / 261.6) ** p[15]
    g = 0.1
    for t in range(count):
        now = (start + t) / 44100.0
        bend = p[13] * np.sin(2 * np.pi * 5.3 * now) * min(t / 22050.0, 1.0)
        bend += p[14] * np.exp(-t / 1500.0)
        if t % 16 == 0:
            octaves = p[8] * flt[t] + p[10] * np.sin(2 * np.pi * p[11] * now)
            g = np.tan(np.pi * min(max(base * 2.0**octaves, 30.0), 18000.0) / 44100.0)
            f0 = hz * 2.0 ** (bend / 12) / 44100.0
            width = p[3] + 0.3 * np.sin(2 * np.pi * p[4] * now)
        left, right = 0.0, 0.0
        for v in range(voices):
            place = 0.0 if voices == 1 else 2.0 * v / (voices - 1) - 1
            f = f0 * (1 + 0.0578 * p[1] * place)
            phase[v] += f
            if phase[v] >= 1:
                phase[v] -= 1
            x = 2 * phase[v] - 1 - _blep(phase[v], f)
            if p[2] > 0:
                other = phase[v] + width
                other -= np.floor(other)
                x -= p[2] * (2 * other - 1 - _blep(other, f))
            side = place * p[12] * (1 if v % 2 else -1)
            left += x * (1 - side)
            right += x * (1 + side)
        sub = np.sin(2 * np.pi * phase[11]) * p[5] * voices**0.5
        phase[11] += f0 / 2
        seed = np.uint32(seed * np.uint32(1664525) + np.uint32(1013904223))
        noise = (seed / 2147483648.0 - 1.0) * p[6]
        for c in range(2):
            x = (left if c == 0 else right) + sub + noise
            k = 2 - 1.9 * p[9]
            hp = (x - (g + k) * s1[c] - s2[c]) / (1 + g * (g + k))
            bp = g * hp + s1[c]
            s1[c] = g * hp + bp
            lp = g * bp + s2[c]
            s2[c] = g * bp + lp
            out[c, start + t] += np.float32(lp * amp[t] * gain)


@njit(cache=True, error_model="numpy")
def _blep(phase: float, f: float) -> float:
    """Polynomial that rounds a saw's step off (Välimäki and Huovilainen 2007)."""
    if phase < f:
        x = phase / f
        return x + x - x * x - 1
    if phase > 1 - f:
        x = (phase - 1) / f
        return x * x + x + x + 1
    return 0.0


@njit(cache=True, error_model="numpy")
def _fm(
    out: NDArray[np.float32],
    start: int,
    off: int,
    hz: float,
    loud: float,
    env: NDArray[np.float64],
    menv: NDArray[np.float64],
    p: NDArray[np.float64],
) -> None:
    """Four operators; p: ratios (4), depths (4), wiring 0..3, stereo detune."""
    count = min(off + int(env[3] * 44100.0 * 1.3), out.shape[1]) - start
    if count < 32:
        return
    amp, mod = _adsr(count, off - start, env), _adsr(count, off - start, menv)
    two_pi = 2 * np.pi
    soft = min(1.0, 2000.0 / hz) ** 0.5
    for c in range(2):
        f0 = hz * (1 + (c - 0.5) * p[9]) / 44100.0
        a = b = d = e = 0.0
        last = 0.0
        for t in range(count):
            m = mod[t] * soft
            a += f0 * p[0]
            b += f0 * p[1]
            d += f0 * p[2]
            e += f0 * p[3]
            last = np.sin(two_pi * e + p[7] * m * last * 0.5)
            if p[8] < 1:
                x = np.sin(two_pi * d + p[6] * m * last)
                x = np.sin(two_pi * b + p[5] * m * x)
                x = np.sin(two_pi * a + p[4] * m * x)
            elif p[8] < 2:
                x = np.sin(two_pi * a + p[4] * m * np.sin(two_pi * b))
                x = 0.6 * x + 0.5 * np.sin(two_pi * d + p[6] * m * last)
            elif p[8] < 3:
                x = np.sin(two_pi * a + m * (p[4] * np.sin(two_pi * b) + p[6] * last))
            else:
                x = (np.sin(two_pi * a) + p[4] * 0.3 * np.sin(two_pi * b)
                     + p[5] * 0.3 * np.sin(two_pi * d) + p[6] * 0.3 * last) * 0.6  # fmt: skip
            out[c, start + t] += np.float32(x * amp[t] * loud)


@njit(cache=True, error_model="numpy")
def _wavetable(
    out: NDArray[np.float32],
    start: int,
    off: int,
    hz: float,
    loud: float,
    env: NDArray[np.float64],
    menv: NDArray[np.float64],
    tables: NDArray[np.float32],
    p: NDArray[np.float64],
) -> None:
    """Morph between two waves; p: detune semitones, sweep Hz, sweep depth, table of this note."""
    count = min(off + int(env[3] * 44100.0 * 1.3), out.shape[1]) - start
    if count < 32:
        return
    amp, mod = _adsr(count, off - start, env), _adsr(count, off - start, menv)
    size = tables.shape[1]
    for c in range(2):
        for v in range(2):
            place = (v - 0.5) * 2 * p[0] + (c - 0.5) * 0.6 * p[0]
            f = hz * 2.0 ** (place / 12) / 44100.0 * size
            at = (v * 0.37 + c * 0.11) * size
            for t in range(count):
                at += f
                if at >= size:
                    at -= size
                i = int(at)
                r = at - i
                j = i + 1 if i + 1 < size else 0
                now = (start + t) / 44100.0
                w = min(max(mod[t] + p[2] * np.sin(2 * np.pi * p[1] * now), 0.0), 1.0)
                x = (tables[0, i] * (1 - r) + tables[0, j] * r) * (1 - w)
                x += (tables[1, i] * (1 - r) + tables[1, j] * r) * w
                out[c, start + t] += np.float32(x * amp[t] * loud * 0.6)


@njit(cache=True, error_model="numpy")
def _pluck(
    out: NDArray[np.float32],
    start: int,
    off: int,
    hz: float,
    loud: float,
    seed: int,
    p: NDArray[np.float64],
) -> None:
    """A plucked string (Karplus and Strong 1983; Jaffe and Smith 1983), tuned by an all-pass.

    p: decay s, brightness 0..1, pluck place 0..1, pick noise, muting at the note's end in s,
    pickup place 0..1.
    """
    period = 44100.0 / hz - 0.5
    size = int(period - 0.3)
    if size < 4:
        return
    frac = period - size
    tune = (1 - frac) / (1 + frac)
    count = min(off + 6000, out.shape[1]) - start
    if count < 32:
        return
    line = np.zeros(size)
    state = np.uint32(seed)
    low, keep = 0.0, 0.05 + 0.9 * p[1]
    for i in range(size):
        state = np.uint32(state * np.uint32(1664525) + np.uint32(1013904223))
        low += (state / 2147483648.0 - 1.0 - low) * keep
        place = i / size
        corner = place / p[2] if place < p[2] else (1 - place) / (1 - p[2])
        line[i] = p[3] * low + (1 - p[3]) * (corner - 0.5)
    loss = 10 ** (-3.0 * period / (44100.0 * p[0]))
    stop = 10 ** (-3.0 * period / (44100.0 * p[4]))
    blend = 0.5 - 0.35 * p[1] * 0.9
    before, ap_in, ap_out = 0.0, 0.0, 0.0
    away = max(int(p[5] * size), 1)
    for t in range(count):
        i = t % size
        x = line[i]
        y = (1 - blend) * x + blend * before
        before = x
        y *= loss if t < off - start else stop
        z = tune * y + ap_in - tune * ap_out
        ap_in, ap_out = y, z
        line[i] = z
        heard = np.float32((x - line[(i - away) % size]) * loud * 0.5)
        out[0, start + t] += heard
        out[1, start + t] += heard


@njit(cache=True, error_model="numpy")
def _phase(
    out: NDArray[np.float32],
    start: int,
    off: int,
    hz: float,
    loud: float,
    env: NDArray[np.float64],
    menv: NDArray[np.float64],
    p: NDArray[np.float64],
) -> None:
    """Phase distortion: a windowed resonance (p[0] = 1) or a bent cosine.

    p: kind, depth, detune.
    """
    count = min(off + int(env[3] * 44100.0 * 1.3), out.shape[1]) - start
    if count < 32:
        return
    amp, mod = _adsr(count, off - start, env), _adsr(count, off - start, menv)
    for c in range(2):
        f = hz * (1 + (c - 0.5) * p[2]) / 44100.0
        phase = 0.0
        top = min(0.4 / f, 1 + p[1] * 12)
        for t in range(count):
            phase += f
            if phase >= 1:
                phase -= 1
            if p[0] > 0.5:
                x = (1 - phase) * np.sin(2 * np.pi * phase * (1 + (top - 1) * mod[t]))
            else:
                knee = 0.5 - 0.46 * p[1] * mod[t] * min(1.0, 800 / hz)
                bent = (
                    0.5 * phase / knee if phase < knee else 0.5 + 0.5 * (phase - knee) / (1 - knee)
                )
                x = -np.cos(2 * np.pi * bent)
            out[c, start + t] += np.float32(x * amp[t] * loud * 0.8)


@njit(cache=True, error_model="numpy")
def _scan(
    out: NDArray[np.float32],
    start: int,
    off: int,
    hz: float,
    loud: float,
    env: NDArray[np.float64],
    shape: NDArray[np.float64],
    p: NDArray[np.float64],
) -> None:
    """Scanned synthesis (Verplank, Mathews, Shaw 2000): a ring of masses read at the pitch."""
    count = min(off + int(env[3] * 44100.0 * 1.3), out.shape[1]) - start
    if count < 32:
        return
    amp = _adsr(count, off - start, env)
    n = len(shape)
    place, speed = shape.copy(), np.zeros(n)
    at = 0.0
    for t in range(count):
        if t % 64 == 0:
            for i in range(n):
                pull = place[(i + 1) % n] + place[i - 1] - 2 * place[i]
                speed[i] = (speed[i] + p[0] * pull - p[1] * place[i]) * p[2]
            for i in range(n):
                place[i] += speed[i]
        at = (at + hz * n / 44100.0) % n
        i = int(at)
        r = at - i
        x = place[i] * (1 - r) + place[(i + 1) % n] * r
        other = place[(i + n // 3) % n] * (1 - r) + place[(i + n // 3 + 1) % n] * r
        out[0, start + t] += np.float32((x + 0.3 * other) * amp[t] * loud * 0.5)
        out[1, start + t] += np.float32((x - 0.3 * other) * amp[t] * loud * 0.5)


def _analogue_patch(rng: np.random.Generator, role: str, beat_s: float) -> NDArray[np.float64]:
    voices = int(rng.choice([1, 2, 3] if role == "bass" else [1, 2, 2, 3, 7, 7, 9]))
    cutoff = float(np.exp(rng.uniform(np.log(80 if role == "bass" else 250), np.log(6000))))
    return np.array([
        voices, rng.uniform(0.03, 0.3 if voices < 5 else 0.6), rng.choice([0, 0, 1, 1, 0.5]),
        rng.uniform(0.3, 0.7), rng.uniform(0.05, 1), rng.uniform(0, 0.9) * (role == "bass"),
        rng.choice([0, 0, 0.02, 0.1]), cutoff, rng.uniform(0, 5), rng.uniform(0, 0.9) ** 1.5,
        rng.uniform(0, 2) if rng.random() < 0.35 else 0.0,
        1 / (beat_s * float(rng.choice([0.25, 0.333, 0.5, 1, 4, 8, 16]))),
        rng.uniform(0, 0.9) * (role != "bass"), rng.uniform(0, 0.3) * (role == "lead"),
        rng.choice([0, 0, 0, -12, -2, 2]) if role in ("lead", "bass") else 0.0, rng.uniform(0, 0.8),
    ], dtype=np.float64)  # fmt: skip


def _tables(rng: np.random.Generator, top: int) -> NDArray[np.float32]:
    """Two band-limited waves of at most `top` harmonics with random spectra."""
    spectra = np.zeros((2, TABLE // 2 + 1), dtype=np.complex128)
    h = np.arange(1, 129)
    for row in range(2):
        size = h ** -float(rng.uniform(0.6, 1.8)) * rng.gamma(0.7, 1.0, size=len(h))
        size[0] += 0.5
        centre, width = float(rng.uniform(2, 24)), float(rng.uniform(1, 6))
        size += 0.3 * float(rng.random() < 0.5) * np.exp(-(((h - centre) / width) ** 2))
        size[min(top, 128) :] = 0
        spectra[row, 1:129] = size * np.exp(2j * np.pi * rng.random(len(h)))
    waves = np.fft.irfft(spectra)
    return (waves / np.abs(waves).max(axis=1, keepdims=True)).astype(np.float32)


def perform(
    notes: Sequence[Note],
    rng: np.random.Generator,
    seconds: float,
    role: str,
    beat_s: float,
    test: bool = False,
) -> tuple[Audio, str]:
    """Notes on a random patch for a role; and the engine's name."""
    engines, chances = zip(*ROLES[role], strict=True)
    engine = str(rng.choice(engines, p=chances))
    if test:
        engine = str(rng.choice(TEST_ENGINES))
    out = np.zeros((2, int(seconds * SAMPLE_RATE)), dtype=np.float32)
    env, menv = _envelope(rng, role), _envelope(rng, role)
    menv[2] *= float(rng.uniform(0, 1))
    p = _analogue_patch(rng, role, beat_s)
    ratios = rng.choice([0.5, 1, 1, 1, 2, 2, 3, 3.5, 4, 5, 7, 1.41, 11], size=4)
    ratios[0] = 1.0
    fm = np.concatenate([ratios, rng.uniform(0, 3.5, size=4) ** 1.3,
                         [rng.integers(4), rng.uniform(0, 0.008)]])  # fmt: skip
    string = np.array([rng.uniform(0.8, 6), rng.uniform(0.2, 1), rng.uniform(0.05, 0.45),
                       rng.uniform(0.2, 1), rng.uniform(0.05, 0.2),
                       rng.uniform(0.05, 0.4)])  # fmt: skip
    table_seed = int(rng.integers(2**31))
    sweep = np.array([rng.uniform(0, 0.2), 1 / (beat_s * 4), rng.uniform(0, 0.5)])
    bend = np.array([rng.integers(2), rng.uniform(0.3, 1), rng.uniform(0, 0.008)], dtype=np.float64)
    ring = np.convolve(rng.normal(size=64), np.ones(5) / 2, "same") * np.hanning(64)
    spring = np.array([rng.uniform(0.02, 0.3), rng.uniform(0, 0.02), rng.uniform(0.97, 0.9995)])
    cache: dict[int, NDArray[np.float32]] = {}
    for i, note in enumerate(notes):
        start = int(note.start_s * SAMPLE_RATE)
        if start >= out.shape[1]:
            continue
        off = start + int(note.length_s * SAMPLE_RATE)
        hz, loud = 440 * 2 ** ((note.pitch - 69) / 12), (note.velocity / 127) ** 1.3
        if engine == "analogue":
            phases = np.random.default_rng(i).random(12)
            _analogue(out, start, off, hz, loud, env, menv, p, phases)
        elif engine == "fm":
            _fm(out, start, off, hz, loud, env, menv, fm)
        elif engine == "wavetable":
            top = int(17000 / hz)
            bucket = int(np.log2(max(top, 1)) * 2)
            if bucket not in cache:
                own = np.random.default_rng(table_seed)
                cache[bucket] = _tables(own, max(int(2 ** (bucket / 2)), 1))
            _wavetable(out, start, off, hz, loud, env, menv, cache[bucket], sweep)
        elif engine == "pluck":
            string[1] = np.clip(string[1], 0.1, 1)
            _pluck(out, start, off, hz, loud, (table_seed + i) % 2**31, string)
        elif engine == "phase":
            _phase(out, start, off, hz, loud, env, menv, bend)
        else:
            _scan(out, start, off, hz, loud, env, ring, spring)
    return out, f"own {engine}"
