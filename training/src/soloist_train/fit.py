"""Fit the studio network on random mixes; resumable, and the same for the same seed."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from .averaging import MovingAverages, Weights
from .batches import Examples, hold_out, sdr_of_batches, shuffled_songs, summary, whole_clip
from .checkpoint import BEST, LAST, PREVIOUS, Checkpoint
from .distributed import Ranks
from .dropout import own_dropout
from .errors import TrainingError
from .heads import warn_of_dead
from .journal import Journal, StopSignals
from .loss import Batch
from .model import ModelConfig, StudioNet, silent_memories
from .muon import Muon
from .music import prepared_store
from .objective import Objective
from .schedule import DistillConfig, FitConfig, learning_rate, read_config
from .store import Clip, read_store
from .workers import DTYPES, DeviceWorker, Replicas

__all__ = ["Fit", "FitConfig", "fit", "learning_rate", "read_config", "tune_allocator"]

Scores = dict[str, float]


class Fit:
    """One training run.

    `held_out` are clips of training songs that are kept aside: best.pt is chosen by them.
    """

    def __init__(
        self, config: dict[str, Any], clips: Sequence[Clip], out: Path,
        ranks: Ranks | None = None, held_out: Sequence[Clip] = (),
    ) -> None:  # fmt: skip
        self.raw = config
        self.config = FitConfig.from_dict(config.get("fit", {}))
        self.out = out
        self.ranks = ranks or Ranks(torch.device("cpu"))
        if self.config.holdout and not held_out:
            names = shuffled_songs(clips)[: self.config.holdout]
            clips, held_out = hold_out(clips, names)
        torch.set_num_threads(1)
        torch.manual_seed(self.config.seed)
        self.net = StudioNet(ModelConfig.from_dict(config.get("model", {})))
        part = self.net.config.part
        self.validation = [whole_clip(c, part) for c in clips if c.kind == "validation"]
        self.held_out = [whole_clip(c, part) for c in held_out]
        own_dropout(self.net)
        self.net = self.net.to(self.ranks.device, memory_format=torch.channels_last)
        self.averages = MovingAverages(self.net, self.config.rates)
        self.optimizer = self._optimizer()
        self.worker = self._worker(clips)
        self.iteration = 0
        self.minutes = 0.0
        self.best = float("-inf")
        self.losses: list[float] = []
        self.norms: list[float] = []
        self.after_validation: Callable[[int, dict[str, Any]], None] | None = None
        """Called with the iteration and the record; a search ends poor trials here."""

    def _optimizer(self) -> torch.optim.Optimizer:
        rate, decay = learning_rate(self.config, 0), self.config.weight_decay
        if self.config.optimizer == "muon":
            return Muon(self.net, rate, decay)
        return torch.optim.AdamW(self.net.parameters(), rate, weight_decay=decay)

    def _worker(self, clips: Sequence[Clip]) -> Replicas | DeviceWorker:
        device = self.ranks.device
        examples = Examples(clips, self.raw.get("mix", {}), self.config, self.net.config.part)
        distill = DistillConfig.from_dict(self.raw.get("distill", {}))
        objective = Objective(self.config.confidence, distill, device)
        if device.type == "cpu" and not self.ranks.launched:
            return Replicas(self.config, self.net, examples, objective)
        return DeviceWorker(self.config, self.net, examples, objective, self.ranks)

    def begin_from(self, checkpoint: Checkpoint) -> None:
        """Begin a new schedule with the averaged weights of another run. It may lack memories:
        those begin as nothing."""
        try:
            weights = {**silent_memories(self.net.state_dict()), **checkpoint.ema}
            found = self.net.load_state_dict(weights, strict=False)
        except RuntimeError as error:
            raise TrainingError(f"the network to begin from has another shape: {error}") from error
        other = found.missing_keys + found.unexpected_keys
        if other:
            raise TrainingError(
                f"the network to begin from has another shape: {len(other)} tensors, as {other[0]}"
            )
        self.averages = MovingAverages(self.net, self.config.rates)

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint; the schedule is this configuration's."""
        if not checkpoint.optimizer:
            raise TrainingError("this checkpoint holds weights only: begin from it with --init")
        try:
            self.net.load_state_dict(checkpoint.model)
            self.optimizer.load_state_dict(checkpoint.optimizer)
        except (RuntimeError, ValueError) as error:
            raise TrainingError(
                f"the run to go on with is of another network or optimizer: {error}"
            ) from error
        self.averages.restore(checkpoint)
        self.iteration = checkpoint.iteration
        progress = checkpoint.progress
        self.losses, self.norms = progress.get("losses", []), progress.get("norms", [])
        self.minutes, self.best = progress.get("minutes", 0.0), progress.get("best", -np.inf)
        if isinstance(self.worker, DeviceWorker) and progress.get("scaler"):
            self.worker.scaler.load_state_dict(progress["scaler"])

    def save(self) -> None:
        """Write the state as last.pt; the one before stays as previous.pt."""
        if not self.ranks.first:
            return
        progress: dict[str, Any] = {"losses": self.losses, "norms": self.norms,
                                    "minutes": self.minutes, "best": self.best}  # fmt: skip
        if isinstance(self.worker, DeviceWorker):
            progress["scaler"] = self.worker.scaler.state_dict()
        Checkpoint(
            self.raw, self.net.state_dict(), self.averages.weights[0],
            self.optimizer.state_dict(), self.iteration, self.averages.others(), progress,
        ).save(self.out / LAST, self.out / PREVIOUS)  # fmt: skip

    def step(self) -> float:
        """One update of the weights; gives the loss."""
        value = self.worker.gradients(self.net, self.iteration)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, self.iteration)
        scaler = self.worker.scaler if isinstance(self.worker, DeviceWorker) else None
        if scaler is not None:
            scaler.unscale_(self.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip)
        if scaler is not None:
            scaler.step(self.optimizer)
            scaler.update()
        else:
            self.optimizer.step()
        self.averages.update(self.net, self.iteration)
        self.losses.append(value)
        if torch.isfinite(norm):  # fp16 finds its scale by overflowing now and then
            self.norms.append(float(norm))
        return value

    def _sdr(self, weights: Weights, batches: Sequence[Batch]) -> torch.Tensor:
        """[batches, heads]: median SDR in dB of a network of these weights."""
        net = StudioNet(self.net.config)
        net.load_state_dict(weights)
        net = net.to(self.ranks.device, memory_format=torch.channels_last).eval()
        return sdr_of_batches(net, batches, self.ranks.device, DTYPES[self.config.precision])

    def validate(self) -> Scores:
        """Median SDR in dB of the averaged weights on the validation clips, by source."""
        if not self.validation:
            return {}
        return summary(self._sdr(self.averages.weights[0], self.validation))

    def held_out_sdr(self) -> torch.Tensor:
        """[clips, heads]: median SDR in dB of the averaged weights on each held-out clip."""
        return self._sdr(self.averages.weights[0], self.held_out)

    def _record(self) -> dict[str, Any]:
        """What a validation finds; keeps the best weights as best.pt."""
        record: dict[str, Any] = {
            "iteration": self.iteration,
            "minutes": round(self.minutes, 2),
            "loss": round(float(np.mean(self.losses)), 5),
            "rate": float(f"{self.optimizer.param_groups[0]['lr']:.3g}"),
            "gradient_norm": round(float(np.mean(self.norms or [0.0])), 4),
            "median_sdr_db": self.validate(),
        }
        judged = self.held_out or self.validation
        for rate, weights in zip(self.config.rates, self.averages.weights, strict=True):
            if not judged:
                break
            scores = record["median_sdr_db"]
            if self.held_out or rate != self.config.rates[0]:
                scores = summary(self._sdr(weights, judged))
            if rate != self.config.rates[0]:
                record.setdefault("other_averages", {})[f"{rate:g}"] = scores["mean"]
            elif self.held_out:
                record["holdout_sdr_db"] = scores
            if scores["mean"] > self.best:
                self.best = scores["mean"]
                kept = {"score_db": self.best, "ema": rate}
                Checkpoint(self.raw, weights, weights, {}, self.iteration, {}, kept).save(
                    self.out / BEST
                )
        return record

    def run(self, stop: int | None = None, tensorboard: bool = False) -> None:
        """Fit to the end of the schedule or to iteration `stop`; SIGTERM and SIGINT save first."""
        end = min(stop or self.config.iterations, self.config.iterations)
        first = self.ranks.first
        if first and self.iteration >= end:
            print(
                f"nothing is left to do: the run stands at iteration {self.iteration} of {end}; "
                "raise iterations, or begin a new run from it with --init",
                file=sys.stderr,
            )
        journal = Journal(self.out, tensorboard, self.iteration) if first else None
        before, started = self.minutes, time.monotonic()
        bar = tqdm(initial=self.iteration, total=end, mininterval=5, disable=not first)
        try:
            with StopSignals() as signals:
                while self.iteration < end:
                    value = self.step()
                    self.iteration += 1
                    self.minutes = before + (time.monotonic() - started) / 60
                    bar.update()
                    stopped = self.ranks.mean([float(signals.received is not None)])[0] > 0
                    self._after_step(value, self.iteration == end, stopped, journal, bar)
                    if stopped and self.iteration < end:
                        raise TrainingError(
                            f"stopped by {signals.received or 'another process'} at iteration "
                            f"{self.iteration}; it is saved, go on with --resume"
                        )
        finally:
            bar.close()
            self.worker.close()
            if journal is not None:
                journal.close()

    def _after_step(
        self, value: float, last: bool, stopped: bool, journal: Journal | None, bar: tqdm
    ) -> None:
        """Log, validate and save when it is time."""
        if not np.isfinite(value):
            raise TrainingError(f"the loss is {value} at iteration {self.iteration}")
        if journal is not None and journal.writer is not None:
            rate = self.optimizer.param_groups[0]["lr"]
            norm = self.norms[-1] if self.norms else 0.0
            values = {"loss": value, "rate": rate, "gradient_norm": norm}
            journal.scalars(self.iteration, values)
        if self.iteration % self.config.validate_every == 0 or last:
            if journal is not None:
                record = self._record()
                bar.write(json.dumps(record))
                # Before the checkpoint: a kill between the two repeats the record, not loses it.
                journal.record(record)
                if self.after_validation is not None:
                    self.after_validation(self.iteration, record)
            self.losses, self.norms = [], []
        if self.iteration % self.config.save_every == 0 or last or stopped:
            self.save()


