"""Many processes, and the path of a GPU on a CPU, against the threads of one process."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from soloist_train.checkpoint import Checkpoint
from soloist_train.distributed import Ranks, choose_device
from soloist_train.errors import TrainingError
from soloist_train.fit import Fit, read_config
from soloist_train.store import read_store

HERE = Path(__file__).parent
TINY = HERE.parent / "configs" / "tiny.toml"


def two_shares() -> dict:
    config = read_config(TINY)
    config["fit"] |= {"threads": 2, "batch": 4, "iterations": 4, "save_every": 4}
    return config


def losses_of(run: Fit) -> list[float]:
    losses = []
    for _ in range(4):
        losses.append(run.step())
        run.iteration += 1
    return losses


@pytest.fixture(scope="module")
def threads(store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Fit, list[float]]:
    run = Fit(two_shares(), read_store(store), tmp_path_factory.mktemp("threads"))
    return run, losses_of(run)


def test_two_processes_fit_what_two_threads_do(
    threads: tuple[Fit, list[float]], store: Path, tmp_path: Path
) -> None:
    text = TINY.read_text()
    for old, new in {"batch = 2": "batch = 4", "threads = 1": "threads = 2",
                     "iterations = 12": "iterations = 4"}.items():  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    config = tmp_path / "config.toml"
    config.write_text(text)
    script = str(HERE / "torchrun_fit.py")
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         script, str(config), str(store), str(tmp_path)],
        check=True, timeout=1200, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    first, second = (torch.load(tmp_path / f"rank-{i}.pt") for i in range(2))
    for name, value in first["model"].items():
        assert torch.equal(value, second["model"][name]), name
    run, losses = threads
    assert first["losses"] == second["losses"]
    np.testing.assert_allclose(first["losses"], losses, rtol=1e-5)
    for name, value in run.net.state_dict().items():
        torch.testing.assert_close(first["model"][name], value, rtol=1e-3, atol=1e-5)
    # Only the first process writes, and what it wrote is an ordinary checkpoint.
    assert Checkpoint.load(tmp_path / "last.pt").iteration == 4
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 1


def test_the_device_path_runs_on_a_cpu_in_every_precision(store: Path, tmp_path: Path) -> None:
    ranks = Ranks(torch.device("cpu"), launched=True)
    losses = {}
    for precision in ("bf16", "fp16", "fp32"):
        config = two_shares()
        config["fit"] |= {"precision": precision, "batch": 1, "threads": 1}
        run = Fit(config, read_store(store), tmp_path, ranks)
        before = {k: v.clone() for k, v in run.net.named_parameters()}
        losses[precision] = run.step()
        assert any(not torch.equal(v, before[k]) for k, v in run.net.named_parameters())
        run.save()
        run.worker.close()
        again = Fit(config, read_store(store), tmp_path, ranks)
        again.resume(Checkpoint.load(tmp_path / "last.pt"))
        assert again.worker.scaler.state_dict() == run.worker.scaler.state_dict()
        again.worker.close()
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.02)
    assert losses["fp16"] == pytest.approx(losses["fp32"], rel=0.02)
    replica = Fit(config, read_store(store), tmp_path)
    assert replica.step() == pytest.approx(losses["fp32"], rel=1e-4)


def test_devices_that_are_not_there_are_refused() -> None:
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(TrainingError, match="auto is needed"):
        choose_device("toaster")
    if not torch.cuda.is_available():
        assert choose_device("auto").type == "cpu"
        with pytest.raises(TrainingError, match="no CUDA GPU"):
            choose_device("cuda")


def test_a_batch_must_divide_among_the_processes(store: Path, tmp_path: Path) -> None:
    ranks = Ranks(torch.device("cpu"), rank=0, size=3, launched=True)
    with pytest.raises(TrainingError, match="does not divide by 3 processes"):
        Fit(two_shares(), read_store(store), tmp_path, ranks)
