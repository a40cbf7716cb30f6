"""Sampled instruments and soundfonts on disk: what there is, its licence, and how it plays.

A folder of instruments holds `MANIFEST.json`, a list of objects:

    {"name": "upright", "family": "piano", "path": "upright/upright.sfz",
     "licence": "CC0 1.0", "source": "https://...", "split": "train"}

`family` is one of FAMILIES; `path` (absolute, or from the manifest's folder) names an .sfz, an .sf2
or .sf3, or a folder of recordings: one-shots named after a drum or a pitch, and for the family
`voice` sung phrases without accompaniment (or one file of such). `split` says whether training
songs or test songs may hear it. Optional: `presets`, a list of [bank, program] of a soundfont;
`root`, the folder that an .sfz may read (its own by default); `tags`, words that `band` looks for,
such as "electric" or "organ".
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from . import sampler, sfz, synth
from .errors import TrainingError
from .song import Note
from .synth import Audio

FAMILIES = ("drums", "bass", "guitar", "piano", "keys", "strings", "brass", "wind", "synth",
            "voice", "gm")  # fmt: skip
SPLITS = ("train", "test")
AUDIO = (".wav", ".flac", ".ogg", ".aif", ".aiff", ".mp3")
MAX_FOLDER_FILES = 5000

PROGRAMS: dict[str, tuple[int, ...]] = {
    "piano": (0, 0, 0, 1, 1, 2, 3, 4, 4, 5), "bass": (32, 33, 33, 34, 34, 35, 36, 37, 38, 39),
    "acoustic guitar": (24, 25, 25), "clean guitar": (26, 27, 27), "muted guitar": (28,),
    "overdriven guitar": (29, 30), "organ": (16, 17, 18, 19), "strings": (48, 49, 44, 45),
    "brass": (56, 57, 60, 61, 61, 62), "wind": (64, 65, 66, 67, 68, 71, 73, 75),
    "fiddle": (40, 41, 42, 110), "vibes": (8, 9, 11, 12, 13, 108), "choir": (52, 53, 54),
    "pad": tuple(range(88, 96)), "lead": tuple(range(80, 88)), "synth": (50, 51, 62, 63, 81, 90),
    "harp": (46, 15, 104, 107), "accordion": (21, 22, 23),
}  # fmt: skip
"""General MIDI programs (from 0) for a role."""
KITS = (0, 0, 0, 8, 16, 24, 25, 32, 40)

STAND_IN = {
    35: (36,), 36: (35,), 37: (38,), 38: (40, 37), 40: (38,), 39: (38, 40), 42: (44, 46), 44: (42,),
    46: (44, 42), 49: (57, 55, 52), 57: (49,), 51: (59, 53, 49), 59: (51,), 53: (51, 59),
    54: (42, 44), 56: (53, 51), 70: (42, 69, 82), 62: (50, 48), 63: (48, 47), 64: (45, 43),
    50: (48, 47), 48: (50, 47), 47: (45, 48), 45: (47, 43), 43: (41, 45), 41: (43,),
}  # fmt: skip
"""Drums to take instead where a kit lacks a key."""
DRUM_WORDS = (
    (("kick", "bass drum", "bassdrum", "bd"), 36), (("rim", "side", "stick"), 37),
    (("clap",), 39), (("snare", "sd", "sn"), 38),
    (("open", "ohh", "hho", "oh"), 46), (("pedal", "foot", "hhp"), 44),
    (("hat", "hihat", "hh", "ch"), 42), (("crash", "cy"), 49), (("bell",), 53), (("ride",), 51),
    (("shaker", "cabasa", "maraca"), 70), (("tamb",), 54), (("cow", "cb"), 56),
    (("conga", "bongo"), 63), (("tom",), 47), (("perc",), 62),
)  # fmt: skip
_PITCH = re.compile(r"(?<![A-Za-z])([A-Ga-g])([#sb]?)(-?\d)(?!\d)")


@dataclass(frozen=True)
class Instrument:
    """One entry of a manifest."""

    name: str
    family: str
    path: Path
    licence: str
    source: str
    split: str
    presets: tuple[tuple[int, int], ...] = ()
    root: Path | None = None
    tags: tuple[str, ...] = ()

    @property
    def is_singer(self) -> bool:
        """Whether it is sung phrases to put on new melodies, not an instrument to play."""
        sung = self.path.is_dir() or self.path.suffix.lower() in AUDIO
        return self.family == "voice" and sung

    @property
    def is_font(self) -> bool:
        """Whether FluidSynth plays it."""
        return self.path.suffix.lower() in (".sf2", ".sf3")


def read_manifest(folder: Path) -> list[Instrument]:
    """All instruments of a folder; an error names the entry that cannot be used."""
    path = folder / "MANIFEST.json"
    try:
        entries = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise TrainingError(f"{path} is not a readable list of instruments: {error}") from error
    if not isinstance(entries, list):
        raise TrainingError(f"{path}: a list of instruments is expected")
    return [_entry(entry, folder, f"{path}, entry {i}") for i, entry in enumerate(entries)]


def _entry(entry: Any, folder: Path, where: str) -> Instrument:
    if not isinstance(entry, dict):
        raise TrainingError(f"{where}: an object is expected, found {type(entry).__name__}")
    for key in ("name", "family", "path", "licence", "source", "split"):
        if not isinstance(entry.get(key), str) or not entry[key]:
            raise TrainingError(f"{where}: `{key}` is missing or not a text")
    where = f"{where} ({entry['name']})"
    if entry["family"] not in FAMILIES:
        raise TrainingError(f"{where}: family {entry['family']} is none of {', '.join(FAMILIES)}")
    if entry["split"] not in SPLITS:
        raise TrainingError(f"{where}: split {entry['split']} is none of {', '.join(SPLITS)}")
    path = folder / entry["path"]
    if not path.exists():
        raise TrainingError(f"{where}: {path} does not exist")
    presets = entry.get("presets") or []
    try:
        pairs = tuple((int(bank), int(program)) for bank, program in presets)
    except (TypeError, ValueError) as error:
        raise TrainingError(f"{where}: presets are [bank, program] pairs: {error}") from error
    root = folder / entry["root"] if entry.get("root") else None
    tags = tuple(str(tag).lower() for tag in entry.get("tags") or [])
    return Instrument(
        entry["name"], entry["family"], path, entry["licence"], entry["source"], entry["split"],
        pairs, root, tags,
    )  # fmt: skip


SYSTEM_LICENCES = {
    "fluid": "MIT", "timgm": "GPL-2.0-or-later", "opl3": "CC BY-SA 4.0", "musescore": "MIT",
    "blackpearl": "CC BY-SA 4.0", "redzeppelin": "CC BY-SA 4.0",
}  # fmt: skip


def system_fonts() -> list[Instrument]:
    """The distribution's soundfonts that are installed; training hears them."""
    return [
        Instrument(name, "drums" if name in synth.KITS else "gm", path, SYSTEM_LICENCES[name],
                   f"Debian package of {path.name}", "train",
                   tags=("acoustic",) if name in synth.KITS else ())
        for name, path in synth.installed_fonts().items()
    ]  # fmt: skip


