"""MUSDB18: `.stem.mp4` files of five streams, and MUSDB18-HQ's folders of WAV files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..bands import Float
from ..errors import TrainingError
from .audio import Recording, read
from .names import VALIDATION, standing
from .piece import Piece

STREAMS = {"drums": 1, "bass": 2, "other": 3, "vocals": 4}
"""Audio stream of each source; 0 is the mixture."""
ENDING = ".stem.mp4"
HQ_STEMS = ("drums", "bass", "other", "vocals")
FOLDERS = (".", "train", "test")


def _kind(name: str, folder: Path) -> str:
    return standing(name) or ("reserved" if folder.name == "test" else "musdb")


def is_stem_files(root: Path) -> bool:
    """Whether a folder holds MUSDB18 stem files, by itself or in train/ and test/."""
    return any(next((root / f).glob(f"[!.]*{ENDING}"), None) for f in FOLDERS)


def find_stem_files(root: Path) -> Iterator[Piece]:
    """MUSDB18's `.stem.mp4` files in a folder or its train/ and test/."""
    for folder in FOLDERS:
        for path in sorted((root / folder).glob(f"[!.]*{ENDING}")):
            name = path.name.removesuffix(ENDING)
            yield Piece(
                name, _kind(name, path.parent), False, True, _streams(path),
                mixture=Recording(path, 0),
            )  # fmt: skip


def _streams(path: Path) -> dict[str, list[tuple[Path, int | None]]]:
    return {source: [Recording(path, index)] for source, index in STREAMS.items()}


def _hq_files(folder: Path) -> int:
    """How many of the five files of a song a folder has; 0 without its mixture."""
    if not (folder / "mixture.wav").is_file():
        return 0
    return 1 + sum((folder / f"{s}.wav").is_file() for s in HQ_STEMS)


def is_hq(root: Path) -> bool:
    """Whether a folder holds MUSDB18-HQ songs, by itself or in train/ and test/."""
    return any(_hq_files(song) == 5 for f in FOLDERS for song in (root / f).glob("*/"))


def find_hq(root: Path) -> Iterator[Piece]:
    """MUSDB18-HQ: folders of mixture.wav, drums.wav, bass.wav, other.wav and vocals.wav."""
    for folder in FOLDERS:
        for song in sorted((root / folder).glob("*/")):
            if _hq_files(song) < 2:
                continue
            paths = {s: song / f"{s}.wav" for s in HQ_STEMS}
            missing = [s for s, path in paths.items() if not path.is_file()]
            yield Piece(
                song.name, _kind(song.name, song.parent), False, not missing,
                {s: [Recording(path)] for s, path in paths.items() if s not in missing},
                mixture=Recording(song / "mixture.wav"),
                problems=tuple(f"no {s}.wav: used for remixes only" for s in missing),
            )  # fmt: skip


def musdb_paths(root: Path, validation: bool) -> dict[str, Path]:
    """MUSDB18 stem files by track name: the validation list, or all other training songs."""
    paths = {p.name.removesuffix(ENDING): p for p in sorted(root.glob(f"**/train/*{ENDING}"))}
    if not paths:
        raise TrainingError(f"no MUSDB18 files (train/*{ENDING}) below {root}")
    return {name: path for name, path in paths.items() if (name in VALIDATION) == validation}


def musdb_track(path: Path) -> dict[str, Float]:
    """The four stems of a MUSDB18 file, silent ones too. The mix is their sum: its mixture stream
    is not used."""
    stems = {source: read(Recording(path, index)) for source, index in STREAMS.items()}
    length = min(audio.shape[1] for audio in stems.values())
    return {source: audio[:, :length] for source, audio in stems.items()}
