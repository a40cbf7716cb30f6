"""MoisesDB: a folder a song with data.json, and a folder a stem with its tracks.

Layout and taxonomy after the data set's own reader (github.com/moises-ai/moises-db): the file of a
track is `<stemName>/<id>.<extension>`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .audio import Recording
from .piece import Piece

SOURCE_OF = {
    "vocals": "vocals", "drums": "drums", "percussion": "drums", "bass": "bass",
    "guitar": "guitar", "piano": "piano",
}  # fmt: skip
"""Our source of a stem; every other stem (other_keys, bowed_strings, wind, ...) is `other`.
Electric pianos are in MoisesDB's piano, organs and synthesisers in its other_keys."""


def is_moisesdb(root: Path) -> bool:
    """Whether a folder holds MoisesDB songs, by itself or in a folder a provider."""
    return next(_songs(root), None) is not None


def _songs(root: Path) -> Iterator[Path]:
    for pattern in ("*/data.json", "*/*/data.json"):
        for path in sorted(root.glob(pattern)):
            if '"stems"' in path.read_text(errors="replace"):
                yield path


def find_moisesdb(root: Path) -> Iterator[Piece]:
    """MoisesDB's songs, six sources known apart."""
    for path in _songs(root):
        folder = path.parent
        try:
            about = json.loads(path.read_text())
            files, problems = _files(folder, about["stems"])
            name = f"{about.get('artist', '?')} - {about.get('song', '?')} {folder.name[:8]}"
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            files, name = {}, folder.name
            problems = [f"{path.name} is not MoisesDB's: {error!r}"]
        yield Piece(name, "moisesdb", True, bool(files) and not problems, files,
                    problems=tuple(problems))  # fmt: skip


def _files(
    folder: Path, stems: list[dict[str, Any]]
) -> tuple[dict[str, list[Recording]], list[str]]:
    """Recordings by source, and what is missing."""
    files: dict[str, list[Recording]] = {}
    problems = []
    for stem in stems:
        for track in stem["tracks"]:
            source = SOURCE_OF.get(stem["stemName"], "other")
            # Mallets and glockenspiels play notes: they are no drums.
            if "pitched percussion" in str(track.get("trackType", "")).casefold():
                source = "other"
            path = folder / stem["stemName"] / f"{track['id']}.{track['extension']}"
            if path.is_file():
                files.setdefault(source, []).append(Recording(path))
            else:
                problems.append(f"no {path.parent.name}/{path.name}: used for remixes only")
    return files, problems
