"""Fit the studio network on random mixes; resumable, and the same for the same seed."""

from __future__ import annotations

import copy
import json
import math
import os
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from .bands import FRAME_MULTIPLE, SOURCES
from .checkpoint import Checkpoint
from .errors import TrainingError
from .fastloss import fast_loss
from .loss import Batch, head_weights, median_sdr
from .mix import Example, MixConfig, Mixer, flat_eq
from .model import ModelConfig, StudioNet
from .statistics import HEADS, Layer, MixStatistics, mix_statistics
from .store import Clip, read_store
from .tables import from_table


@dataclass(frozen=True)
class FitConfig:
    """The [fit] table: a schedule in iterations, warm-up then half a cosine."""

    iterations: int = 8000
    batch: int = 8
    frames: int = 128
    rate: float = 2e-3
    warmup: int = 300
    weight_decay: float = 1e-3
    distance: float = 0.2
    log: float = 0.02
    ema: float = 0.999
    seed: int = 1
    threads: int = 2
    save_every: int = 250
    validate_every: int = 500

    @staticmethod
    def from_dict(values: dict[str, Any]) -> FitConfig:
        """Build from a configuration table, refusing unknown keys and useless values."""
        config = from_table(FitConfig, "fit", values)
        # Not one multiple: where the coarsest level is a single frame wide, oneDNN's bfloat16
        # convolution reads memory that nobody wrote, and the fit ends in NaN now and then.
        if config.frames % FRAME_MULTIPLE or config.frames < 2 * FRAME_MULTIPLE:
            raise TrainingError(
                f"frames = {config.frames}: a crop needs a multiple of {FRAME_MULTIPLE} frames, "
                f"and at least {2 * FRAME_MULTIPLE}"
            )
        if min(config.iterations, config.batch, config.threads) < 1:
            raise TrainingError("iterations, batch and threads must be at least 1")
        if config.batch % config.threads:
            raise TrainingError(
                f"batch = {config.batch} does not divide by {config.threads} threads"
            )
        return config


def read_config(path: Path) -> dict[str, Any]:
    """A configuration file as plain values."""
    if not path.is_file():
        raise TrainingError(f"no configuration at {path}")
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{path}: {error}") from error


def collate(examples: Sequence[Example]) -> Batch:
    """Stack examples into a batch."""

    def stack(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(e.statistics, name) for e in examples]))

    weights = torch.tensor([head_weights(e.split) for e in examples])
    return Batch(stack("features"), stack("mix"), stack("cross"), stack("own"), weights)


def learning_rate(config: FitConfig, iteration: int) -> float:
    """Rate of an iteration: a linear warm-up, then half a cosine down to 1 % of the peak."""
    if iteration < config.warmup:
        return config.rate * (iteration + 1) / config.warmup
    progress = (iteration - config.warmup) / max(config.iterations - config.warmup, 1)
    return config.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


