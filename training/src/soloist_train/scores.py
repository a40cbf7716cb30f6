"""Tables of scores: by track and target, over tracks, and as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from .errors import TrainingError
from .metrics import METRICS, MUSEVAL

Tracks = dict[str, dict[str, float]]
"""dB by track and target."""


Taken = TypeVar("Taken")


def read_table(path: Path, take: Callable[[dict[str, Any]], Taken]) -> Taken:
    """What `take` makes of a file of `evaluate --json`; TrainingError where there is none, or one
    that `take` finds no way through: scores of another kind of system, or no scores at all."""
    if not path.is_file():
        raise TrainingError(f"no scores at {path}; write them with `evaluate --json`")
    try:
        return take(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise TrainingError(
            f"{path} holds no scores of `evaluate --json`, or of another system: {error!r}"
        ) from error


@dataclass
class Scores:
    """Scores in dB of one system on one set of tracks, and of what frames it."""

    data: str
    targets: Sequence[str]
    by_metric: dict[str, Tracks] = field(default_factory=lambda: {m: {} for m in METRICS})
    references: dict[str, Scores] = field(default_factory=dict)
    """The ratio-mask oracle (`ratio`) and the mixture (`mixture`)."""

    def add(self, track: str, found: dict[str, dict[str, float]]) -> None:
        """Add a track's scores by metric and target."""
        for metric in METRICS:
            self.by_metric[metric][track] = found[metric]

    @property
    def tracks(self) -> Tracks:
        """museval's SDR of each track and target."""
        return self.by_metric[MUSEVAL]

    def known_targets(self) -> list[str]:
        """Targets that at least one track has."""
        return [t for t in self.targets if any(t in track for track in self.tracks.values())]

    def overall(self, metric: str = MUSEVAL) -> dict[str, float]:
        """Each target over tracks (median for museval's SDR, else mean), and `mean` of those."""
        how = np.median if metric == MUSEVAL else np.mean
        tracks = self.by_metric[metric].values()
        values = {
            t: float(how([track[t] for track in tracks if t in track]))
            for t in self.known_targets()
        }
        if not values:
            raise TrainingError(f"{self.data}: no track with a stem that sounds")
        return {**values, "mean": float(np.mean(list(values.values())))}

    def medians(self) -> dict[str, float]:
        """museval's SDR: median over tracks of each target, and the mean of them."""
        return self.overall()

    def as_dict(self) -> dict[str, Any]:
        """Plain values: `median_db` and `tracks_db` are museval's, as `export --scores` reads."""
        table: dict[str, Any] = {
            "data": self.data,
            "metric": METRICS[MUSEVAL],
            "median_db": _rounded(self.medians(), 3),
            "tracks_db": {name: _rounded(track, 2) for name, track in self.tracks.items()},
        }
        for metric, tracks in self.by_metric.items():
            if metric != MUSEVAL:
                table[metric] = {
                    "mean_db": _rounded(self.overall(metric), 3),
                    "tracks_db": {name: _rounded(track, 2) for name, track in tracks.items()},
                }
        if self.references:
            table["references"] = {k: ref.as_dict() for k, ref in self.references.items()}
        return table

    def write(self, path: Path) -> None:
        """Write as .json, .csv or .md by the path's ending."""
        writers = {".json": self._json, ".csv": self._csv, ".md": self._markdown}
        if path.suffix not in writers:
            raise TrainingError(f"{path}: scores are written as {', '.join(writers)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        writers[path.suffix](path)

    def _json(self, path: Path) -> None:
        path.write_text(json.dumps(self.as_dict(), indent=1, ensure_ascii=False) + "\n")

    def _csv(self, path: Path) -> None:
        """A row a track, target and metric, with the references beside the score."""
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["track", "target", "metric", "score_db",
                           *(f"{kind}_db" for kind in self.references)])  # fmt: skip
            for metric, tracks in self.by_metric.items():
                for name, track in tracks.items():
                    for target, value in track.items():
                        others = (r.by_metric[metric][name] for r in self.references.values())
                        beside = (f"{o[target]:.3f}" if target in o else "" for o in others)
                        rows.writerow([name, target, metric, f"{value:.3f}", *beside])

    def _markdown(self, path: Path) -> None:
        path.write_text(self.markdown())

    def markdown(self) -> str:
        """A table a metric; in brackets the references' scores."""
        targets = self.known_targets()
        beside = " / ".join(self.references)
        parts = [f"# {self.data}\n"]
        for metric, tracks in self.by_metric.items():
            parts.append(f"{METRICS[metric]}, in dB" + (f" ({beside})" if beside else "") + ":\n")
            rows = [f"| track | {' | '.join(targets)} |", "|---" * (len(targets) + 1) + "|"]
            for name in tracks:
                cells = (self._cell(t, [s.by_metric[metric][name] for s in self._all()])
                         for t in targets)  # fmt: skip
                rows.append(f"| {name.replace('|', '/')} | {' | '.join(cells)} |")
            total = [s.overall(metric) for s in self._all()]
            cells = (self._cell(t, total) for t in targets)
            rows.append(f"| **all** | {' | '.join(cells)} |")
            mean = self._cell("mean", total)
            parts.append("\n".join(rows) + f"\n\nMean over {', '.join(targets)}: {mean}\n")
        return "\n".join(parts)

    def _all(self) -> list[Scores]:
        return [self, *self.references.values()]

    @staticmethod
    def _cell(target: str, values: list[dict[str, float]]) -> str:
        own, *others = values
        if target not in own:
            return ""
        beside = " / ".join(f"{o[target]:.2f}" if target in o else "-" for o in others)
        return f"{own[target]:.2f} ({beside})" if beside else f"{own[target]:.2f}"


def _rounded(values: dict[str, float], digits: int) -> dict[str, float]:
    return {name: round(value, digits) for name, value in values.items()}
