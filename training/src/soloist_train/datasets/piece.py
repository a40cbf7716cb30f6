"""A piece of music yet to be read, whatever data set it is from, and its stems as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..bands import SAMPLE_RATE, Float
from ..errors import TrainingError
from .audio import BLOCK, Recording, blocks, probe

if TYPE_CHECKING:
    from ..augment import Variant

SILENCE = 1e-4
"""Peak below which a recording counts as empty."""
SHORTEST_S = 1.0
"""Pieces and sections below this are of no use."""


@dataclass(frozen=True)
class Piece:
    """A piece of music: for each source the recordings that sum to it.

    `split`: guitar, piano and other are known apart; else `other` holds their sum.
    `complete`: the sum of the stems is a whole song; else stems serve only in random mixes.
    `speed` plays it faster, which also moves its pitch. `start_s` and `longest_s` bound the
    section that is read, in seconds of the recordings; `section` numbers it. `problems` says in
    sentences what its data set's reader found wrong or left out.
    """

    name: str
    kind: str
    split: bool
    complete: bool
    files: Mapping[str, Sequence[tuple[Path, int | None]]]
    speed: float = 1.0
    longest_s: float = 1e9
    start_s: float = 0.0
    section: int | None = None
    mixture: Recording | None = None
    problems: tuple[str, ...] = ()
    variant: Variant | None = None

    def recordings(self) -> list[tuple[str, Recording]]:
        """All recordings with their sources."""
        return [(s, Recording(*r)) for s, parts in self.files.items() for r in parts]

    def seconds(self) -> float:
        """Length of the longest stem by the headers, sections and speed aside."""
        return max((probe(r).seconds for _, r in self.recordings()), default=0.0)


def sections(piece: Piece, start_s: float, count: int, section_s: float) -> list[Piece]:
    """`count` sections of `section_s` seconds, the first at `start_s`, the last at the end and
    the others evenly between them; fewer where they would overlap, one where the piece is short.
    """
    if count < 1 or section_s < SHORTEST_S or start_s < 0:
        raise TrainingError(
            f"{count} sections of {section_s:g} s from {start_s:g} s: at least one of a second or "
            "more is needed, from 0 s on"
        )
    length_s = min(piece.seconds(), piece.start_s + piece.longest_s)
    room_s = length_s - start_s
    if room_s < SHORTEST_S:
        raise TrainingError(
            f"{piece.name} lasts {length_s:.1f} s: no section of it can begin at {start_s:g} s"
        )
    count = max(min(count, int(room_s / section_s)), 1)
    last_s = max(length_s - section_s, start_s)
    starts = np.linspace(start_s, last_s, count)
    return [
        replace(piece, start_s=float(s), longest_s=section_s, section=i)
        for i, s in enumerate(starts)
    ]


class Pull:
    """Hands out exact numbers of samples of a stream of blocks, zeros past its end."""

    def __init__(self, source: Iterator[Float]) -> None:
        self.source = source
        self.kept: Float = np.zeros((2, 0), np.float32)
        self.ended = False

    def take(self, count: int) -> tuple[Float, int]:
        """Audio [2, count], and how many of its samples are the stream's."""
        parts, have = [self.kept], self.kept.shape[1]
        while have < count and not self.ended:
            block = next(self.source, None)
            if block is None:
                self.ended = True
            else:
                parts.append(block)
                have += block.shape[1]
        audio = np.concatenate(parts, axis=1)
        self.kept = audio[:, count:]
        real = min(audio.shape[1], count)
        return np.pad(audio[:, :count], ((0, 0), (0, count - real))), real


def stream_stems(piece: Piece, block: int = BLOCK) -> Iterator[dict[str, Float]]:
    """A piece's section as blocks of its stems, [2, n] each, n = `block` but in the last.

    All stems keep in step, shorter ones end in silence. What is held is one block of each.
    """
    if not piece.files:
        raise TrainingError(f"{piece.name} has no stems: {'; '.join(piece.problems)}")
    longest_s = piece.longest_s if piece.longest_s < 1e8 else None
    pulls = [
        (source, Pull(blocks(recording, piece.start_s, longest_s, piece.speed)))
        for source, recording in piece.recordings()
    ]
    while True:
        stems: dict[str, Float] = {}
        longest = 0
        for source, pull in pulls:
            audio, real = pull.take(block)
            longest = max(longest, real)
            stems[source] = stems[source] + audio if source in stems else audio
        if longest:
            yield {source: audio[:, :longest] for source, audio in stems.items()}
        if longest < block:
            return


def load_piece(piece: Piece) -> dict[str, Float]:
    """A piece's section in memory: its stems [2, samples], of one length, without silent ones."""
    parts = list(stream_stems(piece))
    stems = {s: np.concatenate([p[s] for p in parts], axis=1) for s in (parts[0] if parts else ())}
    return audible(piece, stems)


def audible(piece: Piece, stems: dict[str, Float]) -> dict[str, Float]:
    """The stems that are not silent; TrainingError where there are none or all are too short."""
    long_enough = any(a.shape[1] >= SHORTEST_S * SAMPLE_RATE / piece.speed for a in stems.values())
    loud = {s: a for s, a in stems.items() if float(np.abs(a).max(initial=0.0)) > SILENCE}
    if not loud or not long_enough:
        raise silent(piece)
    return loud


def silent(piece: Piece) -> TrainingError:
    """The error of a piece that nothing can be learned from."""
    return TrainingError(f"{piece.name} is silent or shorter than a second in all its stems")