def validation_batch(clips: Sequence[Clip]) -> Batch | None:
    """The validation clips as one batch, each silent up to a common number of frames."""
    clips = [c for c in clips if c.kind == "validation"]
    if not clips:
        return None
    frames = -(-max(c.frames for c in clips) // FRAME_MULTIPLE) * FRAME_MULTIPLE
    eye = np.eye(2, dtype=np.float32)
    examples = []
    for clip in clips:
        layers = [
            Layer(SOURCES.index(s), stem, 0, flat_eq(), eye) for s, stem in clip.stems.items()
        ]
        cut = clip.frames
        part = mix_statistics(layers, cut)
        padded = MixStatistics.empty(frames)
        for name in ("features", "mix", "cross", "own"):
            getattr(padded, name)[..., :cut] = getattr(part, name)
        examples.append(Example(padded, clip.split))
    return collate(examples)


class Replica:
    """A copy of the network for one thread: it mixes, runs forward and back on its own.

    Two single-threaded halves of a batch beat one two-threaded batch: the convolutions' own
    barriers spin, which is ruinous as soon as other programs want the cores.
    """

    def __init__(self, config: FitConfig, net: StudioNet, mixer: Mixer) -> None:
        self.config = config
        self.mixer = mixer
        self.net = copy.deepcopy(net)

    def run(self, net: StudioNet, iteration: int, places: range) -> float:
        """Gradients of the examples `places` of an iteration, with the weights of `net`."""
        torch.set_num_threads(1)
        self.net.load_state_dict(net.state_dict())
        self.net.train()
        seeds = [(self.config.seed, iteration, place) for place in places]
        batch = collate([self.mixer.example(np.random.default_rng(seed)) for seed in seeds])
        features = batch.features.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = self.net(features)
        value = fast_loss(logits, batch, self.config.distance, self.config.log)
        self.net.zero_grad()
        value.backward()
        return value.item()


class Fit:
    """One training run."""

    def __init__(self, config: dict[str, Any], clips: Sequence[Clip], out: Path) -> None:
        self.raw = config
        self.config = FitConfig.from_dict(config.get("fit", {}))
        self.out = out
        torch.set_num_threads(1)
        torch.manual_seed(self.config.seed)
        self.net = StudioNet(ModelConfig.from_dict(config.get("model", {})))
        self.net = self.net.to(memory_format=torch.channels_last)
        self.ema = {k: v.clone() for k, v in self.net.state_dict().items()}
        decay = self.config.weight_decay
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), self.config.rate, weight_decay=decay
        )
        mixer = Mixer(clips, MixConfig.from_dict(config.get("mix", {})), self.config.frames)
        self.replicas = [Replica(self.config, self.net, mixer) for _ in range(self.config.threads)]
        self.validation = validation_batch(clips)
        self.pool = ThreadPoolExecutor(self.config.threads)
        self.iteration = 0

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint; the schedule is this configuration's."""
        self.net.load_state_dict(checkpoint.model)
        self.optimizer.load_state_dict(checkpoint.optimizer)
        self.ema = {k: v.clone() for k, v in checkpoint.ema.items()}
        self.iteration = checkpoint.iteration

    def save(self) -> None:
        """Write the state as last.pt."""
        Checkpoint(
            self.raw, self.net.state_dict(), self.ema, self.optimizer.state_dict(), self.iteration
        ).save(self.out / "last.pt")

    def step(self) -> float:
        """One update of the weights; gives the loss."""
        share = self.config.batch // self.config.threads
        jobs = [
            self.pool.submit(
                replica.run, self.net, self.iteration, range(i * share, (i + 1) * share)
            )
            for i, replica in enumerate(self.replicas)
        ]
        value = float(np.mean([job.result() for job in jobs]))
        self._gather()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, self.iteration)
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self._average()
        return value

    def _gather(self) -> None:
        """Mean of the replicas' gradients and of their batch norms' running statistics."""
        nets = [replica.net for replica in self.replicas]
        for own, *theirs in zip(*(n.parameters() for n in (self.net, *nets)), strict=True):
            # In the weights' own memory layout: optimisers may walk both as plain memory.
            own.grad = torch.zeros_like(own)
            for other in theirs:
                if other.grad is not None:
                    own.grad.add_(other.grad, alpha=1 / len(nets))
        for own, *theirs in zip(*(n.buffers() for n in (self.net, *nets)), strict=True):
            own.copy_(torch.stack([b.float() for b in theirs]).mean(dim=0))

    def _average(self) -> None:
        """Move the averaged weights; early in a fit they follow quickly."""
        keep = min(self.config.ema, (1 + self.iteration) / (10 + self.iteration))
        with torch.no_grad():
            for name, value in self.net.state_dict().items():
                if value.dtype.is_floating_point:
                    self.ema[name].lerp_(value, 1 - keep)
                else:
                    self.ema[name].copy_(value)

    def validate(self) -> dict[str, float]:
        """Median SDR in dB of the averaged weights on the validation clips, by head."""
        if self.validation is None:
            return {}
        net = StudioNet(self.net.config)
        net.load_state_dict(self.ema)
        net = net.to(memory_format=torch.channels_last).eval()
        batch = self.validation
        sdr = []
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            for i in range(len(batch.weights)):
                one = Batch(*(x[i : i + 1] for x in vars(batch).values()))
                sdr.append(median_sdr(net(one.features).float(), one))
        values = torch.nanmedian(torch.stack(sdr), dim=0).values.tolist()
        known = [(h, v) for h, v in zip(HEADS, values, strict=True) if np.isfinite(v)]
        scores = {h: round(v, 2) for h, v in known if h in ("vocals", "drums", "bass")}
        scores["other"] = round(values[-1], 2)
        scores["mean"] = round(float(np.mean(list(scores.values()))), 3)
        return scores

    def run(self, stop: int | None = None) -> None:
        """Fit to the end of the schedule or to iteration `stop`; the log goes to log.jsonl."""
        end = min(stop or self.config.iterations, self.config.iterations)
        started, losses = time.monotonic(), []
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
            if self.iteration % self.config.validate_every == 0 or last:
                record = {
                    "iteration": self.iteration,
                    "minutes": round((time.monotonic() - started) / 60, 2),
                    "loss": round(float(np.mean(losses)), 5),
                    "median_sdr_db": self.validate(),
                }
                losses = []
                bar.write(json.dumps(record))
                with (self.out / "log.jsonl").open("a") as log:
                    log.write(json.dumps(record) + "\n")
        bar.close()


def fit(config: Path, store: Path, out: Path, resume: bool, stop: int | None = None) -> None:
    """Fit as a configuration file says, on a prepared store, into the folder `out`.

    With `stop` the schedule is left at that iteration, for another configuration to go on from.
    """
    raw = read_config(config)
    out.mkdir(parents=True, exist_ok=True)
    run = Fit(raw, read_store(store), out)
    last = out / "last.pt"
    if resume:
        run.resume(Checkpoint.load(last))
    elif last.is_file():
        raise TrainingError(f"{last} exists; go on with --resume or choose another folder")
    run.run(stop)


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
        import sys

        os.environ.update({k: os.environ.get(k, v) for k, v in wanted.items()})
        os.execv(sys.executable, [sys.executable, "-m", "soloist_train.cli", *sys.argv[1:]])
