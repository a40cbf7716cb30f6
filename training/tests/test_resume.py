"""Runs that are killed, stopped or find a damaged file go on as if nothing had happened."""

import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from soloist_train.checkpoint import Checkpoint
from soloist_train.dropout import SeededDropout, own_dropout, seed_dropout
from soloist_train.errors import TrainingError
from soloist_train.fit import Fit, fit, read_config
from soloist_train.store import read_store

TINY = Path(__file__).parents[1] / "configs" / "tiny.toml"


def config(**changes: object) -> dict:
    raw = read_config(TINY)
    raw["fit"] |= {"save_every": 2, "validate_every": 3, "ema": [0.99, 0.9], **changes}
    return raw


@pytest.fixture(scope="module")
def whole(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    fit(config(), store, out, resume=False)
    return out


def child(store: Path, out: Path) -> multiprocessing.Process:
    """A fit in a process of its own, which a server with torch already loaded forks."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["soloist_train.fit"])
    resume = (out / "last.pt").is_file() or (out / "previous.pt").is_file()
    process = context.Process(target=fit, args=(config(), store, out, resume))
    process.start()
    return process


def time_of_last_checkpoint(out: Path) -> int | None:
    """None also in the moment in which `last.pt` becomes `previous.pt`."""
    try:
        return (out / "last.pt").stat().st_mtime_ns
    except FileNotFoundError:
        return None


def wait_for_a_checkpoint(process: multiprocessing.Process, out: Path) -> None:
    before = time_of_last_checkpoint(out)
    deadline = time.monotonic() + 120
    while process.is_alive() and time.monotonic() < deadline:
        if time_of_last_checkpoint(out) not in (None, before):
            return
        time.sleep(0.002)


def records(out: Path) -> list[dict]:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "minutes"} for line in lines]


def assert_same(a: Path, b: Path) -> None:
    one, other = Checkpoint.load(a / "last.pt"), Checkpoint.load(b / "last.pt")
    assert one.iteration == other.iteration
    for states in [(one.model, other.model), (one.ema, other.ema),
                   (one.averages["0.9"], other.averages["0.9"])]:  # fmt: skip
        for name, value in states[0].items():
            assert torch.equal(value, states[1][name]), name
    assert records(a) == records(b)


def test_a_run_killed_at_random_moments_ends_with_the_same_bits(
    whole: Path, store: Path, tmp_path: Path
) -> None:
    rng = random.Random()  # other moments in every run of this test
    for _ in range(4):
        process = child(store, tmp_path)
        wait_for_a_checkpoint(process, tmp_path)
        time.sleep(rng.uniform(0.0, 0.3))
        process.kill()
        process.join()
    process = child(store, tmp_path)
    process.join(600)
    assert process.exitcode == 0
    assert_same(whole, tmp_path)


def test_sigterm_saves_and_ends(whole: Path, store: Path, tmp_path: Path) -> None:
    run = Fit(config(), read_store(store), tmp_path)
    step = run.step

    def interrupted() -> float:
        if run.iteration == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return step()

    run.step = interrupted  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match="SIGTERM at iteration 5; it is saved"):
        run.run()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    fit(config(), store, tmp_path, resume=True)
    assert_same(whole, tmp_path)


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_damaged_checkpoint_falls_back_to_the_previous_one(
    whole: Path, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("last.pt", "previous.pt"):
        (tmp_path / name).write_bytes((whole / name).read_bytes())
    raw = bytearray((tmp_path / "last.pt").read_bytes())
    if damage == "cut":
        (tmp_path / "last.pt").write_bytes(raw[: len(raw) // 2])
    elif damage == "flipped":
        raw[len(raw) // 2] ^= 4
        (tmp_path / "last.pt").write_bytes(raw)
    else:
        (tmp_path / "last.pt").unlink()
    assert Checkpoint.latest(tmp_path).iteration == 10
    assert "going on from previous.pt at iteration 10" in capsys.readouterr().err
    (tmp_path / "previous.pt").unlink()
    with pytest.raises(TrainingError, match=r"last\.pt"):
        Checkpoint.latest(tmp_path)


def test_a_run_of_another_network_is_refused_in_words(
    whole: Path, store: Path, tmp_path: Path
) -> None:
    raw = config()
    raw["model"] = {**raw["model"], "widest": 2 * raw["model"].get("widest", 16)}
    run = Fit(raw, read_store(store), tmp_path)
    with pytest.raises(TrainingError, match="another network"):
        run.resume(Checkpoint.load(whole / "last.pt"))


def test_the_best_weights_are_kept_and_begin_another_run(
    whole: Path, store: Path, tmp_path: Path
) -> None:
    best = Checkpoint.load(whole / "best.pt")
    log = records(whole)
    means = [r["median_sdr_db"]["mean"] for r in log]
    others = [r["other_averages"]["0.9"] for r in log]
    assert best.progress["score_db"] == max(means + others)
    with pytest.raises(TrainingError, match="--init"):
        Fit(config(), read_store(store), tmp_path).resume(best)
    run = Fit(config(), read_store(store), tmp_path)
    run.begin_from(best)
    assert run.iteration == 0
    for name, value in best.ema.items():
        assert torch.equal(run.net.state_dict()[name], value)
    wide = config()
    wide["model"] = {**wide["model"], "base": 8}
    with pytest.raises(TrainingError, match="another shape"):
        Fit(wide, read_store(store), tmp_path).begin_from(best)


def test_half_written_log_lines_are_cut_off(whole: Path, tmp_path: Path) -> None:
    from soloist_train.journal import Journal, read_log

    lines = (whole / "log.jsonl").read_text()
    (tmp_path / "log.jsonl").write_text(lines + '{"iteration": 15, "lo')
    Journal(tmp_path, tensorboard=False, iteration=7)
    assert [r["iteration"] for r in read_log(tmp_path)] == [3, 6]


def test_dropout_repeats_itself_by_seed() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Dropout2d(0.5), nn.Sequential(nn.Dropout(0.25)))
    own_dropout(net)
    assert isinstance(net[1], SeededDropout) and net[1].channels and not net[2][0].channels
    x, cpu = torch.ones(4, 3, 8, 8), torch.device("cpu")
    outputs = []
    for iteration in (1, 2, 1):
        seed_dropout(net, cpu, 7, iteration)
        outputs.append(net(x))
    assert torch.equal(outputs[0], outputs[2]) and not torch.equal(outputs[0], outputs[1])
    seed_dropout(net, cpu, 1)
    ones = net[1](torch.ones(2000, 8, 2, 2))
    assert set(ones.unique().tolist()) == {0.0, 2.0} and abs(float(ones.mean()) - 1) < 0.05
    assert torch.equal(ones[:, :, :1, :1].expand_as(ones), ones)
    net.eval()
    assert torch.equal(net(x), net[0](x))
