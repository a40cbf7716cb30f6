"""Drum parts: step patterns by style, with ghost notes, fills and human timing."""

from __future__ import annotations

import numpy as np

from .song import STEPS, Note, Plan

KICK, SNARE, RIM, CLAP, CLOSED, PEDAL, OPEN = 36, 38, 37, 39, 42, 44, 46
TOMS = (50, 48, 47, 45, 43)
CRASH, RIDE, BELL, SHAKER, TAMBOURINE, COWBELL = 49, 51, 53, 70, 54, 56
CONGAS = (62, 63, 64)

# Each voice as a bar of sixteenths: x loud, o soft, . none, ? by chance.
PATTERNS: dict[str, tuple[dict[int, str], ...]] = {
    "rock": (
        {KICK: "x.....?.x.x....?", SNARE: "....x.......x..?", CLOSED: "x.o.x.o.x.o.x.o."},
        {KICK: "x..?..x.x....?..", SNARE: "....x.......x...", RIDE: "x.o.x.o.x.o.x.o."},
        {KICK: "x.x.....x.x.....", SNARE: "....x..?....x...", OPEN: "x.x.x.x.x.x.x.x."},
    ),
    "half": (
        {KICK: "x......?..x.....", SNARE: "........x.......", CLOSED: "x.o.x.o.x.o.x.o."},
        {KICK: "x.....x....?....", SNARE: "........x.....?.", RIDE: "x...x...x...x..."},
    ),
    "toms": ({KICK: "x...x...x...x...", SNARE: "....x.......x...", 43: "x.xx..x.x.xx..x."},),
    "double": (
        {KICK: "xoxoxoxoxoxoxoxo", SNARE: "....x.......x...", RIDE: "x...x...x...x..."},
        {KICK: "x.xxx.xxx.xxx.xx", SNARE: "....x.......x...", CRASH: "x.......x......."},
        {KICK: "x.x.x.x.x.x.x.x.", SNARE: ".x.x.x.x.x.x.x.x", RIDE: "x.x.x.x.x.x.x.x."},
    ),
    "four": (
        {KICK: "x...x...x...x..?", CLAP: "....x.......x...", OPEN: "..x...x...x...x."},
        {KICK: "x...x...x...x...", SNARE: "....x.......x..?", CLOSED: "xooxxooxxooxxoox"},
    ),
    "sixteen": (
        {KICK: "x..?..x...x.....", SNARE: "....x..o.o..x...", CLOSED: "xoxoxoxoxoxoxoxo"},
        {KICK: "x.....x..?x.....", CLAP: "....x.......x...", SHAKER: "xoxoxoxoxoxoxoxo"},
    ),
    "funk": (
        {KICK: "x.x...?...x..x..", SNARE: "....x..o.o..x..o", CLOSED: "x.xox.xox.xox.xo"},
        {KICK: "x..x..x.?..x....", SNARE: "..o.x..o.o.ox...", CLOSED: "xoxoxoxoxoxoxo.."},
    ),
    "break": ({KICK: "x.x.......xx....", SNARE: "....x..o.o..x..o", CLOSED: "x.x.x.x.x.x.x.x."},),
    "trap": (
        {KICK: "x.....?...x..x..", CLAP: "........x.......", CLOSED: "xoxoxoxxxoxoxxxo"},
        {KICK: "x..x......x.....", SNARE: "........x.......", CLOSED: "x.x.x.xxx.x.x.x?"},
    ),
    "boombap": ({KICK: "x.....?x..x.....", SNARE: "....x.......x...", CLOSED: "x.o.x.o.x.o.x.oo"},),
    "onedrop": ({KICK: "........x.......", RIM: "........x.....?.", CLOSED: "x.o.x.o.x.o.x.o."},),
    "train": ({KICK: "x...x...x...x...", SNARE: "oooxoooxooxooxox", PEDAL: "..x...x...x...x."},),
    "brush": ({KICK: "x.......o.......", SNARE: "o.o.x.o.o.o.x.o.", PEDAL: "....x.......x..."},),
    "ride": (
        {RIDE: "x...x..xx...x..x", PEDAL: "....x.......x...", SNARE: ".?....?....?...?",
         KICK: "o...?...o......."},
    ),
    "latin": (
        {KICK: "x..x..x.x..x..x.", RIM: "x..x..x...x.x...", SHAKER: "xoxoxoxoxoxoxoxo",
         63: "....x.......x...", 64: "......xx......xx"},
        {KICK: "x...x...x...x...", COWBELL: "x.x.xx.xx.x.xx.x", 62: "..x...x...x...x."},
    ),
    "punk": (
        {KICK: "x.x.....x.x.....", SNARE: "....x.......x...", CLOSED: "x.x.x.x.x.x.x.x."},
        {KICK: "x...x...x...x...", SNARE: "..x...x...x...x.", CRASH: "x...x...x...x..."},
        {KICK: "x..x..x.x..x..x.", SNARE: "....x.......x...", RIDE: "x.x.x.x.x.x.x.x."},
    ),
    "disco": (
        {KICK: "x...x...x...x...", SNARE: "....x.......x...", CLOSED: "x.x.x.x.x.x.x.x.",
         OPEN: "..x...x...x...x."},
        {KICK: "x...x...x...x...", CLAP: "....x.......x...", CLOSED: "xx.xxx.xxx.xxx.x",
         OPEN: "..x...x...x...x.", TAMBOURINE: "....x.......x..."},
    ),
    "motown": (
        {KICK: "x..?..x.x.......", SNARE: "x...x...x...x...", TAMBOURINE: "..x...x...x...x."},
        {KICK: "x.....x.x.x.....", SNARE: "....x..o....x..o", CLOSED: "x.x.x.x.x.x.x.x."},
    ),
    "dnb": (
        {KICK: "x.........x.....", SNARE: "....x..o.o..x..o", CLOSED: "x.x.x.x.x.x.x.x."},
        {KICK: "x.x.......xx..?.", SNARE: "....x.......x..o", RIDE: "x.x.x.x.x.x.x.x."},
    ),
    "shuffle": (
        {KICK: "x.......x..?....", SNARE: "....x.......x...", CLOSED: "x.x.x.x.x.x.x.x."},
        {KICK: "x.....x.x.......", SNARE: "o.o.x.o.o.o.x.o.", RIDE: "x.x.x.x.x.x.x.x."},
    ),
    "bossa": ({KICK: "x..xx..xx..xx..x", RIM: "x..x..x...x..x..", CLOSED: "xoxoxoxoxoxoxoxo"},),
    "afro": (
        {KICK: "x..x....x..x....", RIM: "x..x...x..x.x...", SHAKER: "x.xxx.xxx.xxx.xx"},
        {KICK: "x.....x..x......", SNARE: "...x..x....x..x.", CLOSED: "x.xxx.xxx.xxx.xx"},
    ),
    "dembow": ({KICK: "x...x...x...x...", SNARE: "...x..x....x..x.", CLOSED: "x.x.x.x.x.x.x.x."},),
    "sparse": (
        {KICK: "x...............", RIM: "............x...", SHAKER: "..o...o...o...o."},
        {KICK: "x.......?.......", RIDE: "x.....?.....x...", SNARE: "............o..."},
    ),
}  # fmt: skip


