"""Slakh2100: a folder a track with metadata.yaml, mix.flac and stems/Sxx.flac (mono)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .audio import Recording
from .piece import Piece

KIND_OF_FOLDER = {
    ".": "slakh", "train": "slakh", "omitted": "slakh", "validation": "reserved",
    "test": "reserved",
}  # fmt: skip
"""Its 375 validation tracks are not ours: a fit keeps all its validation clips in memory."""
SOURCE_OF = {
    "Piano": "piano", "Guitar": "guitar", "Bass": "bass", "Drums": "drums",
    "Percussive": "drums",
}  # fmt: skip
"""Our source of an inst_class, which is General MIDI's family; all others are `other`."""
VOICES = (52, 53, 54)
"""General MIDI programs (from 0) of choirs and voices, in the class "Strings (continued)"."""


def is_slakh(root: Path) -> bool:
    """Whether a folder holds Slakh tracks, by itself or in train/, validation/, test/."""
    return any(next((root / f).glob("Track*/metadata.yaml"), None) for f in KIND_OF_FOLDER)


def find_slakh(root: Path) -> Iterator[Piece]:
    """Slakh's tracks, six sources known apart."""
    for folder, kind in KIND_OF_FOLDER.items():
        for path in sorted((root / folder).glob("Track*/metadata.yaml")):
            song = path.parent
            try:
                files, problems = _files(song, yaml.safe_load(path.read_text())["stems"])
            except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
                files, problems = {}, [f"metadata.yaml is not Slakh's: {error!r}"]
            mix = song / "mix.flac"
            yield Piece(
                f"slakh {song.name}", kind, True, bool(files) and not problems, files,
                mixture=Recording(mix) if mix.is_file() else None, problems=tuple(problems),
            )  # fmt: skip


def _files(
    song: Path, stems: dict[str, dict[str, Any]]
) -> tuple[dict[str, list[Recording]], list[str]]:
    """Recordings by source, and what is missing."""
    files: dict[str, list[Recording]] = {}
    problems = []
    for name, stem in stems.items():
        if not stem.get("audio_rendered", True):
            continue
        source = SOURCE_OF.get(stem["inst_class"], "other")
        if stem.get("is_drum"):
            source = "drums"
        elif stem.get("program_num") in VOICES:
            source = "vocals"
        path = song / "stems" / f"{name}.flac"
        if path.is_file():
            files.setdefault(source, []).append(Recording(path))
        else:
            problems.append(f"no stems/{path.name}: used for remixes only")
    return files, problems
