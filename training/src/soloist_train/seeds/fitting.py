"""Fit a seed system on waveforms; resumable, and the same for the same seed."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..averaging import MovingAverages
from ..checkpoint import LAST, Checkpoint
from ..errors import TrainingError
from ..schedule import Stage, rate_in
from . import system
from .examples import Chunks, Excerpts, FitConfig
from .mel_unet import mel_loss
from .wave_unet import WaveUNet
from .waveforms import Song, read_waveforms


class SeedFit:
    """One training run on one core."""

    def __init__(self, config: dict[str, Any], songs: Sequence[Song], out: Path) -> None:
        self.raw, self.out = config, out
        self.config = FitConfig.from_dict(config.get("fit", {}))
        torch.manual_seed(self.config.seed)
        self.net = system.build(config).to(memory_format=torch.channels_last)
        self.averages = MovingAverages(self.net, [self.config.ema])
        make = torch.optim.Adam if self.config.optimizer == "adam" else torch.optim.AdamW
        decay = 0.0 if self.config.optimizer == "adam" else self.config.weight_decay
        self.optimizer = make(self.net.parameters(), self.config.rate, weight_decay=decay)
        source = Chunks if self.config.epochs else Excerpts
        self.examples: Chunks | Excerpts = source(config, self.config, songs)
        self.schedule = Stage(self.examples.iterations, self.config.rate, self.config.warmup)
        self.iteration = 0

    def resume(self) -> None:
        """Go on from the folder's last checkpoint."""
        state = load_checkpoint(self.out / LAST)
        self.net.load_state_dict(state.model)
        self.optimizer.load_state_dict(state.optimizer)
        self.averages.restore(state)
        self.iteration = state.iteration

    def save(self) -> None:
        """Write the state as last.pt."""
        Checkpoint(
            self.raw, self.net.state_dict(), self.averages.weights[0],
            self.optimizer.state_dict(), self.iteration,
        ).save(self.out / LAST)  # fmt: skip

    def rate(self) -> float:
        """The iteration's learning rate: constant, or warm-up and half a cosine down to 1 %."""
        if self.config.constant_rate:
            return self.config.rate
        return rate_in(self.schedule, self.iteration)

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
        self.averages.update(self.net, self.iteration)
        return value.item()

    def validation_error(self) -> float | None:
        """Mean absolute error on the channel that is not learned; None without epochs."""
        if not isinstance(self.examples, Chunks):
            return None
        net = system.build(self.raw)
        net.load_state_dict(self.averages.weights[0])
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


def load_checkpoint(path: Path) -> Checkpoint:
    """A seed system's checkpoint, or an error that says what it is not."""
    try:
        state = Checkpoint.load(path)
    except TrainingError as error:
        if not path.is_file():
            raise
        raise TrainingError(f"{path} is not a checkpoint of a seed system: {error}") from error
    if system.kind_of(state.config) == "studio":
        raise TrainingError(f"{path} is not a checkpoint of a seed system")
    return state


def load_network(path: Path) -> tuple[dict[str, Any], Any]:
    """Configuration and network, with averaged weights, of a checkpoint."""
    state = load_checkpoint(path)
    net = system.build(state.config)
    net.load_state_dict(state.ema)
    return state.config, net.eval()
