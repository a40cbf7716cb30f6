"""Checkpoints: everything that is needed to go on training or to export a network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .errors import TrainingError
from .model import ModelConfig, StudioNet

_KEYS = {"config", "model", "ema", "optimizer", "iteration"}


@dataclass
class Checkpoint:
    """State of a training run; `config` is the whole configuration file as plain values."""

    config: dict[str, Any]
    model: dict[str, torch.Tensor]
    ema: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    iteration: int

    def save(self, path: Path) -> None:
        """Write beside the target first, so that a run killed here leaves the old file whole."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        torch.save(vars(self), partial)
        partial.replace(path)

    @staticmethod
    def load(path: Path) -> Checkpoint:
        """Read a checkpoint, or say why not."""
        if not path.is_file():
            raise TrainingError(f"no checkpoint at {path}")
        try:
            values = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise TrainingError(f"{path} is not a readable checkpoint: {error}") from error
        if not isinstance(values, dict) or set(values) != _KEYS:
            raise TrainingError(f"{path} is not a checkpoint of this package")
        return Checkpoint(**values)

    def network(self) -> StudioNet:
        """The network with the averaged (EMA) weights, in evaluation mode."""
        net = StudioNet(ModelConfig.from_dict(self.config.get("model", {})))
        net.load_state_dict(self.ema)
        return net.eval()
