"""One process, or many that torchrun started; on a CPU or on GPUs."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist

from .errors import TrainingError


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """The device of a configuration: cpu, cuda, cuda:N, or auto."""
    has_gpu = torch.cuda.is_available()
    if name == "auto":
        name = "cuda" if has_gpu else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise TrainingError(f"device = {name!r}: cpu, cuda, cuda:N or auto is needed") from error
    if device.type == "cuda":
        if not has_gpu:
            raise TrainingError(f"device = {name!r}, but torch finds no CUDA GPU here")
        return torch.device("cuda", device.index if device.index is not None else local_rank)
    return device


@dataclass(frozen=True)
class Ranks:
    """This process's place among the processes of a run; alone it is rank 0 of 1."""

    device: torch.device
    rank: int = 0
    size: int = 1
    launched: bool = False
    """Whether torchrun started it; then the replicas are processes, not threads."""

    @staticmethod
    def start(device: str) -> Ranks:
        """Join the processes that torchrun's variables name, if any."""
        if "TORCHELASTIC_RUN_ID" not in os.environ and "WORLD_SIZE" not in os.environ:
            return Ranks(choose_device(device))
        found = choose_device(device, int(os.environ.get("LOCAL_RANK", "0")))
        if found.type == "cuda":
            torch.cuda.set_device(found)
        if not dist.is_initialized():
            dist.init_process_group("nccl" if found.type == "cuda" else "gloo")
        return Ranks(found, dist.get_rank(), dist.get_world_size(), launched=True)

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def mean(self, values: list[float]) -> list[float]:
        """The mean over processes of each value."""
        if self.size == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        return (tensor / self.size).tolist()

    def average_buffers(self, module: torch.nn.Module) -> None:
        """Give all processes the mean of their batch norms' running statistics."""
        buffers = [b for b in module.buffers() if b.is_floating_point()]
        if self.size == 1 or not buffers:
            return
        flat = torch.cat([b.flatten() for b in buffers])
        dist.all_reduce(flat)
        parts = torch.split(flat / self.size, [b.numel() for b in buffers])
        for buffer, part in zip(buffers, parts, strict=True):
            buffer.copy_(part.view_as(buffer))

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier()

    def finish(self) -> None:
        """Leave the group of processes."""
        if self.launched and dist.is_initialized():
            dist.destroy_process_group()
