"""Readers of the training music: MUSDB18 stem files, folders of songs, solo recordings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
from tqdm import tqdm

from .bands import SAMPLE_RATE, SOURCES, Float
from .errors import TrainingError
from .store import Clip, quantise, write_clip

MUSDB_STREAMS = {"drums": 1, "bass": 2, "other": 3, "vocals": 4}
VALIDATION = (
    "Actions - One Minute Smile", "Clara Berry And Wooldog - Waltz For My Victims",
    "Johnny Lokke - Promises & Lies", "Patrick Talbot - A Reason To Leave",
    "Triviul - Angelsaint", "Alexander Ross - Goodbye Bolero", "Fergessen - Nos Palpitants",
    "Leaf - Summerghost", "Skelpolu - Human Mistakes", "Young Griffo - Pennies",
    "ANiMAL - Rockshow", "James May - On The Line", "Meaxic - Take A Step",
    "Traffic Experiment - Sirens",
)  # fmt: skip
"""MUSDB18's official validation list: never trained on."""
RESERVED = ("Francium", "Lithium")
MDB_HELD_OUT = ("Zeppelin", "Shadows")
SILENCE = 1e-4
"""Peak below which a recording counts as empty."""


def read_audio(path: Path) -> Float:
    """An audio file as stereo [2, samples] at SAMPLE_RATE; mono is doubled."""
    if not path.is_file():
        raise TrainingError(f"no audio file at {path}")
    try:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise TrainingError(f"{path} is not readable audio: {error}") from error
    if rate != SAMPLE_RATE:
        raise TrainingError(f"{path} is at {rate} Hz; {SAMPLE_RATE} Hz is needed")
    if audio.shape[1] > 2:
        raise TrainingError(f"{path} has {audio.shape[1]} channels; mono or stereo is needed")
    if not np.isfinite(audio).all():
        raise TrainingError(f"{path} holds values that are not finite")
    return np.ascontiguousarray(np.repeat(audio, 2 // audio.shape[1], axis=1).T)


def read_stream(path: Path, index: int) -> Float:
    """One audio stream of a multi-stream file (MUSDB18's .stem.mp4) as stereo [2, samples]."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[index]
            if stream.rate != SAMPLE_RATE:
                raise TrainingError(f"{path} is at {stream.rate} Hz; {SAMPLE_RATE} Hz is needed")
            planar = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE)
            pieces = [
                piece.to_ndarray()
                for frame in container.decode(stream)
                for piece in planar.resample(frame)
            ]
    except (av.FFmpegError, IndexError) as error:
        raise TrainingError(f"{path}: no audio stream {index}: {error}") from error
    return np.concatenate(pieces, axis=1)


def aligned(stems: dict[str, Float]) -> dict[str, Float]:
    """Cut all stems to the shortest one."""
    length = min(audio.shape[1] for audio in stems.values())
    return {source: audio[:, :length] for source, audio in stems.items()}


def musdb_track(path: Path) -> dict[str, Float]:
    """The four stems of a MUSDB18 file. Its mixture stream is not used: the mix is their sum."""
    return aligned({source: read_stream(path, i) for source, i in MUSDB_STREAMS.items()})


def musdb_paths(root: Path, validation: bool) -> dict[str, Path]:
    """MUSDB18 files by track name: the validation list, or all others."""
    paths = {p.name.removesuffix(".stem.mp4"): p for p in sorted(root.glob("**/train/*.stem.mp4"))}
    if not paths:
        raise TrainingError(f"no MUSDB18 files (train/*.stem.mp4) below {root}")
    return {name: path for name, path in paths.items() if (name in VALIDATION) == validation}


@dataclass(frozen=True)
class Piece:
    """A piece of music yet to be read: for each source the files that sum to it.

    A file is a path, or for MUSDB18 a path with a stream number. `speed` plays it faster, which
    also moves its pitch.
    """

    name: str
    kind: str
    split: bool
    complete: bool
    files: dict[str, list[tuple[Path, int | None]]]
    speed: float = 1.0
    longest_s: float = 1e9


def _instrument_source(stem: str) -> str:
    """The source that an instrument of the MDB multitracks belongs to."""
    for word, source in {"drum": "drums", "bass": "bass", "guitar": "guitar", "piano": "piano",
                         "singer": "vocals"}.items():  # fmt: skip
        if word in stem:
            return source
    return "other"


def find_pieces(data: Path, speeds: tuple[float, ...]) -> Iterator[Piece]:
    """All pieces below a folder of real music; see README.md for the layout."""
    if not data.is_dir():
        raise TrainingError(f"no folder of music at {data}")
    for speed in speeds:
        for name, path in musdb_paths(data, validation=False).items():
            files = {s: [(path, i)] for s, i in MUSDB_STREAMS.items()}
            yield Piece(name, "musdb", False, True, files, speed)
        for folder in sorted((data / "mdb").glob("*/")):
            if folder.name not in MDB_HELD_OUT:
                yield Piece(f"mdb {folder.name}", "mdb", True, True, _mdb_files(folder), speed)
    for name, path in musdb_paths(data, validation=True).items():
        files = {s: [(path, i)] for s, i in MUSDB_STREAMS.items()}
        yield Piece(name, "validation", False, True, files)
    for folder in sorted((data / "everythingisfree").glob("*/")):
        if folder.name in RESERVED:
            continue
        files = {p.stem: [(p, None)] for p in sorted(folder.glob("*.ogg"))}
        whole = "bass" in files
        if not whole:  # `other` may hold the bass: not a clean source
            files.pop("other", None)
        yield Piece(f"free {folder.name}", "free", False, whole, files)
    folders = {"drums": "drums", "percussion": "drums", "piano": "piano", "vocals": "vocals",
               "guitar": "guitar", "strings": "other", "brass": "other", "sax": "other",
               "woodwind": "other"}  # fmt: skip
    for folder, source in folders.items():
        for path in sorted((data / "solo" / folder).glob("*.ogg")):
            yield Piece(f"solo {path.stem}", "solo", True, False, {source: [(path, None)]},
                        longest_s=60.0)  # fmt: skip


def _mdb_files(folder: Path) -> dict[str, list[tuple[Path, int | None]]]:
    files: dict[str, list[tuple[Path, int | None]]] = {}
    for path in sorted(folder.glob("*.ogg")):
        files.setdefault(_instrument_source(path.stem), []).append((path, None))
    return files


def find_rendered(folder: Path) -> Iterator[Piece]:
    """Songs written by `soloist-train render`."""
    songs = sorted(folder.glob("*/song.json"))
    if not songs:
        raise TrainingError(f"no rendered songs in {folder}; run `soloist-train render` first")
    for song in songs:
        files: dict[str, list[tuple[Path, int | None]]] = {
            source: [(song.parent / f"{source}.flac", None)] for source in SOURCES
        }
        yield Piece(f"rendered {song.parent.name}", "rendered", True, True, files)


def load_piece(piece: Piece) -> dict[str, Float]:
    """Read a piece's stems, drop the silent ones, cut to one length and change the speed."""
    stems: dict[str, Float] = {}
    for source, parts in piece.files.items():
        audio = [read_audio(p) if i is None else read_stream(p, i) for p, i in parts]
        length = min(a.shape[1] for a in audio)
        stems[source] = np.sum([a[:, :length] for a in audio], axis=0)
    stems = aligned({s: a[:, : int(piece.longest_s * SAMPLE_RATE)] for s, a in stems.items()
                     if a.shape[1] >= SAMPLE_RATE})  # fmt: skip
    stems = {s: a for s, a in stems.items() if float(np.abs(a).max()) > SILENCE}
    if not stems:
        raise TrainingError(f"{piece.name} is silent or shorter than a second in all its stems")
    if piece.speed != 1.0:
        rate = SAMPLE_RATE / piece.speed
        stems = {
            s: np.ascontiguousarray(soxr.resample(a.T, SAMPLE_RATE, rate, "HQ").T)
            for s, a in stems.items()
        }
    return stems


def _prepare(piece: Piece, folder: Path) -> None:
    if (folder / "clip.json").is_file():
        return
    stems = {source: quantise(audio) for source, audio in load_piece(piece).items()}
    write_clip(folder, Clip(piece.name, piece.kind, piece.split, piece.complete, stems))


def prepare(pieces: list[Piece], store: Path, processes: int) -> None:
    """Write the compact STFTs of all pieces; those that are there already are kept."""
    with ProcessPoolExecutor(processes) as pool:
        jobs = []
        for piece in pieces:
            slug = re.sub(r"[^A-Za-z0-9]+", "-", f"{piece.kind} {piece.name} {piece.speed:g}")
            jobs.append(pool.submit(_prepare, piece, store / slug))
        for job in tqdm(jobs, unit="piece", desc="prepare"):
            job.result()