def fit(
    config: Path | dict[str, Any], store: Path | None, out: Path, resume: bool,
    stop: int | None = None, init: Path | None = None, tensorboard: bool = False,
    music: Sequence[Path] = (),
) -> None:  # fmt: skip
    """Fit as a configuration file says, on a prepared store, into the folder `out`.

    Without a store the folders of `music` and of the [data] table are prepared first.
    With `stop` the schedule is left at that iteration, for another configuration to go on from.
    `init` is a checkpoint whose averaged weights a new schedule begins with.
    """
    raw = read_config(config) if isinstance(config, Path) else config
    out.mkdir(parents=True, exist_ok=True)
    ranks = Ranks.start(FitConfig.from_dict(raw.get("fit", {})).device)
    try:
        if store is None:
            base = config.parent if isinstance(config, Path) else Path()
            if ranks.first:
                prepared_store(raw, base, out, music)
            ranks.wait()  # the others find it made
            store = prepared_store(raw, base, out, music)
        clips = read_store(store)
        run = Fit(raw, clips, out, ranks)
        found = [out / name for name in (LAST, PREVIOUS) if (out / name).is_file()]
        if resume:
            run.resume(Checkpoint.latest(out))
        elif found:
            raise TrainingError(f"{found[0]} exists; go on with --resume or choose another folder")
        elif init is not None:
            run.begin_from(Checkpoint.load(init))
        ranks.wait()  # nobody writes before all have read
        run.run(stop, tensorboard)
        if ranks.first:
            warn_of_dead(Checkpoint.load(out / LAST), clips)
    finally:
        ranks.finish()


def tune_allocator() -> None:
    """Restart this program once with an allocator that keeps big blocks (glibc only).

    Returning the tensors' pages to the system and faulting them in again costs more than some
    of the network's layers. The variables are read when a process starts, hence the restart.
    """
    wanted = {
        "MALLOC_MMAP_THRESHOLD_": str(8 << 30),
        "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
        "MALLOC_TOP_PAD_": str(256 << 20),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    if os.name == "posix" and any(name not in os.environ for name in wanted):
        os.environ.update({k: os.environ.get(k, v) for k, v in wanted.items()})
        os.execv(sys.executable, [sys.executable, "-m", "soloist_train.cli", *sys.argv[1:]])
