"""Random songs as a plan: tempo, key, chords, and who plays in which style."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEPS = 16
"""Grid steps of a bar: sixteenth notes of a 4/4 bar."""

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
PROGRESSIONS = {
    "major": ("0453", "0534", "0344", "5304", "0304", "1400", "0503", "0033", "0415", "3450"),
    "minor": ("0526", "0656", "0340", "0362", "0056", "0065", "0600", "0316", "5600", "0355"),
}


@dataclass(frozen=True)
class Note:
    """A note: start and length in seconds, MIDI pitch, velocity 1..127."""

    start_s: float
    length_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Genre:
    """What a genre prefers; each tuple is drawn from evenly, `presence` by source."""

    tempo_bpm: tuple[int, int]
    drums: tuple[str, ...]
    bass: tuple[str, ...]
    guitar: tuple[str, ...]
    tone: tuple[str, ...]
    keys: tuple[str, ...]
    other: tuple[str, ...]
    presence: tuple[float, float, float, float, float, float]
    """Chance of vocals, drums, bass, guitar, piano, other."""
    swing: float = 0.0


GENRES = {
    "rock": Genre(
        (95, 160),
        ("rock", "half", "toms"),
        ("eighths", "roots", "octaves"),
        ("strum", "chug", "lead"),
        ("crunch", "distorted"),
        ("comp", "blocks"),
        ("organ", "strings", "synth"),
        (0.85, 0.97, 0.97, 0.97, 0.25, 0.5),
    ),
    "metal": Genre(
        (120, 200),
        ("double", "half", "rock"),
        ("eighths", "sixteenths"),
        ("chug", "lead"),
        ("distorted",),
        ("blocks",),
        ("strings", "synth", "choir"),
        (0.8, 1.0, 0.95, 1.0, 0.1, 0.3),
    ),
    "pop": Genre(
        (85, 128),
        ("rock", "four", "half", "sixteen"),
        ("eighths", "syncopated", "roots"),
        ("strum", "arpeggio", "muted"),
        ("clean", "acoustic", "crunch"),
        ("comp", "blocks", "arpeggio"),
        ("pad", "strings", "synth", "lead"),
        (0.97, 0.92, 0.92, 0.65, 0.65, 0.9),
    ),
    "ballad": Genre(
        (55, 85),
        ("half", "brush", "rock"),
        ("roots", "held"),
        ("arpeggio", "strum"),
        ("acoustic", "clean"),
        ("blocks", "arpeggio"),
        ("strings", "pad", "wind"),
        (0.97, 0.7, 0.85, 0.7, 0.8, 0.85),
    ),
    "funk": Genre(
        (90, 120),
        ("funk", "sixteen"),
        ("syncopated", "slap", "octaves"),
        ("muted", "strum"),
        ("clean",),
        ("comp",),
        ("brass", "organ", "synth"),
        (0.75, 1.0, 1.0, 0.85, 0.6, 0.75),
        0.1,
    ),
    "electronic": Genre(
        (110, 145),
        ("four", "break", "sixteen"),
        ("offbeat", "sixteenths", "eighths", "held"),
        ("muted", "arpeggio"),
        ("clean", "crunch"),
        ("comp", "arpeggio"),
        ("synth", "pad", "lead", "arp"),
        (0.6, 0.97, 0.92, 0.15, 0.35, 1.0),
    ),
    "hiphop": Genre(
        (70, 105),
        ("trap", "boombap", "break"),
        ("held", "syncopated"),
        ("arpeggio", "muted"),
        ("clean", "acoustic"),
        ("comp", "arpeggio"),
        ("pad", "strings", "lead", "brass"),
        (0.95, 1.0, 0.92, 0.3, 0.6, 0.8),
        0.12,
    ),
    "reggae": Genre(
        (65, 95),
        ("onedrop", "half"),
        ("syncopated", "roots"),
        ("skank",),
        ("clean",),
        ("skank",),
        ("organ", "brass"),
        (0.85, 1.0, 1.0, 0.95, 0.5, 0.75),
    ),
    "country": Genre(
        (90, 170),
        ("train", "rock", "brush"),
        ("rootfifth", "walking"),
        ("strum", "arpeggio", "lead"),
        ("acoustic", "clean"),
        ("comp", "blocks"),
        ("fiddle", "organ", "wind"),
        (0.92, 0.85, 0.95, 1.0, 0.5, 0.5),
    ),
    "jazz": Genre(
        (80, 190),
        ("ride", "brush", "latin"),
        ("walking", "rootfifth"),
        ("comp", "lead"),
        ("clean",),
        ("comp", "blocks"),
        ("wind", "brass", "vibes"),
        (0.6, 0.92, 0.97, 0.5, 0.8, 0.75),
        0.3,
    ),
    "latin": Genre(
        (85, 135),
        ("latin", "sixteen"),
        ("tumbao", "rootfifth"),
        ("strum", "arpeggio"),
        ("acoustic", "clean"),
        ("comp", "arpeggio"),
        ("brass", "wind", "strings"),
        (0.8, 0.97, 0.97, 0.75, 0.7, 0.75),
    ),
    "punk": Genre(
        (150, 210),
        ("punk", "rock", "double"),
        ("eighths", "roots"),
        ("strum", "chug", "eighths"),
        ("crunch", "distorted"),
        ("blocks",),
        ("organ", "synth"),
        (0.9, 1.0, 1.0, 1.0, 0.08, 0.15),
    ),
    "indie": Genre(
        (100, 165),
        ("rock", "disco", "toms", "motown"),
        ("eighths", "octaves", "syncopated"),
        ("arpeggio", "strum", "eighths", "lead"),
        ("clean", "crunch"),
        ("comp", "blocks", "eighths"),
        ("synth", "strings", "lead", "brass"),
        (0.9, 0.95, 0.95, 0.95, 0.35, 0.6),
    ),
    "disco": Genre(
        (108, 126),
        ("disco", "four"),
        ("octaves", "syncopated", "slap"),
        ("muted", "strum"),
        ("clean",),
        ("comp", "pushes"),
        ("strings", "brass", "synth", "pad"),
        (0.85, 1.0, 1.0, 0.85, 0.6, 0.9),
    ),
    "house": Genre(
        (118, 130),
        ("four", "disco"),
        ("offbeat", "syncopated", "eighths"),
        ("muted",),
        ("clean",),
        ("pushes", "comp"),
        ("stab", "pad", "arp", "synth", "lead"),
        (0.6, 1.0, 0.95, 0.1, 0.5, 1.0),
    ),
    "trance": Genre(
        (126, 142),
        ("four", "sixteen"),
        ("offbeat", "sixteenths"),
        ("muted",),
        ("clean",),
        ("arpeggio", "blocks"),
        ("arp", "stab", "pad", "lead"),
        (0.5, 0.97, 0.95, 0.06, 0.3, 1.0),
    ),
    "dubstep": Genre(
        (68, 76),
        ("half", "trap"),
        ("held", "syncopated", "sixteenths"),
        ("chug",),
        ("distorted",),
        ("blocks",),
        ("stab", "lead", "pad", "arp"),
        (0.5, 1.0, 1.0, 0.1, 0.25, 0.95),
    ),
    "drumnbass": Genre(
        (160, 178),
        ("dnb", "break"),
        ("held", "syncopated"),
        ("muted", "arpeggio"),
        ("clean",),
        ("blocks", "arpeggio"),
        ("pad", "stab", "arp", "strings"),
        (0.55, 1.0, 0.97, 0.1, 0.35, 0.9),
    ),
    "trap": Genre(
        (64, 82),
        ("trap",),
        ("held", "syncopated"),
        ("arpeggio",),
        ("clean", "acoustic"),
        ("arpeggio", "blocks"),
        ("pad", "lead", "arp", "brass", "vibes"),
        (0.95, 1.0, 0.95, 0.2, 0.5, 0.85),
    ),
    "soul": Genre(
        (70, 118),
        ("motown", "boombap", "funk"),
        ("syncopated", "walking", "slap"),
        ("muted", "strum", "skank"),
        ("clean",),
        ("comp", "pushes", "blocks"),
        ("brass", "organ", "strings"),
        (0.95, 1.0, 1.0, 0.8, 0.75, 0.75),
        0.1,
    ),
    "blues": Genre(
        (65, 130),
        ("shuffle", "ride"),
        ("walking", "rootfifth", "syncopated"),
        ("lead", "comp", "strum"),
        ("crunch", "clean"),
        ("comp", "pushes"),
        ("organ", "brass", "wind"),
        (0.85, 0.95, 1.0, 0.97, 0.65, 0.5),
        0.3,
    ),
    "folk": Genre(
        (75, 130),
        ("brush", "train", "half"),
        ("rootfifth", "roots"),
        ("arpeggio", "strum"),
        ("acoustic",),
        ("blocks", "arpeggio"),
        ("fiddle", "accordion", "wind", "strings", "harp"),
        (0.95, 0.45, 0.75, 0.97, 0.35, 0.65),
    ),
    "ambient": Genre(
        (60, 100),
        ("sparse", "half"),
        ("held", "roots"),
        ("arpeggio", "lead"),
        ("clean", "acoustic"),
        ("blocks", "arpeggio"),
        ("pad", "strings", "harp", "choir", "arp"),
        (0.45, 0.35, 0.6, 0.5, 0.6, 1.0),
    ),
    "bossa": Genre(
        (100, 150),
        ("bossa", "latin"),
        ("rootfifth", "tumbao"),
        ("pushes", "arpeggio"),
        ("acoustic", "clean"),
        ("pushes", "comp"),
        ("wind", "vibes", "strings"),
        (0.8, 0.9, 1.0, 0.9, 0.6, 0.6),
    ),
    "ska": Genre(
        (120, 170),
        ("rock", "onedrop", "punk"),
        ("walking", "eighths", "syncopated"),
        ("skank",),
        ("clean", "crunch"),
        ("skank", "comp"),
        ("brass", "organ"),
        (0.85, 1.0, 1.0, 1.0, 0.4, 0.9),
    ),
    "afrobeat": Genre(
        (98, 125),
        ("afro", "dembow"),
        ("syncopated", "tumbao", "octaves"),
        ("muted", "arpeggio", "lead"),
        ("clean",),
        ("pushes", "comp"),
        ("brass", "organ", "synth", "vibes"),
        (0.85, 1.0, 1.0, 0.9, 0.5, 0.8),
    ),
    "synthwave": Genre(
        (80, 118),
        ("rock", "four", "half"),
        ("eighths", "sixteenths", "octaves"),
        ("lead", "chug"),
        ("distorted", "clean"),
        ("blocks", "comp"),
        ("arp", "pad", "lead", "stab"),
        (0.6, 1.0, 1.0, 0.35, 0.3, 1.0),
    ),
}


@dataclass(frozen=True)
class Plan:
    """A song before it has notes."""

    genre_name: str
    tempo_bpm: float
    root: int
    """Pitch class of the tonic, 0 = C."""
    scale: tuple[int, ...]
    chords: tuple[tuple[int, ...], ...]
    """For each bar the chord as scale steps above the tonic, root first."""
    bars: int
    fonts: tuple[str, ...] = ()
    """Soundfonts (short names) that may be used."""

    @property
    def genre(self) -> Genre:
        """The genre's preferences."""
        return GENRES[self.genre_name]

    @property
    def bar_s(self) -> float:
        """Length of a bar in seconds."""
        return 240.0 / self.tempo_bpm

    def time_s(self, bar: int, step: float) -> float:
        """Start of a grid step in seconds, with the genre's swing on odd steps."""
        late = self.genre.swing if int(step) % 2 else 0.0
        return (bar + (step + late) / STEPS) * self.bar_s

    def pitch(self, degree: int, octave: int) -> int:
        """MIDI pitch of a scale degree (may be negative or above 6) in an octave."""
        return 12 * (octave + degree // 7) + self.root + self.scale[degree % 7]

    def chord_pitches(self, bar: int, low: int) -> list[int]:
        """The bar's chord in close position at or above MIDI pitch `low`."""
        classes = {self.pitch(d, 0) % 12 for d in self.chords[bar % len(self.chords)]}
        return sorted(low + (c - low) % 12 for c in classes)

    def root_pitch(self, bar: int, low: int) -> int:
        """The root of the bar's chord at or above MIDI pitch `low`."""
        return low + (self.pitch(self.chords[bar % len(self.chords)][0], 0) - low) % 12


def plan_song(
    rng: np.random.Generator, seconds: float, fonts: tuple[str, ...], genre: str | None = None
) -> Plan:
    """Draw a plan that fills `seconds`."""
    name = genre or str(rng.choice(list(GENRES)))
    tempo = float(rng.uniform(*GENRES[name].tempo_bpm))
    mode = "minor" if rng.random() < 0.5 else "major"
    loops = [str(rng.choice(PROGRESSIONS[mode])) for _ in range(2)]
    degrees = [int(d) for d in loops[0] + loops[int(rng.integers(2))]]
    sevenths = 0.8 if name in ("jazz", "funk") else 0.2
    chords = []
    for degree in degrees:
        chord = [degree, degree + 2, degree + 4]
        if rng.random() < sevenths:
            chord.append(degree + 6)
        chords.append(tuple(chord))
    return Plan(
        genre_name=name,
        tempo_bpm=tempo,
        root=int(rng.integers(12)),
        scale=MINOR if mode == "minor" else MAJOR,
        chords=tuple(chords),
        bars=int(np.ceil(seconds * tempo / 240.0)) + 1,
        fonts=fonts,
    )
