"""From data sets to a store: which pieces, which versions and sections of them, and writing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from .augment import PART_S, Ranges, apply_variant, draw_variant
from .bands import SAMPLE_RATE
from .datasets import (
    SILENCE,
    VALIDATION,
    Piece,
    find_datasets,
    find_rendered,
    load_piece,
    musdb_paths,
    musdb_track,
    read_audio,
    sections,
    stream_stems,
)
from .datasets.piece import SHORTEST_S, silent
from .errors import TrainingError
from .pool import run_all
from .store_writer import ClipWriter

__all__ = [
    "VALIDATION", "Piece", "Versions", "find_pieces", "find_rendered", "load_piece", "musdb_paths",
    "musdb_track", "prepare", "read_audio", "versions",
]  # fmt: skip

ONE_SPEED = ("validation", "solo", "rendered", "slakh")
"""Kinds that are prepared at their own speed only: solos and rendered songs are cheap to have."""
NO_VARIANTS = ("validation", "rendered", "slakh")
VALIDATION_LONGEST_S = 30.0
"""Validation clips are all kept in memory by a fit: of longer ones the middle is taken."""


@dataclass(frozen=True)
class Versions:
    """What is made of each piece: sections of it, and changed variants."""

    start_s: float = 0.0
    sections: int | None = None
    """Number of sections of a song; None takes songs whole."""
    section_s: float = 30.0
    variants: int = 0
    seed: int = 0
    ranges: Ranges = field(default_factory=Ranges)


def find_pieces(data: Path, speeds: tuple[float, ...], kind: str | None = None) -> Iterator[Piece]:
    """All pieces below a folder of real music that may be used, at each of the speeds."""
    for speed in speeds:
        if not 0.25 <= speed <= 4:
            raise TrainingError(f"a speed of {speed:g}; 0.25 to 4 are possible")
    for dataset in find_datasets(data, kind):
        for piece in dataset.pieces():
            if piece.kind == "reserved":
                continue
            for speed in (1.0,) if piece.kind in ONE_SPEED else speeds:
                yield replace(piece, speed=speed)


def versions(pieces: Iterable[Piece], how: Versions) -> Iterator[Piece]:
    """The sections of all pieces, then the variants of those at their own speed."""
    for piece in pieces:
        for part in _sections(piece, how):
            yield part
            if piece.speed == 1.0 and piece.kind not in NO_VARIANTS and how.variants:
                yield from _variants(part, how)


def _sections(piece: Piece, how: Versions) -> list[Piece]:
    if piece.kind == "validation":
        extra_s = piece.seconds() - VALIDATION_LONGEST_S
        if extra_s <= 0:
            return [piece]
        return [replace(piece, start_s=extra_s / 2, longest_s=VALIDATION_LONGEST_S)]
    if piece.kind == "solo":
        return [piece]
    if how.sections is not None:
        return sections(piece, how.start_s, how.sections, how.section_s)
    return [replace(piece, start_s=how.start_s)] if how.start_s else [piece]


def _variants(piece: Piece, how: Versions) -> Iterator[Piece]:
    """Variants of a section. A long one is cut into parts that are changed each in its own way."""
    length_s = min(piece.seconds() - piece.start_s, piece.longest_s)
    count = max(round(length_s / PART_S + 0.499), 1)
    for i in range(count):
        part = piece
        if count > 1:
            section = (piece.section or 0) * count + i
            start_s = piece.start_s + i * length_s / count
            part = replace(piece, start_s=start_s, longest_s=length_s / count, section=section)
        for number in range(1, how.variants + 1):
            name = f"{part.name} {part.section}"
            yield replace(part, variant=draw_variant(name, number, how.seed, how.ranges))


def folder_name(piece: Piece) -> str:
    """Name of a piece's folder in a store."""
    name = f"{piece.kind} {piece.name} {piece.speed:g}"
    if piece.section is not None:
        name += f" s{piece.section}"
    if piece.variant is not None:
        name += f" v{piece.variant.number}"
    return re.sub(r"[^A-Za-z0-9]+", "-", name)


def _prepare(piece: Piece, folder: Path) -> None:
    """Write a piece's clip. In memory is a block, or for a variant a part of PART_S at most."""
    writer = ClipWriter(folder, SILENCE)
    try:
        name = piece.name
        if piece.variant is None:
            for stems in stream_stems(piece):
                writer.add(stems)
        else:
            name = f"{piece.name} ({piece.variant})"
            writer.add(apply_variant(load_piece(piece), piece.variant))
        if writer.samples * piece.speed < SHORTEST_S * SAMPLE_RATE:
            raise silent(piece)
        if not writer.close(name, piece.kind, piece.split, piece.complete):
            raise silent(piece)
    except TrainingError:
        writer.discard()
        raise


def prepare(pieces: list[Piece], store: Path, processes: int) -> None:
    """Write the compact STFTs of all pieces; those that are there already are kept.

    A piece that cannot be read does not stop the others: the error at the end names them all.
    """
    folders: dict[Path, Piece] = {}
    for piece in pieces:
        folder = store / folder_name(piece)
        if folder in folders:
            raise TrainingError(
                f"`{folders[folder].name}` and `{piece.name}` would both be {folder.name}: "
                "rename one or prepare their data sets into stores of their own"
            )
        folders[folder] = piece
    wanted = [(p, f) for f, p in folders.items() if not (f / "clip.json").is_file()]
    run_all(_prepare, wanted, processes, "piece", "prepared")
