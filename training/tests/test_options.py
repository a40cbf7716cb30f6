"""Options of a fit: stages, teachers, unsure masks, averages, TensorBoard."""

import math
from pathlib import Path

import pytest
import torch

from soloist_train.averaging import MovingAverages, average, estimate_norms, mean_weights
from soloist_train.bands import SOURCES
from soloist_train.batches import Examples
from soloist_train.checkpoint import Checkpoint
from soloist_train.errors import TrainingError
from soloist_train.fit import Fit, FitConfig, learning_rate, read_config
from soloist_train.layers import Memory
from soloist_train.model import ModelConfig, StudioNet
from soloist_train.objective import Objective, Teachers, confidence, soft_loss
from soloist_train.schedule import DistillConfig
from soloist_train.store import read_store

TINY = Path(__file__).parents[1] / "configs" / "tiny.toml"
CPU = torch.device("cpu")


@pytest.fixture
def one_batch(store: Path) -> Examples:
    raw = read_config(TINY)
    return Examples(read_store(store), raw["mix"], FitConfig.from_dict(raw["fit"]))


def test_each_stage_has_its_schedule_mix_and_loss(store: Path) -> None:
    table = {"frames": 64, "batch": 2, "stages": [
        {"iterations": 10, "rate": 1.0, "warmup": 2, "mix": {"real_song": 0.0}},
        {"iterations": 5, "rate": 0.1, "log": 0.5},
    ]}  # fmt: skip
    config = FitConfig.from_dict(table)
    assert config.iterations == 15
    rates = [learning_rate(config, i) for i in range(15)]
    assert rates[:3] == [0.5, 1.0, 1.0] and rates[9] < 0.2 and rates[10] == pytest.approx(0.1)
    assert [config.stage(i)[0] for i in (0, 9, 10, 14, 99)] == [0, 0, 1, 1, 1]
    assert config.stage(12)[1].log == 0.5
    first, second = Examples(read_store(store), {}, config).mixers
    assert "real_song" not in first.modes and "real_song" in second.modes
    with pytest.raises(TrainingError, match="remove them"):
        FitConfig.from_dict({**table, "rate": 1.0})
    with pytest.raises(TrainingError, match=r"unknown keys in \[\[fit.stages\]\]"):
        FitConfig.from_dict({"stages": [{"iterations": 1, "rate": 1, "speed": 2}]})


def test_soft_loss_is_smallest_at_the_teachers_masks() -> None:
    torch.manual_seed(0)
    teacher = torch.randn(2, 12, 8, 4)
    mix = torch.rand(2, 2, 8, 4)
    target = torch.softmax(teacher.view(2, 6, 2, 8, 4) / 2.0, dim=1)
    logits = teacher.clone().requires_grad_()
    soft_loss(logits, target, mix, 2.0).backward()
    assert float(logits.grad.abs().max()) < 1e-6
    at_teacher = soft_loss(teacher, target, mix, 2.0)
    for _ in range(5):
        assert soft_loss(teacher + torch.randn_like(teacher), target, mix, 2.0) > at_teacher


def test_confidence_is_the_negative_entropy() -> None:
    mix = torch.rand(1, 2, 8, 4) + 0.1
    equal = confidence(torch.zeros(1, 12, 8, 4), mix)
    assert float(equal) == pytest.approx(-math.log(len(SOURCES)), rel=1e-3)
    sure = torch.zeros(1, 6, 2, 8, 4)
    sure[:, 1] = 40.0
    assert float(confidence(sure.view(1, 12, 8, 4), mix)) == pytest.approx(0.0, abs=1e-4)


def test_teachers_pull_towards_their_mean_mask(one_batch: Examples, tmp_path: Path) -> None:
    raw = read_config(TINY)
    paths = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        state = StudioNet(ModelConfig.from_dict(raw["model"])).state_dict()
        paths.append(str(tmp_path / f"{seed}.pt"))
        Checkpoint(raw, state, state, {}, 1).save(Path(paths[-1]))
    config = DistillConfig.from_dict({"teachers": paths, "weight": 2.0})
    objective = Objective(0.0, config, CPU)
    batch = one_batch.batch(0, range(2))
    target = objective.target(batch.features)
    each = [Teachers([net], 1.0).masks(batch.features) for net in objective.teachers.nets]
    torch.testing.assert_close(target, (each[0] + each[1]) / 2)
    logits = torch.zeros(2, 12, 512, 64)
    without = Objective(0.0, None, CPU)
    added = objective(logits, batch, target, 0.2, 0.02) - without(logits, batch, None, 0.2, 0.02)
    assert float(added) == pytest.approx(
        2 * float(soft_loss(logits, target, batch.mix, 1.0)), rel=1e-3
    )
    with pytest.raises(TrainingError, match="needs teachers"):
        DistillConfig.from_dict({"weight": 1.0})


