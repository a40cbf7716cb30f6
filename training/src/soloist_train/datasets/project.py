"""The layouts of this project's own folder of music, and of songs that it renders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..bands import SOURCES
from ..errors import TrainingError
from .audio import Recording
from .names import FREE_RESERVED, MDB_HELD_OUT
from .piece import Piece

SOLO_FOLDERS = {
    "drums": "drums", "percussion": "drums", "piano": "piano", "vocals": "vocals",
    "guitar": "guitar", "strings": "other", "brass": "other", "sax": "other",
    "woodwind": "other",
}  # fmt: skip
SOLO_LONGEST_S = 60.0


def find_free(root: Path) -> Iterator[Piece]:
    """`everythingisfree/<Song>/<source>.ogg`: songs of "Everything is Free"."""
    for folder in sorted(root.glob("*/")):
        files = {p.stem: [Recording(p)] for p in sorted(folder.glob("*.ogg"))}
        whole = "bass" in files
        if not whole:  # `other` may hold the bass: not a clean source
            files.pop("other", None)
        kind = "reserved" if folder.name in FREE_RESERVED else "free"
        yield Piece(f"free {folder.name}", kind, False, whole, files)


def find_mdb(root: Path) -> Iterator[Piece]:
    """`mdb/<Song>/<instrument>[-n].ogg`: MedleyDB's Music Delta songs, no piano in them."""
    for folder in sorted(root.glob("*/")):
        files: dict[str, list[Recording]] = {}
        for path in sorted(folder.glob("*.ogg")):
            files.setdefault(_instrument_source(path.stem), []).append(Recording(path))
        kind = "reserved" if folder.name in MDB_HELD_OUT else "mdb"
        yield Piece(f"mdb {folder.name}", kind, True, True, files)


def _instrument_source(stem: str) -> str:
    """The source that an instrument of the MDB multitracks belongs to."""
    for word, source in {"drum": "drums", "bass": "bass", "guitar": "guitar", "piano": "piano",
                         "singer": "vocals"}.items():  # fmt: skip
        if word in stem:
            return source
    return "other"


def is_solo(root: Path) -> bool:
    """Whether a folder is named `solo` and holds families of instruments."""
    return root.name == "solo" and any((root / f).is_dir() for f in SOLO_FOLDERS)


def find_solo(root: Path) -> Iterator[Piece]:
    """`solo/<family>/*.ogg`: solo recordings, the first minute of each, for remixes only."""
    for folder, source in SOLO_FOLDERS.items():
        for path in sorted((root / folder).glob("*.ogg")):
            yield Piece(f"solo {path.stem}", "solo", True, False, {source: [Recording(path)]},
                        longest_s=SOLO_LONGEST_S)  # fmt: skip


def is_rendered(root: Path) -> bool:
    """Whether a folder holds songs of `soloist-train render`."""
    return next(root.glob("*/song.json"), None) is not None


def find_rendered(root: Path) -> Iterator[Piece]:
    """Songs written by `soloist-train render`."""
    songs = sorted(root.glob("*/song.json"))
    if not songs:
        raise TrainingError(f"no rendered songs in {root}; run `soloist-train render` first")
    for song in songs:
        files = {source: [Recording(song.parent / f"{source}.flac")] for source in SOURCES}
        yield Piece(f"rendered {song.parent.name}", "rendered", True, True, files)
