"""What a configuration file says about a fit: its stages, rates, device and checkpoints."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .bands import FRAME_MULTIPLE
from .errors import TrainingError
from .tables import from_table

PRECISIONS = ("bf16", "fp16", "fp32")
OPTIMIZERS = ("adamw", "muon")


@dataclass(frozen=True)
class Stage:
    """One table of [[fit.stages]]: a warm-up, half a cosine, and what differs meanwhile."""

    iterations: int
    rate: float
    warmup: int = 0
    hold: int = 0
    """Iterations at the full rate between the warm-up and the cosine."""
    distance: float | None = None
    """Weight of the mask distance, in place of the fit's."""
    log: float | None = None
    """Weight of the log error, in place of the fit's."""
    mix: dict[str, float] = field(default_factory=dict)
    """Keys of [mix] that differ, for example to train on rendered songs first."""


@dataclass(frozen=True)
class FitConfig:
    """The [fit] table: a schedule in iterations, warm-up then half a cosine, or several stages."""

    iterations: int = 8000
    batch: int = 8
    frames: int = 128
    rate: float = 2e-3
    warmup: int = 300
    hold: int = 0
    """Iterations at the full rate between the warm-up and the cosine."""
    optimizer: str = "adamw"
    """adamw or muon."""
    weight_decay: float = 1e-3
    distance: float = 0.2
    log: float = 0.02
    confidence: float = 0.0
    """Weight of the masks' negative entropy: above 0, sure masks have to pay off."""
    ema: float | tuple[float, ...] = 0.999
    """Rate of the averaged weights, or several; the first is what is exported."""
    clip: float = 1.0
    """Norm that gradients are cut to."""
    seed: int = 1
    threads: int = 2
    """Replicas on a CPU, each with its share of the batch."""
    device: str = "cpu"
    """cpu, cuda, cuda:1, or auto: a GPU where there is one."""
    precision: str = "bf16"
    """Of the network's convolutions: bf16, fp16 (only on a GPU) or fp32."""
    loaders: int = 4
    """Threads that mix examples for a GPU or for a process of torchrun."""
    holdout: int = 0
    """Songs of the training set kept aside to choose best.pt by; 0: the validation clips do."""
    stages: tuple[Stage, ...] = ()
    save_every: int = 250
    validate_every: int = 500

    @staticmethod
    def from_dict(values: dict[str, Any]) -> FitConfig:
        """Build from a configuration table, refusing unknown keys and useless values."""
        values = dict(values)
        stages = tuple(from_table(Stage, "[fit.stages]", dict(s)) for s in values.pop("stages", ()))
        if isinstance(values.get("ema"), list):
            values["ema"] = tuple(values["ema"])
        config = from_table(FitConfig, "fit", values)
        if stages:
            doubled = {"iterations", "rate", "warmup", "hold"} & set(values)
            if doubled:
                raise TrainingError(
                    f"[[fit.stages]] replace {', '.join(sorted(doubled))} of [fit]: remove them"
                )
            config = replace(config, stages=stages, iterations=sum(s.iterations for s in stages))
        config.check()
        return config

    def check(self) -> None:
        """Refuse values that no fit can use."""
        # Not one multiple: where the coarsest level is a single frame wide, oneDNN's bfloat16
        # convolution reads memory that nobody wrote, and the fit ends in NaN now and then.
        if self.frames % FRAME_MULTIPLE or self.frames < 2 * FRAME_MULTIPLE:
            raise TrainingError(
                f"frames = {self.frames}: a crop needs a multiple of {FRAME_MULTIPLE} frames, "
                f"and at least {2 * FRAME_MULTIPLE}"
            )
        counts = ("iterations", "batch", "threads", "loaders", "save_every", "validate_every")
        small = [name for name in counts if getattr(self, name) < 1]
        if small or any(s.iterations < 1 for s in self.stages):
            raise TrainingError(f"{', '.join(small) or 'a stage'} must be at least 1")
        if self.batch % self.threads:
            raise TrainingError(f"batch = {self.batch} does not divide by {self.threads} threads")
        if self.precision not in PRECISIONS:
            raise TrainingError(f"precision = {self.precision!r}; one of {', '.join(PRECISIONS)}")
        if self.optimizer not in OPTIMIZERS:
            raise TrainingError(f"optimizer = {self.optimizer!r}; one of {', '.join(OPTIMIZERS)}")
        if self.holdout < 0 or self.confidence < 0:
            raise TrainingError("holdout and confidence must not be negative")
        if not self.rates or not all(0 <= rate < 1 for rate in self.rates):
            raise TrainingError(f"ema = {self.ema}; rates lie between 0 and 1")

    @property
    def rates(self) -> tuple[float, ...]:
        """All rates of averaged weights."""
        return self.ema if isinstance(self.ema, tuple) else (self.ema,)

    def stage(self, iteration: int) -> tuple[int, Stage, int]:
        """Index of an iteration's stage, the stage, and its first iteration."""
        stages = self.stages or (Stage(self.iterations, self.rate, self.warmup, self.hold),)
        first = 0
        for i, stage in enumerate(stages):
            if iteration < first + stage.iterations or i == len(stages) - 1:
                return i, stage, first
            first += stage.iterations
        raise AssertionError("a schedule has a stage")


@dataclass(frozen=True)
class DistillConfig:
    """The [distill] table: checkpoints whose masks, on average, are a second target."""

    teachers: tuple[str, ...]
    weight: float = 0.5
    temperature: float = 1.0
    """Logits of teachers and student are divided by it: above 1, small masks count more."""

    @staticmethod
    def from_dict(values: dict[str, Any]) -> DistillConfig | None:
        """Build from a configuration table; None where it is empty."""
        if not values:
            return None
        if not values.get("teachers"):
            raise TrainingError("[distill] needs teachers = [checkpoints]")
        config = from_table(DistillConfig, "distill", values)
        if config.temperature <= 0 or config.weight < 0:
            raise TrainingError("[distill] needs a temperature above 0 and no negative weight")
        return config


def read_config(path: Path) -> dict[str, Any]:
    """A configuration file as plain values."""
    if not path.is_file():
        raise TrainingError(f"no configuration at {path}")
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(f"{path} is not a readable configuration: {error}") from error


def learning_rate(config: FitConfig, iteration: int) -> float:
    """Rate of an iteration: its stage's linear warm-up, a plateau, half a cosine down to 1 %."""
    _, stage, first = config.stage(iteration)
    return rate_in(stage, iteration - first)


def rate_in(stage: Stage, iteration: int) -> float:
    """Rate of a stage's iteration, counted from the stage's first."""
    if iteration < stage.warmup:
        return stage.rate * (iteration + 1) / stage.warmup
    start = stage.warmup + stage.hold
    if iteration < start:
        return stage.rate
    progress = (iteration - start) / max(stage.iterations - start, 1)
    return stage.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))
