"""k-fold cross-validation over songs: each song is judged by a network that never heard it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .batches import hold_out, shuffled_songs, summary
from .checkpoint import LAST, PREVIOUS, Checkpoint
from .errors import TrainingError
from .fit import Fit
from .statistics import HEADS
from .store import Clip


def fold_songs(clips: Sequence[Clip], folds: int, seed: int) -> list[list[str]]:
    """Names of the whole songs, dealt to folds; versions of a song share its name and fold."""
    songs = shuffled_songs(clips, seed)
    if folds < 2 or len(songs) < folds:
        raise TrainingError(f"{folds} folds of {len(songs)} songs: 2 to {len(songs)} are possible")
    return [sorted(songs[i::folds]) for i in range(folds)]


def run_fold(
    raw: dict[str, Any], clips: Sequence[Clip], names: list[str], out: Path
) -> dict[str, Any]:
    """Fit on all but the named songs, or go on with that; gives the SDR of each held-out song."""
    done = out / "fold.json"
    if done.is_file():
        result: dict[str, Any] = json.loads(done.read_text())
        if sorted(result["songs"]) != names:
            raise TrainingError(f"{done} is of other songs: choose another folder")
        return result
    out.mkdir(parents=True, exist_ok=True)
    training, held_out = hold_out(clips, names)
    training = [c for c in training if c.kind != "validation"]
    run = Fit(raw, training, out, held_out=held_out)
    if (out / LAST).is_file() or (out / PREVIOUS).is_file():
        run.resume(Checkpoint.latest(out))
    run.run()
    sdr = run.held_out_sdr()
    songs = {
        clip.name: {h: round(v, 3) for h, v in zip(HEADS, row.tolist(), strict=True)
                    if np.isfinite(v)}
        for clip, row in zip(held_out, sdr, strict=True)
    }  # fmt: skip
    result = {"median_sdr_db": summary(sdr), "songs": songs}
    done.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return result


def cross_validate(
    raw: dict[str, Any], clips: Sequence[Clip], out: Path, folds: int, seed: int = 0
) -> str:
    """Run all folds, those that are done already excepted; writes folds.json and folds.md.

    Gives the table: a row a fold, mean ± standard deviation over folds, and over all songs.
    """
    raw = {k: v for k, v in raw.items() if k != "search"}
    raw["fit"] = {**raw.get("fit", {}), "holdout": 0}
    torch.manual_seed(seed)
    results = [
        run_fold(raw, clips, names, out / f"fold-{i + 1}")
        for i, names in enumerate(fold_songs(clips, folds, seed))
    ]
    table = _table(results)
    (out / "folds.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    (out / "folds.md").write_text(table + "\n")
    return table


def _table(results: list[dict[str, Any]]) -> str:
    medians = [r["median_sdr_db"] for r in results]
    columns = [h for h in (*HEADS[:-1], "mean") if any(h in m for m in medians)]
    lines = [f"| SDR in dB | songs | {' | '.join(columns)} |", "|" + "---|" * (len(columns) + 2)]
    for i, result in enumerate(results):
        values = (result["median_sdr_db"].get(c) for c in columns)
        cells = ("" if v is None else f"{v:.2f}" for v in values)
        lines.append(f"| fold {i + 1} | {len(result['songs'])} | {' | '.join(cells)} |")
    cells = []
    for column in columns:
        values = [m[column] for m in medians if column in m]
        spread = np.std(values, ddof=1) if len(values) > 1 else 0.0
        cells.append(f"{np.mean(values):.2f} ± {spread:.2f}")
    songs = sum(len(r["songs"]) for r in results)
    lines.append(f"| mean ± standard deviation | {songs} | {' | '.join(cells)} |")
    return "\n".join(lines)