@dataclass(frozen=True)
class Library:
    """The instruments of one split."""

    split: str
    instruments: tuple[Instrument, ...] = ()
    others: tuple[Instrument, ...] = ()
    """Those of the other split, which must not be heard."""

    @staticmethod
    def open(split: str, folder: Path | None) -> Library:
        """Those of a manifest, with the system's soundfonts for training."""
        if split not in SPLITS:
            raise TrainingError(f"split {split} is none of {', '.join(SPLITS)}")
        found = read_manifest(folder) if folder else []
        found += system_fonts()
        own = tuple(i for i in found if i.split == split)
        others = tuple(i for i in found if i.split != split)
        clash = {i.path.resolve() for i in own} & {i.path.resolve() for i in others}
        if clash:
            raise TrainingError(f"in both splits: {', '.join(str(p) for p in sorted(clash))}")
        return Library(split, own, others)

    def of(self, family: str, *tags: str, strict: bool = False) -> list[Instrument]:
        """Instruments of a family, those that carry one of the tags where there are such.

        `strict`: none rather than others.
        """
        own = [i for i in self.instruments if i.family == family]
        tagged = [i for i in own if set(tags) & set(i.tags)]
        return tagged if strict else tagged or own


@lru_cache(maxsize=128)
def regions(instrument: Instrument) -> tuple[sfz.Region, ...]:
    """The regions of an .sfz or of a folder of one-shots."""
    if instrument.path.is_dir():
        return tuple(_folder_regions(instrument))
    if instrument.path.suffix.lower() != ".sfz":
        raise TrainingError(f"{instrument.path}: neither .sfz, .sf2, .sf3 nor a folder")
    return tuple(sfz.parse(instrument.path, instrument.root))


