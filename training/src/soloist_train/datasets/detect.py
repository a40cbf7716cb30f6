"""Which data set a folder holds, and all pieces below it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import TrainingError
from .folders import find_folders, is_folders
from .moisesdb import find_moisesdb, is_moisesdb
from .musdb import find_hq, find_stem_files, is_hq, is_stem_files
from .piece import Piece
from .project import find_free, find_mdb, find_rendered, find_solo, is_rendered, is_solo
from .slakh import find_slakh, is_slakh


@dataclass(frozen=True)
class Layout:
    """A data set's layout on disk: how to tell it, and how to list its pieces."""

    title: str
    matches: Callable[[Path], bool]
    find: Callable[[Path], Iterator[Piece]]


LAYOUTS = {
    "musdb18": Layout("MUSDB18", is_stem_files, find_stem_files),
    "musdb18-hq": Layout("MUSDB18-HQ", is_hq, find_hq),
    "moisesdb": Layout("MoisesDB", is_moisesdb, find_moisesdb),
    "slakh2100": Layout("Slakh2100", is_slakh, find_slakh),
    "rendered": Layout("rendered songs", is_rendered, find_rendered),
    "free": Layout("Everything is Free", lambda p: p.name == "everythingisfree", find_free),
    "mdb": Layout("Music Delta", lambda p: p.name == "mdb", find_mdb),
    "solo": Layout("solo recordings", is_solo, find_solo),
    "folder": Layout("a folder a song", is_folders, find_folders),
}
"""All layouts in the order in which they are tried; a plain folder fits much, so it is last."""


@dataclass(frozen=True)
class Dataset:
    """A folder whose layout is known."""

    kind: str
    root: Path

    @property
    def title(self) -> str:
        """The data set's name for people."""
        return LAYOUTS[self.kind].title

    def pieces(self) -> Iterator[Piece]:
        """Its pieces, those that are reserved or for validation among them."""
        return LAYOUTS[self.kind].find(self.root)


def find_datasets(root: Path, kind: str | None = None) -> list[Dataset]:
    """The data sets in a folder: its own layout, else those of its subfolders.

    With `kind` the folder is taken to have that layout.
    """
    if not root.is_dir():
        raise TrainingError(f"no folder of music at {root}")
    if kind is not None:
        if kind not in LAYOUTS:
            raise TrainingError(f"no data set `{kind}`; there are {', '.join(LAYOUTS)}")
        return [Dataset(kind, root)]
    root = root.resolve()
    own = _kind_of(root)
    if own and own != "folder":
        return [Dataset(own, root)]
    # A plain folder fits whatever has stems somewhere below: look for better-known ones first.
    inside = [
        Dataset(k, folder)
        for folder in sorted(root.glob("*/"))
        if (k := _kind_of(folder)) and k != "folder"
    ]
    if inside:
        known = {dataset.root for dataset in inside}
        rest = [f for f in sorted(root.glob("*/")) if f not in known and is_folders(f)]
        return sorted([*inside, *(Dataset("folder", f) for f in rest)], key=lambda d: d.root)
    if own:
        return [Dataset(own, root)]
    raise TrainingError(
        f"no music that can be read below {root}: neither a known data set nor folders with stems "
        "such as Song/Drums.mp3"
    )


def _kind_of(folder: Path) -> str | None:
    return next((kind for kind, layout in LAYOUTS.items() if layout.matches(folder)), None)
