"""Fit a seed system on waveforms; resumable, and the same for the same seed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..errors import TrainingError
from . import system
from .examples import Chunks, Excerpts, FitConfig
from .mel_unet import mel_loss
from .wave_unet import WaveUNet
from .waveforms import Song, read_waveforms

LAST = "last.pt"


class SeedFit:
    """One training run on one core."""

    def __init__(self, config: dict[str, Any], songs: Sequence[Song], out: Path) -> None:
        self.raw, self.out = config, out
        self.config = FitConfig.from_dict(config.get("fit", {}))
        torch.manual_seed(self.config.seed)
        self.net = system.build(config).to(memory_format=torch.channels_last)
        self.ema = {k: v.clone() for k, v in self.net.state_dict().items()}
        make = torch.optim.Adam if self.config.optimizer == "adam" else torch.optim.AdamW
        decay = 0.0 if self.config.optimizer == "adam" else self.config.weight_decay
        self.optimizer = make(self.net.parameters(), self.config.rate, weight_decay=decay)
        source = Chunks if self.config.epochs else Excerpts
        self.examples: Chunks | Excerpts = source(config, self.config, songs)
        self.iteration = 0

    def resume(self) -> None:
        """Go on from the folder's last checkpoint."""
        state = load_checkpoint(self.out / LAST)
        self.net.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema = {k: v.clone() for k, v in state["ema"].items()}
        self.iteration = state["iteration"]

    def save(self) -> None:
        """Write last.pt, beside the old one first: a run killed here leaves that whole."""
        partial = self.out / "last.partial"
        state = {"config": self.raw, "model": self.net.state_dict(), "ema": self.ema,
                 "optimizer": self.optimizer.state_dict(), "iteration": self.iteration}  # fmt: skip
        torch.save(state, partial)
        partial.replace(self.out / LAST)

    def rate(self) -> float:
        """The iteration's learning rate: constant, or warm-up and half a cosine down to 1 %."""
        c = self.config
        if c.constant_rate:
            return c.rate
        if self.iteration < c.warmup:
            return c.rate * (self.iteration + 1) / c.warmup
        left = max(self.examples.iterations - c.warmup, 1)
        progress = min((self.iteration - c.warmup) / left, 1.0)
        return c.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """The system's loss on a batch."""
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.config.bfloat16):
            estimate = self.net(batch["input"])
        if isinstance(self.net, WaveUNet):
            return (estimate.float() - batch["target"]).abs().mean()
        c = self.config
        weights = {"l1": c.l1, "distance": c.distance, "log": c.log}
        return mel_loss(
            estimate.float()[:, 0], batch["input"][:, 0], batch["target"], batch["statistics"],
            weights,
        )  # fmt: skip

    def step(self) -> float:
        """One update of the weights; gives the loss."""
        # Dropout draws from torch's own state: seeded an iteration, a resumed run is the same.
        torch.manual_seed(self.config.seed * 1_000_003 + self.iteration)
        self.net.train()
        value = self.loss(self.examples.batch(self.iteration))
        self.optimizer.zero_grad()
        value.backward()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        keep = min(self.config.ema, (1 + self.iteration) / (10 + self.iteration))
        with torch.no_grad():
            for name, own in self.net.state_dict().items():
                if own.dtype.is_floating_point:
                    self.ema[name].lerp_(own, 1 - keep)
                else:
                    self.ema[name].copy_(own)
        return value.item()

    def validation_error(self) -> float | None:
        """Mean absolute error on the channel that is not learned; None without epochs."""
        if not isinstance(self.examples, Chunks):
            return None
        net = system.build(self.raw)
        net.load_state_dict(self.ema)
        mixes, targets = self.examples.validation
        run, step = system.run_torch(net), 4096
        errors = [
            np.abs(run(mixes[i : i + step]) - targets[i : i + step]).sum()
            for i in range(0, len(mixes), step)
        ]
        return float(np.sum(errors) / targets.size)

    def run(self, stop: int | None = None) -> None:
        """Fit to the end or to iteration `stop`; the log goes to log.jsonl."""
        end = min(stop or self.examples.iterations, self.examples.iterations)
        started, losses = time.process_time(), []
        bar = tqdm(initial=self.iteration, total=end, mininterval=5)
        while self.iteration < end:
            losses.append(self.step())
            self.iteration += 1
            bar.update()
            if not np.isfinite(losses[-1]):
                raise TrainingError(f"the loss is {losses[-1]} at iteration {self.iteration}")
            last = self.iteration == end
            if self.iteration % self.config.save_every == 0 or last:
                self.save()
            if self.iteration % self.config.report_every == 0 or last:
                record: dict[str, float] = {
                    "iteration": self.iteration,
                    "loss": round(float(np.mean(losses)), 6),
                    "cpu_minutes": round((time.process_time() - started) / 60, 2),
                }
                other = self.validation_error()
                if other is not None:
                    record["validation_error"] = round(other, 6)
                losses = []
                bar.write(json.dumps(record))
                with (self.out / "log.jsonl").open("a") as log:
                    log.write(json.dumps(record) + "\n")
        bar.close()


def fit_system(
    config: dict[str, Any], store: Path, out: Path, resume: bool = False, stop: int | None = None
) -> None:
    """Fit as a configuration says, on a store of `soloist-train waveforms`, into `out`."""
    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    run = SeedFit(config, read_waveforms(store, system.sample_rate(config)), out)
    if resume:
        run.resume()
    elif (out / LAST).is_file():
        raise TrainingError(f"{out / LAST} exists; go on with --resume or choose another folder")
    run.run(stop)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """A seed system's checkpoint as plain values, or an error that says what it is not."""
    if not path.is_file():
        raise TrainingError(f"no checkpoint at {path}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise TrainingError(f"{path} is not a readable checkpoint: {error}") from error
    if not isinstance(state, dict) or system.kind_of(state.get("config", {})) == "studio":
        raise TrainingError(f"{path} is not a checkpoint of a seed system")
    return state


def load_network(path: Path) -> tuple[dict[str, Any], Any]:
    """Configuration and network, with averaged weights, of a checkpoint."""
    state = load_checkpoint(path)
    net = system.build(state["config"])
    net.load_state_dict(state["ema"])
    return state["config"], net.eval()