def _hits(pattern: dict[int, str], rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """One bar as (step, pitch, velocity)."""
    hits = []
    for pitch, steps in pattern.items():
        for step, mark in enumerate(steps):
            if mark == "." or (mark == "?" and rng.random() < 0.6):
                continue
            loud = 52 if mark == "o" else 104
            accent = 8 if step % 4 == 0 else 0
            hits.append((step, pitch, loud + accent + int(rng.integers(-10, 11))))
    return hits


def _fill(rng: np.random.Generator, start: int) -> list[tuple[int, int, int]]:
    """A run over snare and toms from a step to the end of the bar."""
    voices = [SNARE, *TOMS]
    hits = []
    for step in range(start, STEPS):
        if rng.random() < 0.8:
            place = (step - start) * len(voices) // (STEPS - start)
            hits.append((step, voices[place], int(rng.integers(85, 125))))
    return hits


def drum_part(plan: Plan, rng: np.random.Generator) -> list[Note]:
    """The whole drum part."""
    style = str(rng.choice(plan.genre.drums))
    pattern = PATTERNS[style][int(rng.integers(len(PATTERNS[style])))]
    extra = {TAMBOURINE: "..x...x...x...x."} if rng.random() < 0.12 else {}
    loose_s = float(rng.uniform(0.001, 0.009))
    notes: list[Note] = []
    for bar in range(plan.bars):
        hits = _hits({**pattern, **extra}, rng)
        if bar % 4 == 3 and rng.random() < 0.75:
            start = int(rng.choice([4, 8, 12]))
            hits = [h for h in hits if h[0] < start] + _fill(rng, start)
        if bar % 4 == 0 and rng.random() < 0.6:
            hits.append((0, CRASH, int(rng.integers(85, 120))))
        for step, pitch, velocity in hits:
            start_s = max(plan.time_s(bar, step) + float(rng.normal(0, loose_s)), 0.0)
            notes.append(Note(start_s, 0.25, pitch, int(np.clip(velocity, 20, 127))))
    return notes
