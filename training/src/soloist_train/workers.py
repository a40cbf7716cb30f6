"""Gradients of one iteration: by threads on a CPU, or on a device, alone or among processes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from .batches import Examples, to_device
from .distributed import Ranks
from .dropout import seed_dropout
from .errors import TrainingError
from .loss import Batch
from .objective import Objective
from .schedule import FitConfig

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def loss_of(
    config: FitConfig, net: nn.Module, batch: Batch, objective: Objective, iteration: int
) -> torch.Tensor:
    """The scalar to descend, with the network's convolutions in the configured precision."""
    _, stage, _ = config.stage(iteration)
    distance = config.distance if stage.distance is None else stage.distance
    log = config.log if stage.log is None else stage.log
    dtype = DTYPES[config.precision]
    features = batch.features.to(memory_format=torch.channels_last)
    with torch.autocast(features.device.type, dtype=dtype, enabled=config.precision != "fp32"):
        logits = net(features)
        target = objective.target(features)
    return objective(logits, batch, target, distance, log)


class Ahead:
    """Batches that `loaders` threads mix while the network is at work on those before.

    Crops come from disk: a thread that waits for them leaves its core to another.
    """

    def __init__(self, config: FitConfig, examples: Examples, shares: Sequence[range]) -> None:
        self.last = config.iterations - 1
        self.examples = examples
        self.shares = shares
        self.depth = max(config.loaders // len(shares), 1)
        self.pool = ThreadPoolExecutor(config.loaders)
        self.jobs: dict[int, list[Future[Batch]]] = {}

    def batches(self, iteration: int) -> list[Batch]:
        """This iteration's batch, a part for each share of its places."""
        for i in range(iteration, max(min(iteration + self.depth, self.last), iteration) + 1):
            if i not in self.jobs:
                self.jobs[i] = [
                    self.pool.submit(self.examples.batch, i, places) for places in self.shares
                ]
        return [job.result() for job in self.jobs.pop(iteration)]

    def close(self) -> None:
        """End the threads."""
        self.pool.shutdown(cancel_futures=True)


class Replicas:
    """Copies of the network, one for each thread: each runs forward and back on its own.

    Two single-threaded halves of a batch beat one two-threaded batch: the convolutions' own
    barriers spin, which is ruinous as soon as other programs want the cores.
    """

    def __init__(
        self, config: FitConfig, net: nn.Module, examples: Examples, objective: Objective
    ) -> None:
        if config.precision == "fp16":
            raise TrainingError("precision = 'fp16' needs a GPU; bf16 is a CPU's")
        self.config = config
        self.objective = objective
        self.nets = [copy.deepcopy(net) for _ in range(config.threads)]
        self.pool = ThreadPoolExecutor(config.threads)
        share = config.batch // config.threads
        self.shares = [range(i * share, (i + 1) * share) for i in range(config.threads)]
        self.ahead = Ahead(config, examples, self.shares)

    def _run(self, index: int, net: nn.Module, iteration: int, batch: Batch) -> float:
        """Gradients of one replica's examples, with the weights of `net`."""
        torch.set_num_threads(1)
        own = self.nets[index]
        own.load_state_dict(net.state_dict())
        own.train()
        first = self.shares[index].start
        seed_dropout(own, torch.device("cpu"), self.config.seed, iteration, first)
        own.zero_grad()
        value = loss_of(self.config, own, batch, self.objective, iteration)
        value.backward()
        return value.item()

    def gradients(self, net: nn.Module, iteration: int) -> float:
        """Leave the mean gradients in `net`; gives the mean loss."""
        jobs = [
            self.pool.submit(self._run, i, net, iteration, batch)
            for i, batch in enumerate(self.ahead.batches(iteration))
        ]
        value = float(np.mean([job.result() for job in jobs]))
        self._gather(net)
        return value

    def _gather(self, net: nn.Module) -> None:
        """Mean of the replicas' gradients and of their batch norms' running statistics."""
        for own, *theirs in zip(*(n.parameters() for n in (net, *self.nets)), strict=True):
            # In the weights' own memory layout: optimisers may walk both as plain memory.
            own.grad = torch.zeros_like(own)
            for other in theirs:
                if other.grad is not None:
                    own.grad.add_(other.grad, alpha=1 / len(self.nets))
        for own, *theirs in zip(*(n.buffers() for n in (net, *self.nets)), strict=True):
            own.copy_(torch.stack([b.float() for b in theirs]).mean(dim=0))

    def close(self) -> None:
        """End the threads."""
        self.pool.shutdown(cancel_futures=True)
        self.ahead.close()


class DeviceWorker:
    """The network itself on a device. Among several processes each takes its share of the batch
    and torch's DistributedDataParallel averages the gradients; threads mix ahead of time."""

    def __init__(
        self, config: FitConfig, net: nn.Module, examples: Examples, objective: Objective,
        ranks: Ranks,
    ) -> None:  # fmt: skip
        if config.batch % ranks.size:
            raise TrainingError(f"batch = {config.batch} does not divide by {ranks.size} processes")
        self.config = config
        self.objective = objective
        self.ranks = ranks
        share = config.batch // ranks.size
        self.places = range(ranks.rank * share, (ranks.rank + 1) * share)
        self.scaler = torch.amp.GradScaler(ranks.device.type, enabled=config.precision == "fp16")
        # Running statistics are averaged after each update instead of copied from rank 0.
        self.module = (
            DistributedDataParallel(net, broadcast_buffers=False) if ranks.size > 1 else net
        )
        self.ahead = Ahead(config, examples, [self.places])
        if ranks.device.type == "cpu":
            torch.set_num_threads(1 if ranks.size > 1 else config.threads)

    def gradients(self, net: nn.Module, iteration: int) -> float:
        """Leave the mean gradients in `net` (times the scaler's scale); gives the mean loss."""
        batch = to_device(self.ahead.batches(iteration)[0], self.ranks.device)
        self.module.train()
        seed_dropout(net, self.ranks.device, self.config.seed, iteration, self.places.start)
        self.module.zero_grad()
        value = loss_of(self.config, self.module, batch, self.objective, iteration)
        self.scaler.scale(value).backward()
        self.ranks.average_buffers(net)
        return self.ranks.mean([value.item()])[0]

    def close(self) -> None:
        """End the threads."""
        self.ahead.close()
