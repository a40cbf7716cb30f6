"""Heads whose masks have become too small to be learned from."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from soloist_train.bands import SOURCES
from soloist_train.batches import whole_clip
from soloist_train.checkpoint import Checkpoint
from soloist_train.cli import main
from soloist_train.errors import TrainingError
from soloist_train.fit import read_config
from soloist_train.heads import Head, lift, survey, table, warn_of_dead
from soloist_train.model import ModelConfig, StudioNet
from soloist_train.store import Clip, read_store

TINY = Path(__file__).parents[1] / "configs" / "tiny.toml"
PIANO = 2 * SOURCES.index("piano")


class Knows(nn.Module):
    """Gives a clip's own ratio masks, the piano's made smaller by `fall` in its logits."""

    def __init__(self, clip: Clip, fall: float) -> None:
        super().__init__()
        own = whole_clip(clip).own[:, : len(SOURCES)]
        self.logits = torch.log(own / (own.sum(dim=1, keepdim=True) + 1e-9) + 1e-6).flatten(1, 2)
        self.logits[:, PIANO : PIANO + 2] -= fall

    def forward(self, features: Tensor) -> Tensor:
        return self.logits


def by_name(heads: list[Head]) -> dict[str, Head]:
    return {head.name: head for head in heads}


def test_a_dead_head_is_told_from_one_that_is_right(store: Path) -> None:
    clip = next(c for c in read_store(store) if c.kind == "rendered")
    right = by_name(survey(Knows(clip, 0.0), [clip]))
    assert not any(head.dead for head in right.values())
    assert 0.8 < right["piano"].gain < 1.2 and right["piano"].correlation > 0.9
    fallen = by_name(survey(Knows(clip, 20.0), [clip]))
    assert [name for name, head in fallen.items() if head.dead] == ["piano"]
    assert fallen["piano"].level < 0.05 < right["piano"].level
    assert fallen["piano"].correlation > 0.5, "its masks still follow the source"
    assert "| dead |" in table(list(fallen.values()))


def test_sources_that_a_clip_does_not_tell_apart_are_not_judged(store: Path) -> None:
    clip = next(c for c in read_store(store) if c.kind == "musdb")
    net = StudioNet(ModelConfig.from_dict(read_config(TINY)["model"])).eval()
    heads = by_name(survey(net, [clip]))
    assert heads["piano"].clips == 0 and not heads["piano"].dead
    assert heads["accompaniment"].clips == 1
    assert "piano" not in table(list(heads.values()))


def test_a_fit_says_which_sources_it_gave_up(
    store: Path, checkpoint: Checkpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = read_store(store)
    warn_of_dead(checkpoint, clips)
    assert capsys.readouterr().err == ""
    warn_of_dead(lift(checkpoint, {"piano": -8.0}), clips)
    assert "masks of piano are" in capsys.readouterr().err


@pytest.fixture
def checkpoint() -> Checkpoint:
    raw = read_config(TINY)
    weights = StudioNet(ModelConfig.from_dict(raw["model"])).state_dict()
    return Checkpoint(raw, weights, weights, {}, 7, {"0.9": weights})


def test_lifting_moves_one_source_in_all_weights(checkpoint: Checkpoint) -> None:
    found = lift(checkpoint, {"piano": 4.0})
    features = torch.randn(1, 3, 512, 16)
    moved = found.network()(features) - checkpoint.network()(features)
    expected = torch.zeros(12)
    expected[PIANO : PIANO + 2] = 4.0
    torch.testing.assert_close(moved.mean(dim=(0, 2, 3)), expected, rtol=1e-4, atol=1e-4)
    for weights in (found.model, found.averages["0.9"]):
        torch.testing.assert_close(weights["head.bias"], found.ema["head.bias"])
    assert found.iteration == 7
    with pytest.raises(TrainingError, match="flute"):
        lift(checkpoint, {"flute": 1.0})
    with pytest.raises(TrainingError, match="less than 100"):
        lift(checkpoint, {"piano": float("nan")})


def test_the_command_surveys_and_lifts(
    store: Path, tmp_path: Path, checkpoint: Checkpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint.save(tmp_path / "a.pt")
    assert main(["heads", str(tmp_path / "a.pt"), "--store", str(store), "--clips", "2"]) == 0
    assert "| vocals | 2 |" in capsys.readouterr().out
    assert main(["heads", str(tmp_path / "a.pt"), "--store", str(store), "--lift", "piano=2",
                 "-o", str(tmp_path / "b.pt")]) == 0  # fmt: skip
    found = Checkpoint.load(tmp_path / "b.pt")
    expected = lift(checkpoint, {"piano": 2.0}).ema["head.bias"]
    torch.testing.assert_close(found.ema["head.bias"], expected)
    assert main(["heads", str(tmp_path / "a.pt"), "--store", str(store), "--lift", "piano"]) != 0
    assert "piano=4" in capsys.readouterr().err
