"""Writing clips of a store from blocks of audio, whatever their length."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import bands
from .store import PARTS, pack, write_about


class _GrowingFile:
    """A .npy file whose first axis grows: NumPy leaves room in the header for its final length."""

    def __init__(self, path: Path, part: str) -> None:
        self.kind, self.shape = PARTS[part]
        self.rows = 0
        self.file = path.open("wb")
        self._header()

    def _header(self) -> None:
        about = {"descr": np.dtype(self.kind).str, "fortran_order": False,
                 "shape": (self.rows, *self.shape)}  # fmt: skip
        np.lib.format.write_array_header_1_0(self.file, about)

    def add(self, rows: NDArray[Any]) -> None:
        """Append rows [n, *shape]."""
        self.file.write(np.ascontiguousarray(rows, self.kind).data)
        self.rows += len(rows)

    def close(self) -> None:
        """Write the final length into the header."""
        self.file.seek(0)
        self._header()
        self.file.close()


class StemWriter:
    """Writes one stem of a clip from blocks of audio: bit for bit what `quantise` gives of the
    whole, with no more in memory than a block and its STFT."""

    def __init__(self, folder: Path, source: str) -> None:
        self.paths = [folder / f"{source}.{part}.npy" for part in PARTS]
        self.files = [
            _GrowingFile(path, part) for path, part in zip(self.paths, PARTS, strict=True)
        ]
        # The first frame is centred at the first sample.
        self.pending: bands.Float = np.zeros((2, bands.FFT_SIZE // 2), np.float32)
        self.samples = 0
        self.peak = 0.0

    @property
    def frames(self) -> int:
        """Frames written."""
        return self.files[0].rows

    def add(self, audio: bands.Float) -> None:
        """Append audio [2, n]."""
        self.samples += audio.shape[1]
        self.peak = max(self.peak, float(np.abs(audio).max(initial=0.0)))
        self.pending = np.concatenate([self.pending, audio], axis=1)
        self._write((self.pending.shape[1] - bands.FFT_SIZE) // bands.HOP_SIZE + 1)

    def close(self) -> None:
        """Write the frames that reach past the end."""
        left = bands.num_frames(self.samples) - self.frames
        wanted = (left - 1) * bands.HOP_SIZE + bands.FFT_SIZE
        self.pending = np.pad(self.pending, ((0, 0), (0, max(wanted - self.pending.shape[1], 0))))
        self._write(left)
        for file in self.files:
            file.close()

    def discard(self) -> None:
        """Remove what was written."""
        for file, path in zip(self.files, self.paths, strict=True):
            file.file.close()
            path.unlink(missing_ok=True)

    def _write(self, frames: int) -> None:
        if frames < 1:
            return
        used = self.pending[:, : (frames - 1) * bands.HOP_SIZE + bands.FFT_SIZE]
        stem = pack(bands.frames_spectrum(used))
        for file, rows in zip(self.files, (stem.values, stem.codes, stem.level_db), strict=True):
            file.add(rows)
        self.pending = self.pending[:, frames * bands.HOP_SIZE :].copy()


class ClipWriter:
    """Writes a clip from blocks of its stems; a stem that stays below `silence` is left out."""

    def __init__(self, folder: Path, silence: float) -> None:
        self.folder = folder
        self.silence = silence
        self.stems: dict[str, StemWriter] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, stems: Mapping[str, bands.Float]) -> None:
        """Append a block of each stem, [2, n]."""
        for source, audio in stems.items():
            if source not in self.stems:
                self.stems[source] = StemWriter(self.folder, source)
            self.stems[source].add(audio)

    @property
    def samples(self) -> int:
        """Samples of the longest stem so far."""
        return max((stem.samples for stem in self.stems.values()), default=0)

    def close(self, name: str, kind: str, split: bool, complete: bool) -> bool:
        """Finish the clip; False where all stems are silent, which makes it none."""
        for source, writer in list(self.stems.items()):
            writer.close()
            if writer.peak <= self.silence:
                writer.discard()
                del self.stems[source]
        frames = {source: writer.frames for source, writer in self.stems.items()}
        if frames:
            write_about(self.folder, name, kind, split, complete, frames)
        return bool(frames)

    def discard(self) -> None:
        """Remove all that was written."""
        for writer in self.stems.values():
            writer.discard()
        self.stems.clear()
        with contextlib.suppress(OSError):  # not empty: something else is in it
            self.folder.rmdir()
