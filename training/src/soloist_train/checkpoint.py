"""Checkpoints: everything that is needed to go on training or to export a network."""

from __future__ import annotations

import os
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .errors import TrainingError
from .model import ModelConfig, StudioNet

LAST, PREVIOUS, BEST = "last.pt", "previous.pt", "best.pt"
_NEEDED = {"config", "model", "ema", "optimizer", "iteration"}
_OPTIONAL = {"averages", "progress"}


@dataclass
class Checkpoint:
    """State of a training run.

    `config` is the whole configuration file as plain values; `ema` the averaged weights that are
    exported, `averages` those of further rates by rate; `progress` the run's own accounts (sums
    for the log, the best score). No generator is kept: draws depend on the iteration alone.
    """

    config: dict[str, Any]
    model: dict[str, Tensor]
    ema: dict[str, Tensor]
    optimizer: dict[str, Any]
    iteration: int
    averages: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)

    def save(self, path: Path, previous: Path | None = None) -> None:
        """Write to the disk beside the target, then rename: a run killed anywhere in here leaves
        a whole file. With `previous` the replaced file is kept under that name."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            torch.save(vars(self), file)
            file.flush()
            os.fsync(file.fileno())
        if previous is not None and path.is_file():
            path.replace(previous)
        partial.replace(path)
        sync_folder(path.parent)

    @staticmethod
    def load(path: Path) -> Checkpoint:
        """Read a checkpoint, or say why not."""
        if not path.is_file():
            raise TrainingError(f"no checkpoint at {path}")
        try:
            # torch does not look at the archive's checksums, and would go on with flipped bits.
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()
            if damaged is not None:
                raise ValueError(f"{damaged} is damaged")
            values = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise TrainingError(f"{path} is not a readable checkpoint: {error}") from error
        keys = set(values) if isinstance(values, dict) else set()
        if not _NEEDED <= keys <= _NEEDED | _OPTIONAL:
            raise TrainingError(f"{path} is not a checkpoint of this package")
        return Checkpoint(**values)

    @staticmethod
    def latest(folder: Path) -> Checkpoint:
        """The newest whole checkpoint of a run: last.pt, else with a warning previous.pt."""
        try:
            return Checkpoint.load(folder / LAST)
        except TrainingError as error:
            if not (folder / PREVIOUS).is_file():
                raise
            found = Checkpoint.load(folder / PREVIOUS)
            print(
                f"warning: {error}; going on from {PREVIOUS} at iteration {found.iteration}",
                file=sys.stderr,
            )
            return found

    def weights(self, ema: float | None = None) -> dict[str, Tensor]:
        """Averaged weights: those of the first rate, or of the rate `ema`."""
        if ema is None or f"{ema:g}" == self.first_rate():
            return self.ema
        if f"{ema:g}" not in self.averages:
            known = ", ".join([self.first_rate(), *self.averages])
            raise TrainingError(f"no averaged weights of rate {ema:g}; there are {known}")
        return self.averages[f"{ema:g}"]

    def first_rate(self) -> str:
        """The rate of `ema`, as text."""
        rate = self.config.get("fit", {}).get("ema", 0.999)
        return f"{rate[0] if isinstance(rate, list) else rate:g}"

    def network(self, ema: float | None = None) -> StudioNet:
        """The network with averaged (EMA) weights, in evaluation mode."""
        net = StudioNet(ModelConfig.from_dict(self.config.get("model", {})))
        net.load_state_dict(self.weights(ema))
        return net.eval()


def sync_folder(folder: Path) -> None:
    """Make a folder's renames last through a power cut, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
