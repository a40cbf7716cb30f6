"""Training music as 16-bit waveforms on disk, memory-mapped: four stems, any rate, stereo.

The studio network learns from stored STFTs; the seed systems differ in rate, hop and domain, so
they mix audio itself. Files are memory maps: memory stays flat however many songs there are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from tqdm import tqdm

from ..bands import SAMPLE_RATE, Float
from ..data import Piece, load_piece
from ..errors import TrainingError
from ..testsets import FOUR, four_stems

STEMS = FOUR
"""Guitar, piano and other are one stem here: the seed systems lift vocals from the rest."""
FULL_SCALE = 32767.0
HEADROOM = 0.5
"""Stored over true amplitude: sums of stems exceed full scale, 16 bits leave room for it."""


@dataclass(frozen=True)
class Song:
    """Aligned stems of one piece: int16 [samples, 2] each, HEADROOM below full scale."""

    name: str
    kind: str
    complete: bool
    stems: dict[str, NDArray[np.int16]]

    @property
    def samples(self) -> int:
        """Samples that all stems have."""
        return min(len(stem) for stem in self.stems.values())

    def read(self, stem: str, start: int, count: int) -> Float:
        """Samples [2, count] of a stem from `start`, zeros beyond its ends or where it is none."""
        out = np.zeros((2, count), dtype=np.float32)
        source = self.stems.get(stem)
        if source is not None:
            low, high = max(start, 0), min(start + count, len(source))
            if low < high:
                part = source[low:high].T.astype(np.float32)
                out[:, low - start : high - start] = part / (FULL_SCALE * HEADROOM)
        return out


def _write(piece: Piece, folder: Path, rate: int) -> None:
    if (folder / "song.json").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    stems = four_stems(load_piece(piece))
    for name, audio in stems.items():
        moved = audio.T if rate == SAMPLE_RATE else soxr.resample(audio.T, SAMPLE_RATE, rate, "HQ")
        scaled = np.clip(np.rint(moved * (FULL_SCALE * HEADROOM)), -FULL_SCALE, FULL_SCALE)
        np.save(folder / f"{name}.npy", scaled.astype(np.int16))
    about = {"name": piece.name, "kind": piece.kind, "complete": piece.complete, "rate": rate,
             "stems": list(stems)}  # fmt: skip
    (folder / "song.json").write_text(json.dumps(about))


def write_waveforms(pieces: Iterable[Piece], store: Path, rate: int, processes: int) -> None:
    """Write the stems of all pieces at `rate` Hz; those that are there already are kept."""
    with ProcessPoolExecutor(processes) as pool:
        jobs = []
        for piece in pieces:
            slug = re.sub(r"[^A-Za-z0-9]+", "-", f"{piece.kind} {piece.name}")
            jobs.append(pool.submit(_write, piece, store / slug, rate))
        for job in tqdm(jobs, unit="piece", desc="waveforms"):
            job.result()


def read_waveforms(store: Path, rate: int) -> list[Song]:
    """All songs of a store, in order of folder name; their samples stay on disk."""
    songs = []
    for path in sorted(store.glob("*/song.json")):
        about = json.loads(path.read_text())
        if about["rate"] != rate:
            raise TrainingError(
                f"{path.parent} is at {about['rate']} Hz and the configuration at {rate} Hz; "
                "write it again with `soloist-train waveforms --rate`"
            )
        # Views without the memory-map subclass: slicing is quicker.
        stems = {
            s: np.asarray(np.load(path.parent / f"{s}.npy", mmap_mode="r")) for s in about["stems"]
        }
        songs.append(Song(about["name"], about["kind"], about["complete"], stems))
    if not songs:
        raise TrainingError(f"no songs in {store}; run `soloist-train waveforms` first")
    return songs
