"""A song's form and feel: modes, sections with entries and rests, swing, riffs, grooves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .bands import SOURCES
from .drumming import CRASH, PATTERNS, TAMBOURINE, _fill, _hits
from .song import GENRES, PROGRESSIONS, STEPS, Note, Plan

MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10), "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10), "lydian": (0, 2, 4, 6, 7, 9, 11),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
}  # fmt: skip
MINOR_MODES = ("minor", "dorian", "phrygian", "harmonic minor")
SHUFFLED = ("blues", "jazz", "hiphop", "soul", "reggae", "country", "trap")
"""Genres that often swing."""


@dataclass(frozen=True)
class Arrangement(Plan):
    """A plan with its feel and, for each bar, which sources play and how loud."""

    mode: str = "major"
    swing_eighths: float = 0.0
    """Lateness of off-beat eighths, in eighths (a third is a triplet)."""
    swing_sixteenths: float = 0.0
    active: tuple[frozenset[str], ...] = ()
    energy: tuple[float, ...] = ()
    """0..1 for each bar; loudness of the players."""

    @property
    def beat_s(self) -> float:
        """Length of a beat in seconds."""
        return 60.0 / self.tempo_bpm

    def time_s(self, bar: int, step: float) -> float:
        """Start of a grid step in seconds, with swing."""
        beat, within = divmod(step, 4.0)
        within += self.swing_sixteenths * (1 - abs(within % 2 - 1))
        knee = 2.0 + 2.0 * self.swing_eighths
        late = within * knee / 2 if within < 2 else knee + (within - 2) * (4 - knee) / 2
        return (bar + (beat * 4 + late) / STEPS) * self.bar_s


def plan_arrangement(
    rng: np.random.Generator,
    seconds: float,
    genre: str | None = None,
    needed: Sequence[str] = (),
) -> Arrangement:
    """Draw a song of `seconds`; the `needed` sources play, others by the genre's chances."""
    name = genre or str(rng.choice(list(GENRES)))
    tempo = float(rng.uniform(*GENRES[name].tempo_bpm))
    mode = str(rng.choice(list(MODES), p=[0.36, 0.34, 0.09, 0.08, 0.03, 0.03, 0.07]))
    bars = int(np.ceil(seconds * tempo / 240.0)) + 1
    swung = rng.random() < (0.6 if name in SHUFFLED else 0.06)
    plan = Arrangement(
        genre_name=name,
        tempo_bpm=tempo,
        root=int(rng.integers(12)),
        scale=MODES[mode],
        chords=_chords(rng, name, mode),
        bars=bars,
        mode=mode,
        swing_eighths=float(rng.uniform(0.15, 0.36)) if swung and rng.random() < 0.6 else 0.0,
        swing_sixteenths=float(rng.uniform(0.1, 0.4)) if swung else 0.0,
    )
    present = {
        source
        for source, chance in zip(SOURCES, GENRES[name].presence, strict=True)
        # Fuller than the genres' own chances: an absent source teaches little.
        if source in needed or rng.random() < 1 - (1 - chance) ** 1.5
    }
    if not present:
        present = {"piano"}
    # The last bar only lets notes ring past the end: it repeats the one before.
    active, energy = _form(rng, bars - 1, present, needed)
    active, energy = (*active, active[-1]), (*energy, energy[-1])
    return replace(plan, active=active, energy=energy)


def _chords(rng: np.random.Generator, genre: str, mode: str) -> tuple[tuple[int, ...], ...]:
    pool = PROGRESSIONS["minor" if mode in MINOR_MODES else "major"]
    if rng.random() < 0.3:
        # Free progressions: the tonic, then steps that bass lines like.
        degrees = [0]
        while len(degrees) < int(rng.choice([2, 4, 4, 8])):
            degrees.append((degrees[-1] + int(rng.choice([3, 4, 1, 6, 5, 2, 0]))) % 7)
    else:
        degrees = [int(d) for _ in range(2) for d in str(rng.choice(pool))]
    if rng.random() < 0.08:
        degrees = [0]  # one chord throughout
    sevenths = 0.75 if genre in ("jazz", "funk", "soul", "bossa", "blues") else 0.15
    chords = []
    for degree in degrees:
        chord = [degree, degree + 2, degree + 4]
        if rng.random() < 0.06:
            chord[1] = degree + int(rng.choice([1, 3]))  # suspended
        if rng.random() < sevenths:
            chord.append(degree + 6)
        if rng.random() < sevenths / 3:
            chord.append(degree + 8)
        chords.append(tuple(chord))
    return tuple(chords)