def test_distillation_fits_and_resumes(store: Path, tmp_path: Path) -> None:
    raw = read_config(TINY)
    state = StudioNet(ModelConfig.from_dict(raw["model"])).state_dict()
    Checkpoint(raw, state, state, {}, 1).save(tmp_path / "teacher.pt")
    raw["distill"] = {"teachers": [str(tmp_path / "teacher.pt")]}
    raw["fit"] |= {"iterations": 1, "confidence": 0.01}
    Fit(raw, read_store(store), tmp_path).run(tensorboard=False)
    assert Checkpoint.load(tmp_path / "last.pt").iteration == 1


def test_moving_averages_of_several_rates() -> None:
    net = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(net.weight)
    averages = MovingAverages(net, (0.5, 0.9))
    torch.nn.init.ones_(net.weight)
    averages.update(net, iteration=1000)
    assert [round(float(w["weight"]), 3) for w in averages.weights] == [0.5, 0.1]
    assert list(averages.others()) == ["0.9"]
    averages.update(net, iteration=0)  # early, averages follow quickly
    assert float(averages.weights[1]["weight"]) > 0.9


def test_the_mean_of_weights_has_its_own_norms(one_batch: Examples) -> None:
    with pytest.raises(TrainingError, match="different shapes"):
        mean_weights([{"w": torch.zeros(2)}, {"w": torch.zeros(3)}])
    raw = read_config(TINY)
    states = [StudioNet(ModelConfig.from_dict(raw["model"])).state_dict() for _ in range(2)]
    mean = mean_weights(states)
    name = "stem.conv.weight"
    torch.testing.assert_close(mean[name], (states[0][name] + states[1][name]) / 2)
    net = StudioNet(ModelConfig.from_dict(raw["model"]))
    net.load_state_dict(mean)
    estimate_norms(net, one_batch, batches=2)
    seen = torch.cat([net.stem.conv(one_batch.batch(i, range(2)).features) for i in range(2)])
    found, expected = net.stem.norm.running_mean, seen.mean(dim=(0, 2, 3))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    assert net.stem.norm.momentum == 0.1 and not net.training


def test_the_mean_of_weights_may_keep_the_mean_of_norms(tmp_path: Path) -> None:
    raw = read_config(TINY)
    states = [StudioNet(ModelConfig.from_dict(raw["model"])).state_dict() for _ in range(2)]
    name = "stem.norm.running_mean"
    states[1][name] += 1.0
    paths = [tmp_path / "0.pt", tmp_path / "1.pt"]
    for path, state in zip(paths, states, strict=True):
        Checkpoint(raw, state, state, {}, 1).save(path)
    average(paths, [], tmp_path / "mean.pt", batches=0)
    mean = Checkpoint.load(tmp_path / "mean.pt").ema
    torch.testing.assert_close(mean[name], (states[0][name] + states[1][name]) / 2)


def test_shares_weigh_a_mean_and_want_no_memories(tmp_path: Path) -> None:
    raw = read_config(TINY)
    remembers = {**raw, "model": {**raw["model"], "memory": [1]}}
    nets = [StudioNet(ModelConfig.from_dict(r["model"])).eval() for r in (remembers, raw)]
    for module in nets[0].modules():
        if isinstance(module, Memory):
            torch.nn.init.normal_(module.widen.weight)
    states = [net.state_dict() for net in nets]
    name = "stem.conv.weight"
    mean = mean_weights(states, [3.0, 1.0])
    expected = 0.75 * states[0][name] + 0.25 * states[1][name]
    torch.testing.assert_close(mean[name], expected)
    nets[0].load_state_dict(mean_weights(states, [0.0, 2.0]))
    x = torch.randn(1, 3, 512, 64)
    with torch.inference_mode():
        torch.testing.assert_close(nets[0](x), nets[1](x))
    for shares in ([1.0], [1.0, -0.1], [0.0, 0.0], [1.0, float("nan")]):
        with pytest.raises(TrainingError, match=r"shares \[.*expected 2"):
            mean_weights(states, shares)


def test_tensorboard_gets_scalars(store: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the `tensorboard` extra")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    raw = read_config(TINY)
    raw["fit"] |= {"iterations": 2, "validate_every": 2}
    Fit(raw, read_store(store), tmp_path).run(tensorboard=True)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    tags = set(events.Tags()["scalars"])
    assert {"loss", "rate", "gradient_norm", "median_sdr_db/vocals"} <= tags
    assert [e.step for e in events.Scalars("loss")] == [1, 2]
