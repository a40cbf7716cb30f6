"""Songs from a library of instruments: arranged, played, mixed and mastered; six stems each.

Deterministic by seed for the same instruments. Training and test songs share no source: neither
soundfont nor sampled instrument, nor a voice or an engine of the own synthesisers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from . import dynamics
from .arrangement import plan_arrangement
from .band import PLAYERS, Stage
from .bands import SAMPLE_RATE, SOURCES
from .dynamics import bell, equalise, shelf
from .errors import TrainingError
from .instruments import Library
from .pool import run_all
from .synth import Audio

LEVELS_DB = {"vocals": -20.5, "drums": -20.0, "bass": -21.0, "guitar": -22.5, "piano": -24.5,
             "other": -23.5}  # fmt: skip
"""Active RMS of each source before mastering, in dBFS; about what stems of records have."""
SPREAD_DB = 3.0
LEAD_GENRES = {
    "metal": {"guitar": 3, "vocals": -1}, "rock": {"guitar": 2}, "punk": {"guitar": 3},
    "jazz": {"piano": 3, "drums": -3}, "ambient": {"other": 4, "drums": -5, "piano": 2},
    "house": {"drums": 2, "other": 2}, "trance": {"other": 3}, "dubstep": {"bass": 3, "drums": 2},
    "trap": {"vocals": 2, "bass": 3}, "hiphop": {"vocals": 2, "drums": 1},
    "folk": {"guitar": 3, "drums": -5, "vocals": 2}, "reggae": {"bass": 2},
    "ballad": {"piano": 3, "vocals": 2, "drums": -3},
    "drumnbass": {"drums": 3, "bass": 2},
}  # fmt: skip
"""What stands out in a genre, in dB."""


@dataclass(frozen=True)
class RenderConfig:
    """What a run of songs has in common."""

    seconds: float
    split: str = "train"
    instruments: tuple[Path, ...] = ()
    needed: tuple[str, ...] = ()
    """Sources that every song has."""


def produce(
    seed: int, seconds: float, library: Library, needed: Sequence[str] = ()
) -> tuple[dict[str, Audio], dict[str, Any]]:
    """Six stems [2, samples] that sum to the mastered mix, and a record of what was used."""
    # The split is part of the seed: a test song is no training song in other clothes.
    split = ("train", "test").index(library.split)
    plan = plan_arrangement(np.random.default_rng([seed, split, 0xA44]), seconds, None, needed)
    stage = Stage(plan, library, seconds)
    present = frozenset().union(*plan.active)
    stems: dict[str, Audio] = {source: stage.silence() for source in SOURCES}
    for number, (source, player) in enumerate(PLAYERS.items()):
        rng = np.random.default_rng([seed, split, number])
        if source not in present:
            continue
        audio = np.nan_to_num(player(stage, rng)[:, : stems[source].shape[1]])
        level_db = LEVELS_DB[source] + LEAD_GENRES.get(plan.genre_name, {}).get(source, 0)
        stems[source] = dynamics.to_level(audio, level_db + float(rng.normal(0, SPREAD_DB)))
    rng = np.random.default_rng([seed, split, 0x3A5])
    _duck(stage, stems, rng)
    stems = master(stems, rng)
    record = {
        "seed": seed, "split": library.split, "genre": plan.genre_name,
        "tempo_bpm": round(plan.tempo_bpm, 2), "root": plan.root, "mode": plan.mode,
        "chords": plan.chords, "swing": [plan.swing_eighths, plan.swing_sixteenths],
        "used": {source: stage.used[source] for source in SOURCES if source in stage.used},
    }  # fmt: skip
    return stems, record


def _duck(stage: Stage, stems: dict[str, Audio], rng: np.random.Generator) -> None:
    """Pumping of electronic music: bass and layers dip under the kick."""
    chance = 0.5 if stage.electronic else 0.03
    if rng.random() > chance or not stage.kicks_s:
        return
    depth, release_s = float(rng.uniform(0.25, 0.95)), float(rng.uniform(0.05, 0.22))
    for source in ("bass", "other", "piano", "guitar"):
        if source in ("bass", "other") or rng.random() < 0.4:
            count = stems[source].shape[1]
            stems[source] = stems[source] * dynamics.duck_gain(
                stage.kicks_s, count, depth, release_s
            )


def master(stems: dict[str, Audio], rng: np.random.Generator) -> dict[str, Audio]:
    """Equaliser, bus compressor, clipper and limiter, as gains and filters on all stems alike."""
    sections = [
        shelf(float(rng.uniform(60, 200)), float(rng.normal(0, 1.5)), high=False),
        bell(float(np.exp(rng.uniform(5.5, 8.5))), float(rng.normal(0, 1.2)), 0.6),
        shelf(float(rng.uniform(3000, 10000)), float(rng.normal(0.5, 1.8)), high=True),
    ]
    stems = {s: equalise(a, sections) if a.any() else a for s, a in stems.items()}
    mix = np.sum(list(stems.values()), axis=0)
    if rng.random() < 0.7:
        loud = max(dynamics.active_rms(mix), 1e-6)
        gain = dynamics.compressor_gain(
            mix, 20 * np.log10(loud) + float(rng.uniform(-4, 4)), float(rng.uniform(1.3, 3)),
            float(rng.uniform(0.01, 0.04)), float(rng.uniform(0.08, 0.4)),
        )  # fmt: skip
        stems = {s: a * gain for s, a in stems.items()}
        mix = mix * gain
    loud = max(dynamics.active_rms(mix), 1e-6)
    push = np.float32(10 ** (float(rng.normal(-14.5, 2.5)) / 20) / loud)
    ceiling = 10 ** (float(rng.uniform(-1.5, -0.2)) / 20)
    curve = np.full(mix.shape[1], push, dtype=np.float32)
    if rng.random() < 0.35:
        curve = curve * dynamics.clip_gain(mix * curve, ceiling * float(rng.uniform(1, 1.5)))
    curve = curve * dynamics.limiter_gain(mix * curve, ceiling)
    return {s: a * curve for s, a in stems.items()}


def open_library(config: RenderConfig) -> Library:
    """The instruments of a split from all folders of a run."""
    libraries = [Library.open(config.split, folder) for folder in config.instruments]
    libraries = libraries or [Library.open(config.split, None)]
    merged = {(i.name, i.path): i for library in libraries for i in library.instruments}
    others = tuple(i for library in libraries for i in library.others)
    library = Library(config.split, tuple(merged.values()), others)
    for families in (("piano", "gm"), ("guitar", "gm"), ("bass", "gm"), ("drums", "gm")):
        if not any(library.of(family) for family in families):
            raise TrainingError(
                f"no instrument of family {' or '.join(families)} in split {config.split}; "
                "name folders with --instruments or install soundfonts (README.md)"
            )
    return library


def write_sources(path: Path, library: Library) -> None:
    """List the instruments; an error where songs that are there heard one of the other split."""
    if path.is_file():
        crossed = sorted(
            entry["name"]
            for entry in json.loads(path.read_text())
            if entry.get("split", library.split) != library.split
            or entry["name"] in {i.name for i in library.others}
        )
        if crossed:
            raise TrainingError(
                f"{path.parent} holds songs that may have heard {', '.join(crossed)}, which split "
                f"{library.split} does not hold now: render into a new folder"
            )
    about = [
        {"name": i.name, "family": i.family, "licence": i.licence, "source": i.source,
         "split": i.split}
        for i in library.instruments
    ]  # fmt: skip
    path.write_text(json.dumps(about, indent=1))


def _write(folder: Path, seed: int, config: RenderConfig) -> None:
    if (folder / "song.json").is_file():
        return
    stems, record = produce(seed, config.seconds, _library(config), config.needed)
    folder.mkdir(parents=True, exist_ok=True)
    for source, audio in stems.items():
        samples = np.clip(audio.T, -1, 1)
        soundfile.write(folder / f"{source}.flac", samples, SAMPLE_RATE, subtype="PCM_16")
    # Written last: a folder without it is one that was interrupted, and is rendered again.
    (folder / "song.json").write_text(json.dumps(record, indent=1))


_opened: dict[RenderConfig, Library] = {}


def _library(config: RenderConfig) -> Library:
    """The library of a run, opened once a process."""
    if config not in _opened:
        _opened[config] = open_library(config)
    return _opened[config]


def render_songs(
    out: Path, count: int, first_seed: int, config: RenderConfig, processes: int
) -> None:
    """Render songs `first_seed`, `first_seed` + 1, ... into `<out>/<seed>/`; writes SOURCES.json.

    Songs that are there already stay; so a run that was stopped goes on where it was. A song that
    cannot be made does not stop the others: the error at the end says what was wrong.
    """
    if count < 1 or config.seconds < 4:
        raise TrainingError("render at least one song of at least 4 seconds")
    unknown = set(config.needed) - set(SOURCES)
    if unknown:
        raise TrainingError(f"{', '.join(sorted(unknown))}: no such source; known: {SOURCES}")
    library = open_library(config)
    out.mkdir(parents=True, exist_ok=True)
    write_sources(out / "SOURCES.json", library)
    seeds = range(first_seed, first_seed + count)
    jobs = [(out / f"{seed:06d}", seed, config) for seed in seeds]
    run_all(_write, jobs, processes, "song", "rendered")
