"""Music to score on, none of which is trained on: each track with its true stems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .bands import SOURCES, Float
from .data import Piece, load_piece, musdb_paths, musdb_track, read_audio
from .datasets import find_datasets
from .errors import TrainingError

FOUR = ("vocals", "drums", "bass", "other")
"""The stems of MUSDB18; ours of guitar, piano and other count as `other`."""


def four_stems(stems: dict[str, Float]) -> dict[str, Float]:
    """Stems by source as MUSDB18's four, those that are there."""
    out: dict[str, Float] = {}
    for source, audio in stems.items():
        name = source if source in FOUR else "other"
        out[name] = out[name] + audio if name in out else audio
    return out


@dataclass(frozen=True)
class TestSet:
    """Tracks by name, each with what reads its true stems [2, samples]; stems may be missing.

    The mix is the sum of the stems. `together`: see `metrics.museval_sdr`.
    """

    __test__ = False  # no test of pytest's

    data: str
    targets: tuple[str, ...]
    together: bool
    tracks: dict[str, Callable[[], dict[str, Float]]]


def musdb_validation(data: Path) -> TestSet:
    """MUSDB18's validation list below a folder of music."""
    paths = musdb_paths(data, validation=True)
    tracks = {name: lambda path=path: musdb_track(path) for name, path in paths.items()}
    count = f"{len(tracks)} preview{'s' * (len(tracks) != 1)} of 7 s"
    return TestSet(f"MUSDB18 validation list, {count}", FOUR, True, tracks)


def rendered_songs(folder: Path) -> TestSet:
    """Songs of `soloist-train render`, all six sources."""
    songs = sorted(p.parent for p in folder.glob("*/song.json"))
    if not songs:
        raise TrainingError(f"no rendered songs in {folder}; run `soloist-train render` first")

    def read(song: Path) -> dict[str, Float]:
        return {s: read_audio(song / f"{s}.flac") for s in SOURCES}

    tracks = {song.name: lambda song=song: read(song) for song in songs}
    return TestSet(f"{len(tracks)} rendered test songs", SOURCES, False, tracks)


def guitar_songs(data: Path) -> TestSet:
    """MedleyDB's two reserved Music Delta songs: vocals, drums, bass, guitar."""
    from .datasets.names import MDB_HELD_OUT
    from .datasets.project import find_mdb

    pieces = [p for p in find_mdb(data / "mdb") if p.name.split()[-1] in MDB_HELD_OUT]
    if not pieces:
        raise TrainingError(f"no songs {', '.join(MDB_HELD_OUT)} in {data / 'mdb'}")
    tracks = {p.name: lambda piece=p: load_piece(piece) for p in pieces}
    names = " and ".join(p.name.split()[-1] for p in pieces)
    return TestSet(f"MDB songs {names}", SOURCES, False, tracks)


def own_songs(folder: Path, kind: str | None = None) -> TestSet:
    """All whole songs below a folder of stems in any layout that `datasets` knows (`kind` names
    it where that fails). Six sources where each song has guitar, piano and other apart, else four.

    Whether they were trained on is for the caller to know.
    """
    found = [p for dataset in find_datasets(folder, kind) for p in dataset.pieces()]
    pieces = [p for p in found if p.complete]
    if not pieces:
        raise TrainingError(f"no whole songs among {len(found)} pieces in {folder}")
    targets = SOURCES if all(p.split for p in pieces) else FOUR

    def read(piece: Piece) -> dict[str, Float]:
        stems = load_piece(piece)
        return four_stems(stems) if targets == FOUR else stems

    tracks = {p.name: lambda piece=p: read(piece) for p in pieces}
    if len(tracks) < len(pieces):
        raise TrainingError(f"{len(pieces)} songs in {folder} have {len(tracks)} names alone")
    return TestSet(f"{len(tracks)} songs of {folder.name}", targets, False, tracks)


def mix_of(truth: dict[str, Float]) -> Float:
    """The sum of a track's stems [2, samples]."""
    return np.sum(list(truth.values()), axis=0)
