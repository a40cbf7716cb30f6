"""Pitched parts: bass lines, chords in several manners of playing, pads and melodies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .song import STEPS, Note, Plan

# Steps of a bar at which a bass note starts, with its interval above the chord's root
# (99 = a passing note towards the next root); it is held until the next start or `hold` steps.
BASS: dict[str, tuple[Sequence[tuple[int, int]], int]] = {
    "roots": (((0, 0), (8, 0)), 8),
    "held": (((0, 0),), 16),
    "eighths": (tuple((s, 0) for s in range(0, 16, 2)), 2),
    "sixteenths": (tuple((s, 12 if s % 8 == 6 else 0) for s in range(16) if s % 4), 1),
    "offbeat": (tuple((s, 0) for s in (2, 6, 10, 14)), 2),
    "octaves": (tuple((s, 12 * (s // 2 % 2)) for s in range(0, 16, 2)), 2),
    "rootfifth": (((0, 0), (8, 7)), 6),
    "walking": (((0, 0), (4, 4), (8, 7), (12, 99)), 4),
    "syncopated": (((0, 0), (3, 0), (6, 7), (10, 12), (14, 10)), 3),
    "slap": (((0, 0), (3, 12), (4, 0), (7, 12), (10, 0), (13, 10), (14, 12)), 2),
    "tumbao": (((3, 7), (6, 12), (12, 0)), 5),
}

# Steps at which chords are struck, by manner; `_` keeps the previous chord sounding.
CHORD_STEPS: dict[str, tuple[tuple[int, ...], int]] = {
    "strum": ((0, 4, 6, 10, 12, 14), 3),
    "chug": ((0, 2, 4, 6, 8, 10, 12, 14), 1),
    "muted": ((0, 3, 6, 7, 10, 12, 15), 1),
    "skank": ((2, 6, 10, 14), 1),
    "comp": ((0, 6, 10), 3),
    "blocks": ((0, 8), 8),
    "pad": ((0,), 16),
    "stabs": ((0, 3, 6), 2),
    "eighths": ((0, 2, 4, 6, 8, 10, 12, 14), 2),
    "pushes": ((0, 3, 6, 10, 14), 2),
}


def _humanised(
    plan: Plan, rng: np.random.Generator, bar: int, step: float, steps: float, pitch: int, loud: int
) -> Note:
    start = max(plan.time_s(bar, step) + float(rng.normal(0, 0.006)), 0.0)
    length = steps / STEPS * plan.bar_s * float(rng.uniform(0.8, 0.98))
    velocity = int(np.clip(loud + rng.integers(-12, 13), 25, 127))
    return Note(start, length, int(np.clip(pitch, 20, 108)), velocity)


def bass_part(plan: Plan, rng: np.random.Generator) -> list[Note]:
    """A bass line between E1 and about E3."""
    starts, hold = BASS[str(rng.choice(plan.genre.bass))]
    skip = float(rng.uniform(0, 0.15))
    notes = []
    for bar in range(plan.bars):
        root = plan.root_pitch(bar, 28 if rng.random() < 0.9 else 33)
        following = plan.root_pitch(bar + 1, 28)
        for step, interval in starts:
            if step and rng.random() < skip:
                continue
            passing = following + int(rng.choice([-2, -1, 1, 2]))
            pitch = passing if interval == 99 else root + interval
            if interval == 4:
                pitch = plan.chord_pitches(bar, root)[1]
            notes.append(_humanised(plan, rng, bar, step, hold, pitch, 98))
    return notes


def chord_part(
    plan: Plan, rng: np.random.Generator, manner: str, low: int, spread_s: float = 0.0
) -> list[Note]:
    """Chords struck in a manner; `spread_s` is the time a strum takes over its strings."""
    steps, hold = CHORD_STEPS[manner]
    keep = [s for s in steps if s == steps[0] or rng.random() < 0.8]
    notes = []
    for bar in range(plan.bars):
        chord = plan.chord_pitches(bar, low)
        if manner == "chug":
            root = plan.root_pitch(bar, low)
            chord = [root, root + 7, root + 12]
        elif spread_s:
            chord = [*chord, chord[0] + 12, chord[1] + 12]
        for place, step in enumerate(keep):
            order = chord if place % 2 == 0 else chord[::-1]
            for i, pitch in enumerate(order):
                n = _humanised(plan, rng, bar, step, hold, pitch, 84)
                late = i * spread_s / len(order)
                notes.append(Note(n.start_s + late, n.length_s, n.pitch, n.velocity))
    return notes


def arpeggio_part(plan: Plan, rng: np.random.Generator, low: int) -> list[Note]:
    """Broken chords in eighths or sixteenths."""
    stride = int(rng.choice([1, 2, 2]))
    shape = rng.permutation(5)
    notes = []
    for bar in range(plan.bars):
        chord = plan.chord_pitches(bar, low)
        ladder = [*chord, *(p + 12 for p in chord)]
        for place, step in enumerate(range(0, STEPS, stride)):
            pitch = ladder[int(shape[place % len(shape)]) % len(ladder)]
            notes.append(_humanised(plan, rng, bar, step, stride * 2.0, pitch, 78))
    return notes


def melody_part(
    plan: Plan, rng: np.random.Generator, low: int, busy: float = 0.5, rest: float = 0.25
) -> list[Note]:
    """A line of single notes: a walk on the scale, drawn to chord tones on strong beats."""
    centre = (low - plan.root) // 12 * 7 + 4
    degree = centre
    notes = []
    step = 0.0
    total = plan.bars * STEPS
    while step < total:
        bar = int(step // STEPS)
        if bar % 2 == 1 and step % STEPS >= 8 and rng.random() < rest * 2:
            step = (bar + 1) * STEPS
            continue
        length = float(rng.choice([1, 2, 3, 4, 6, 8], p=_lengths(busy)))
        degree += int(
            rng.choice([-3, -2, -1, 0, 1, 2, 3], p=[0.05, 0.13, 0.24, 0.16, 0.24, 0.13, 0.05])
        )
        degree += int(np.sign(centre - degree)) if abs(degree - centre) > 5 else 0
        chord = {d % 7 for d in plan.chords[bar % len(plan.chords)]}
        if step % 8 == 0 and degree % 7 not in chord:
            degree += 1
        pitch = plan.pitch(degree, 0)
        notes.append(_humanised(plan, rng, bar, step % STEPS, length, pitch, 92))
        step += length
    return notes


def _lengths(busy: float) -> list[float]:
    weights = np.array([busy**2, 1.0, 0.4 * busy, 1.2, 0.5, 1.0 - 0.8 * busy])
    return list(weights / weights.sum())
