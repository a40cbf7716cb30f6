"""Readers of data sets: each lists its pieces lazily; `stream_stems` reads any of them."""

from .audio import BLOCK, AudioInfo, Recording, probe, read, read_audio
from .detect import LAYOUTS, Dataset, find_datasets
from .musdb import musdb_paths, musdb_track
from .names import VALIDATION
from .piece import SILENCE, Piece, load_piece, sections, stream_stems
from .project import find_rendered

__all__ = [
    "BLOCK", "LAYOUTS", "SILENCE", "VALIDATION", "AudioInfo", "Dataset", "Piece", "Recording",
    "find_datasets", "find_rendered", "load_piece", "musdb_paths", "musdb_track", "probe", "read",
    "read_audio", "sections", "stream_stems",
]  # fmt: skip
