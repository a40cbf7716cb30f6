"""A plain folder a song: `Song/Drums.mp3`, any of the six stems, any format, any rate."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .audio import SUFFIXES, Recording
from .names import source_of_name, standing
from .piece import Piece

KIND_OF_FOLDER = {"validation": "validation", "valid": "validation", "test": "reserved"}
"""What the songs below a folder of this name are for; all others are for training."""
LOSSLESS = (".wav", ".flac", ".aif", ".aiff", ".caf", ".wv")


def is_folders(root: Path) -> bool:
    """Whether any folder below has an audio file named after a stem."""
    return next(_songs(root), None) is not None


def _songs(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Folders with their audio files, where a file is named after a stem."""
    for at, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        shown = sorted(n for n in names if not n.startswith("."))  # macOS leaves ._Drums.wav
        paths = [Path(at) / n for n in shown if Path(n).suffix.casefold() in SUFFIXES]
        if any(source_of_name(p.stem) not in (None, "mixture") for p in paths):
            yield Path(at), paths


def find_folders(root: Path) -> Iterator[Piece]:
    """Songs, a folder each; see `docs/datasets.md` for names."""
    for folder, paths in _songs(root):
        files: dict[str, list[Recording]] = {}
        problems = []
        mixture = None
        for path in _without_copies(paths, problems):
            source = source_of_name(path.stem)
            if source == "mixture":
                mixture = Recording(path)
            elif source:
                files.setdefault(source, []).append(Recording(path))
            else:
                problems.append(f"{path.name} is named after no stem: left out")
        # Where there is a guitar stem, `other` holds none; without one it may hold anything.
        split = "guitar" in files or "other" not in files
        # A file left out may be a part of the song: then the rest is no whole song.
        complete = len(files) > 1 and not any("left out" in p for p in problems)
        yield Piece(
            f"{root.name} {folder.relative_to(root)}" if folder != root else root.name,
            _kind(folder, root), split, complete, files, mixture=mixture,
            problems=tuple(problems),
        )  # fmt: skip


def _kind(folder: Path, root: Path) -> str:
    parts = [part.casefold() for part in folder.relative_to(root).parts]
    by_folder = [KIND_OF_FOLDER[part] for part in parts if part in KIND_OF_FOLDER]
    return standing(folder.name) or (by_folder[0] if by_folder else "folder")


def _without_copies(paths: list[Path], problems: list[str]) -> list[Path]:
    """One file of those that differ only in their format: a lossless one if there is one."""
    chosen: dict[str, Path] = {}
    for path in sorted(paths, key=lambda p: p.suffix.casefold() not in LOSSLESS):
        kept = chosen.setdefault(path.stem.casefold(), path)
        if kept is not path:
            problems.append(f"{path.name} is taken as a copy of {kept.name}")
    return sorted(chosen.values())