def _form(
    rng: np.random.Generator, bars: int, present: set[str], needed: Sequence[str]
) -> tuple[tuple[frozenset[str], ...], tuple[float, ...]]:
    """Sections of two, four or eight bars; in each some of the players rest."""
    active: list[frozenset[str]] = []
    energy: list[float] = []
    while len(active) < bars:
        length = int(rng.choice([2, 4, 4, 8]))
        full = rng.random() < 0.55
        # Sorted: the order of a set of texts differs from process to process.
        playing = {s for s in sorted(present) if full or s in needed or rng.random() < 0.72}
        if not playing:
            playing = {sorted(present)[int(rng.integers(len(present)))]}
        loud = float(rng.uniform(0.75, 1.0) if full else rng.uniform(0.45, 0.9))
        active += [frozenset(playing)] * length
        energy += [loud] * length
        if rng.random() < 0.12:
            # A stop: all rest but one for the last bar.
            active[-1] = frozenset({sorted(playing)[int(rng.integers(len(playing)))]})
    active = active[:bars]
    for source in sorted(present):
        # Whoever is there plays in two bars of five at least.
        if 5 * sum(source in bar for bar in active) < 2 * bars:
            start = int(rng.integers(max(bars // 2, 1)))
            for bar in range(start, min(start + max(bars // 2, 2), bars)):
                active[bar] = active[bar] | {source}
    return tuple(active), tuple(energy[:bars])


def played(
    plan: Arrangement, notes: Sequence[Note], source: str, late_s: float = 0.0
) -> list[Note]:
    """The notes of bars in which a source plays, shaped by the song's energy."""
    out = []
    for note in notes:
        bar = min(int((note.start_s + 0.03) / plan.bar_s), plan.bars - 1)
        if source in plan.active[bar]:
            velocity = int(np.clip(note.velocity * (0.6 + 0.4 * plan.energy[bar]), 1, 127))
            out.append(replace(note, start_s=max(note.start_s + late_s, 0.0), velocity=velocity))
    return out


def rhythm(rng: np.random.Generator, density: float, length: int = STEPS) -> list[tuple[int, int]]:
    """A random figure as (step, steps held): strong steps are likelier, some notes are tied."""
    weight = np.where(np.arange(length) % 8 == 0, 1.6, 1.0)
    weight = np.where(np.arange(length) % 2 == 1, 0.35 + 0.5 * float(rng.random()), weight)
    weight = np.where(np.arange(length) % 4 == 2, 0.8 + 0.5 * float(rng.random()), weight)
    steps = np.flatnonzero(rng.random(length) < np.clip(weight * density, 0, 0.97))
    if len(steps) == 0:
        steps = np.array([0])
    held = float(rng.uniform(0.35, 1.0))
    stops = np.append(steps[1:], length)
    return [(int(a), max(round((b - a) * held), 1)) for a, b in zip(steps, stops, strict=True)]


def _note(
    plan: Arrangement, rng: np.random.Generator, bar: int, step: float, steps: float, pitch: int,
    velocity: int, loose_s: float = 0.006,
) -> Note:  # fmt: skip
    start = max(plan.time_s(bar, step) + float(rng.normal(0, loose_s)), 0.0)
    stop = plan.time_s(bar, step + steps)
    loud = int(np.clip(velocity + rng.normal(0, 7), 18, 127))
    return Note(start, max(stop - plan.time_s(bar, step) - 0.012, 0.04), pitch, loud)


def riff(
    plan: Arrangement, rng: np.random.Generator, low: int, density: float, bars: int = 2,
    chordal: float = 0.6,
) -> list[Note]:  # fmt: skip
    """A figure of one to `bars` bars that repeats over the chords, with small changes."""
    length = STEPS * int(rng.integers(1, bars + 1))
    cell = rhythm(rng, density, length)
    tones = [0, 0, 4, 2, 7] if rng.random() < chordal else [0, 1, 2, 3, 4, 5, 6, 7]
    steps = [int(rng.choice(tones)) for _ in cell]
    accents = rng.integers(-14, 12, size=len(cell))
    notes = []
    for place in range(0, plan.bars * STEPS, length):
        for i, (step, held) in enumerate(cell):
            bar, within = divmod(place + step, STEPS)
            if bar >= plan.bars or rng.random() < 0.05:
                continue
            root = plan.root_pitch(bar, low)
            chord = plan.chords[bar % len(plan.chords)]
            degree = steps[i] if rng.random() > 0.06 else int(rng.choice(tones))
            pitch = root + plan.pitch(chord[0] + degree, 0) - plan.pitch(chord[0], 0)
            notes.append(_note(plan, rng, bar, within, held, pitch, 96 + int(accents[i])))
    return notes


def voicing(
    plan: Arrangement, rng: np.random.Generator, bar: int, low: int, shape: str
) -> list[int]:
    """Pitches of the bar's chord: close, open, power, octave or six strings."""
    root = plan.root_pitch(bar, low)
    close = plan.chord_pitches(bar, low)
    if shape == "power":
        return [root, root + 7, root + 12]
    if shape == "octave":
        return [root, root + 12]
    if shape == "open":
        return sorted([close[0], *(p + 12 for p in close[1:2]), *close[2:]])
    if shape == "strings":
        ladder = sorted({p + 12 * k for p in close for k in range(3)})
        return ladder[: int(rng.integers(4, 7))]
    if shape == "dyad":
        return close[:2] if rng.random() < 0.5 else close[-2:]
    return close


def comping(
    plan: Arrangement, rng: np.random.Generator, low: int, shape: str, density: float,
    spread_s: float = 0.0, sustained: bool = False,
) -> list[Note]:  # fmt: skip
    """Chords on a random figure; `spread_s` is the time of a strum over all strings."""
    length = STEPS * int(rng.choice([1, 1, 2]))
    cell = (
        [(0, length if length == STEPS else STEPS)] if sustained else rhythm(rng, density, length)
    )
    notes = []
    for place in range(0, plan.bars * STEPS, length):
        for i, (step, held) in enumerate(cell):
            bar, within = divmod(place + step, STEPS)
            if bar >= plan.bars or (not sustained and rng.random() < 0.05):
                continue
            pitches = voicing(plan, rng, bar, low, shape)
            up = spread_s > 0 and i % 2 == 1
            order = pitches[::-1][:4] if up else pitches
            loud = int(rng.integers(66, 100)) - (12 if up else 0)
            for k, pitch in enumerate(order):
                note = _note(plan, rng, bar, within, held, pitch, loud, 0.003)
                late = k * spread_s / len(order) + (
                    0.0 if spread_s else float(rng.uniform(0, 0.012))
                )
                notes.append(replace(note, start_s=note.start_s + late))
    return notes


def groove(plan: Arrangement, rng: np.random.Generator) -> list[Note]:
    """A drum part: lanes of the genre's patterns, now and then mixed and changed, with fills."""
    styles = plan.genre.drums
    main = dict(_pattern(rng, str(rng.choice(styles))))
    if rng.random() < 0.35:
        other = _pattern(rng, str(rng.choice(list(PATTERNS) if rng.random() < 0.3 else styles)))
        for lane in list(other):
            if rng.random() < 0.5:
                main[lane] = other[lane]
    if rng.random() < 0.12:
        main[TAMBOURINE] = "..x...x...x...x."
    main = {lane: _changed(rng, steps) for lane, steps in main.items()}
    chorus = {lane: steps for lane, steps in main.items() if rng.random() < 0.9} or main
    loose_s = float(rng.uniform(0.0, 0.008))
    late = {lane: float(rng.normal(0, 0.004)) for lane in range(128)}
    fills = float(rng.uniform(0.1, 0.8))
    notes: list[Note] = []
    for bar in range(plan.bars):
        hits = _hits(main if bar // 4 % 2 == 0 else chorus, rng)
        last = bar + 1 < plan.bars and plan.active[bar + 1] != plan.active[bar]
        if (last or bar % 4 == 3) and rng.random() < fills:
            start = int(rng.choice([4, 8, 12, 14]))
            hits = [h for h in hits if h[0] < start] + _fill(rng, start)
        first = bar == 0 or plan.active[bar - 1] != plan.active[bar]
        if (first or bar % 4 == 0) and rng.random() < 0.6:
            hits.append((0, CRASH, int(rng.integers(80, 120))))
        for step, pitch, velocity in hits:
            at = plan.time_s(bar, step) + late[pitch] + float(rng.normal(0, loose_s))
            notes.append(Note(max(at, 0.0), 0.25, pitch, int(np.clip(velocity, 15, 127))))
    return notes


def _pattern(rng: np.random.Generator, style: str) -> dict[int, str]:
    return PATTERNS[style][int(rng.integers(len(PATTERNS[style])))]


def _changed(rng: np.random.Generator, steps: str) -> str:
    """A lane with a few hits dropped or added softly."""
    rate = float(rng.uniform(0, 0.08))
    return "".join(("." if mark != "." else "o") if rng.random() < rate else mark for mark in steps)
