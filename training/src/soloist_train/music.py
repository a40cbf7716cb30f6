"""The [data] table: from folders of music to the store that a fit reads, made if it is missing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .data import find_pieces, prepare
from .errors import TrainingError
from .tables import from_table


@dataclass(frozen=True)
class DataConfig:
    """Where the music is. Relative paths begin at the configuration's folder."""

    folders: tuple[str, ...] = ()
    """Folders of music in any layout that `soloist-train datasets` knows, for example a folder
    of songs with a file a stem."""
    store: str | None = None
    """Where the prepared music is kept; by default `store` in the output folder."""
    speeds: tuple[float, ...] = (1.0, 0.91, 1.1)
    """Speeds at which each real song is prepared."""

    @staticmethod
    def from_dict(values: dict[str, Any]) -> DataConfig:
        """Build from a configuration table, refusing unknown keys."""
        return from_table(DataConfig, "data", values)


def _fingerprint(folders: Sequence[Path], speeds: Sequence[float]) -> str:
    """Changes when a file is added, removed or written again, or other speeds are wanted."""
    digest = hashlib.sha256(repr(list(speeds)).encode())
    for folder in folders:
        for at, inside, names in os.walk(folder):
            inside.sort()
            for name in sorted(names):
                status = (Path(at) / name).stat()
                digest.update(f"{at}/{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def prepared_store(
    raw: dict[str, Any], base: Path, out: Path, extra: Sequence[Path] = (), processes: int = 0
) -> Path:
    """The store of a configuration's music and of the folders `extra`, up to date.

    Pieces that are prepared already are kept; nothing is read while no file has changed.
    """
    config = DataConfig.from_dict(raw.get("data", {}))
    folders = [*(base / folder for folder in config.folders), *extra]
    if not folders and config.store is None:
        raise TrainingError(
            "no music to fit on: name a store (--store), folders (--data) or [data] folders"
        )
    store = base / config.store if config.store is not None else out / "store"
    if not folders:
        return store
    note = store / "made-from.json"
    fingerprint = _fingerprint(folders, config.speeds)
    if note.is_file() and json.loads(note.read_text()).get("fingerprint") == fingerprint:
        return store
    pieces = [p for folder in folders for p in find_pieces(folder, tuple(config.speeds))]
    if not any(piece.kind != "validation" for piece in pieces):
        raise TrainingError(f"nothing to learn from in {', '.join(map(str, folders))}")
    print(f"preparing {len(pieces)} pieces into {store}")
    store.mkdir(parents=True, exist_ok=True)
    prepare(pieces, store, processes or os.cpu_count() or 1)
    note.write_text(json.dumps({"fingerprint": fingerprint}) + "\n")
    return store