def recordings(instrument: Instrument) -> list[Path]:
    """Audio files of a folder (or the file itself), in order of name."""
    if instrument.path.is_file():
        return [instrument.path]
    files = sorted(p for p in instrument.path.rglob("*") if p.suffix.lower() in AUDIO)
    if not files:
        raise TrainingError(f"{instrument.path}: no audio files")
    return files[:MAX_FOLDER_FILES]


def _folder_regions(instrument: Instrument) -> list[sfz.Region]:
    files = recordings(instrument)
    found: dict[int, list[Path]] = {}
    for path in files:
        key = _drum_key(path) if instrument.family == "drums" else _pitch_key(path)
        if key is not None:
            found.setdefault(key, []).append(path)
    if not found:
        raise TrainingError(f"{instrument.path}: no file is named after a drum or a pitch")
    out = []
    keys = sorted(found)
    for i, key in enumerate(keys):
        low, high = key, key
        if instrument.family != "drums":
            low = (keys[i - 1] + key) // 2 + 1 if i else max(key - 7, 0)
            high = (keys[i + 1] + key) // 2 if i + 1 < len(keys) else min(key + 7, 127)
        for turn, path in enumerate(found[key]):
            out.append(
                sfz.Region(
                    path, lokey=low, hikey=high, keycenter=float(key), release=0.15,
                    loop_mode="one_shot" if instrument.family == "drums" else None,
                    seq_length=len(found[key]), seq_position=turn + 1,
                    group=1 if key in (42, 44) else 0, off_by=1 if key == 46 else 0,
                )
            )  # fmt: skip
    return out


def _drum_key(path: Path) -> int | None:
    words = re.findall(r"[a-z]+", path.stem.lower()) + re.findall(
        r"[a-z]+", path.parent.name.lower()
    )
    for names, key in DRUM_WORDS:
        if any(w == n or (len(n) > 2 and w.startswith(n)) for w in words for n in names):
            return key
    return None


def _pitch_key(path: Path) -> int | None:
    matches = _PITCH.findall(path.stem)
    if not matches:
        return None
    letter, accidental, octave = matches[-1]
    return sfz.key_number(letter + {"s": "#"}.get(accidental, accidental) + octave)


@lru_cache(maxsize=128)
def presets(instrument: Instrument) -> tuple[tuple[int, int], ...]:
    """Banks and programs of a soundfont."""
    return instrument.presets or synth.list_presets(instrument.path)


def play(
    instrument: Instrument,
    notes: Sequence[Note],
    seconds: float,
    rng: np.random.Generator,
    role: str,
) -> tuple[Audio, str]:
    """Notes through an instrument in a role (a key of PROGRAMS, or "drums"); and what played."""
    if instrument.is_font:
        bank, program = _preset(instrument, rng, role)
        if role == "drums":
            notes = _drum_notes(notes, None)
        audio = synth.play_font(notes, instrument.path, bank, program, seconds)
        return audio, f"{instrument.name} {bank}:{program}"
    own = regions(instrument)
    if role == "drums":
        heard = {k for r in own if r.trigger != "release" for k in range(r.lokey, r.hikey + 1)}
        notes = _drum_notes(notes, heard)
    else:
        notes = sampler.fold(notes, *sampler.key_range(own))
    detune = float(rng.normal(0, 0.04)) if role != "drums" else float(rng.normal(0, 0.6))
    return sampler.play(notes, own, seconds, rng, detune), instrument.name


def _preset(instrument: Instrument, rng: np.random.Generator, role: str) -> tuple[int, int]:
    found = presets(instrument)
    if not found:
        raise TrainingError(f"{instrument.path}: a soundfont without presets")
    if role == "drums":
        wanted = [(synth.DRUM_BANK, p) for p in KITS]
    elif instrument.family == "gm":
        wanted = [(0, p) for p in PROGRAMS[role]]
    else:
        wanted = []
    usable = [p for p in wanted if p in found]
    if not usable:
        usable = [p for p in found if p[0] < 120] if instrument.family == "gm" else list(found)
    bank, program = usable[int(rng.integers(len(usable)))]
    return bank, program


def _drum_notes(notes: Sequence[Note], heard: set[int] | None) -> list[Note]:
    if heard is None:
        return list(notes)
    out = []
    for note in notes:
        keys = (note.pitch, *STAND_IN.get(note.pitch, ()))
        key = next((k for k in keys if k in heard), None)
        if key is not None:
            out.append(Note(note.start_s, note.length_s, key, note.velocity))
    return out
