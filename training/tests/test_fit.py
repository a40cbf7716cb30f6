"""A tiny fit, its checkpoints, and the network's export."""

import json
import tomllib
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import nn

from soloist_train import bands, half
from soloist_train.batches import Examples
from soloist_train.checkpoint import Checkpoint
from soloist_train.cli import main
from soloist_train.errors import TrainingError
from soloist_train.export import Exported, export, session
from soloist_train.fit import Fit, FitConfig, fit, learning_rate, read_config
from soloist_train.fixtures import fixture_audio
from soloist_train.layers import BandMix, Memory
from soloist_train.model import ModelConfig, StudioNet
from soloist_train.predict import load_network, separate
from soloist_train.reach import time_reach
from soloist_train.store import read_store
from soloist_train.workers import Ahead

TINY = Path(__file__).parents[1] / "configs" / "tiny.toml"


@pytest.fixture(scope="module")
def fitted(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    fit(TINY, store, out, resume=False)
    return out


def test_two_epochs_bring_the_loss_down(fitted: Path) -> None:
    log = [json.loads(line) for line in (fitted / "log.jsonl").read_text().splitlines()]
    assert [r["iteration"] for r in log] == [6, 12]
    assert log[1]["loss"] < log[0]["loss"]
    heads = {"vocals", "drums", "bass", "other"}
    assert set(log[1]["median_sdr_db"]) == {*heads, "mean", "clip_mean"}


def test_a_resumed_fit_equals_an_uninterrupted_one(
    fitted: Path, store: Path, tmp_path: Path
) -> None:
    clips = read_store(store)
    first = Fit(read_config(TINY), clips, tmp_path)
    while first.iteration < 5:
        first.step()
        first.iteration += 1
    first.save()
    second = Fit(read_config(TINY), clips, tmp_path)
    second.resume(Checkpoint.load(tmp_path / "last.pt"))
    second.run()
    expected = Checkpoint.load(fitted / "last.pt")
    found = Checkpoint.load(tmp_path / "last.pt")
    for name, value in expected.ema.items():
        torch.testing.assert_close(found.ema[name], value, rtol=1e-3, atol=1e-4)


def test_existing_checkpoints_are_not_overwritten(fitted: Path, store: Path) -> None:
    with pytest.raises(TrainingError, match="--resume"):
        fit(TINY, store, fitted, resume=False)


def test_schedule_warms_up_and_falls() -> None:
    config = FitConfig(iterations=100, warmup=10, rate=1.0)
    rates = [learning_rate(config, i) for i in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0)
    assert rates[99] < 0.02


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"frames": 100}, "multiple of 32"),
        ({"speed": 1}, "unknown keys"),
        ({"batch": 3, "threads": 2}, "does not divide"),
    ],
)
def test_bad_configurations_are_refused(table: dict[str, int], sentence: str) -> None:
    with pytest.raises(TrainingError, match=sentence):
        FitConfig.from_dict(table)


def test_a_network_without_memories_is_fitted_on_with_them(
    store: Path, fitted: Path, tmp_path: Path
) -> None:
    raw = read_config(TINY)
    before = Checkpoint.load(fitted / "last.pt")
    raw["model"] = {**raw["model"], "memory": [1]}
    run = Fit(raw, read_store(store), tmp_path)
    run.begin_from(before)
    x = torch.randn(1, 3, 512, 64)
    with torch.inference_mode():
        torch.testing.assert_close(run.net.eval()(x), before.network()(x))
    run.step()
    moved = [p for n, p in run.net.named_parameters() if n.endswith("memory.widen.weight")]
    assert len(moved) == 2 and all(p.abs().max() > 0 for p in moved)
    run.worker.close()
    back = Fit(read_config(TINY), read_store(store), tmp_path)
    with pytest.raises(TrainingError, match="another shape: "):
        back.begin_from(
            Checkpoint(raw, run.net.state_dict(), run.net.state_dict(), {}, run.iteration)
        )
    back.worker.close()


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"memory": [4]}, "levels are 0 to 3"),
        ({"memory": [1], "memory_steps": [0]}, "at least 1"),
    ],
)
def test_bad_shapes_are_refused(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TrainingError, match=sentence):
        ModelConfig.from_dict(table)


def test_folding_keeps_the_output() -> None:
    torch.manual_seed(0)
    net = StudioNet(ModelConfig(widest=32, memory=(1,)))
    for module in net.modules():
        if isinstance(module, Memory):
            nn.init.normal_(module.widen.weight)
    for _ in range(2):
        net(torch.randn(2, 3, 512, 32))
    net.eval()
    x = torch.randn(1, 3, 512, 64)
    with torch.inference_mode():
        torch.testing.assert_close(net.folded()(x), net(x), rtol=1e-4, atol=1e-4)


def test_a_band_mix_joins_the_bands_of_a_frame() -> None:
    torch.manual_seed(1)
    mix = BandMix(16, 2)
    x = torch.randn(3, 5, 16, 7).to(memory_format=torch.channels_last).requires_grad_()
    plain = x + torch.einsum(
        "bh,nchf->ncbf",
        mix.expand,
        torch.relu(torch.einsum("hb,ncbf->nchf", mix.squeeze, x)),
    )
    torch.testing.assert_close(mix(x), plain)
    wanted = torch.autograd.grad(plain.square().sum(), [x, mix.squeeze, mix.expand])
    found = torch.autograd.grad(mix(x).square().sum(), [x, mix.squeeze, mix.expand])
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_a_memory_is_the_same_network_fitted_and_exported() -> None:
    torch.manual_seed(2)
    memory = Memory(6, 16, 4, 12, (1, 2), 0.0)
    nn.init.normal_(memory.widen.weight)
    x = torch.randn(3, 6, 16, 9).to(memory_format=torch.channels_last)
    results = []
    for exporting in (True, False):
        for p in memory.parameters():
            p.grad = None
        with patch("torch.compiler.is_exporting", return_value=exporting):
            y = memory(x)
        y.square().sum().backward()
        results.append([y.detach(), *(p.grad for p in memory.parameters())])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)


def test_batches_mixed_ahead_are_those_of_their_iterations(store: Path) -> None:
    config = FitConfig(iterations=4, batch=4, frames=32, loaders=3)
    examples = Examples(read_store(store), {}, config)
    shares = [range(0, 1), range(1, 4)]
    ahead = Ahead(config, examples, shares)
    for iteration in (1, 2, 3):  # the last has nothing after it
        for part, places in zip(ahead.batches(iteration), shares, strict=True):
            alone = examples.batch(iteration, places)
            torch.testing.assert_close(part.features, alone.features, rtol=0, atol=0)
    assert not ahead.jobs
    ahead.close()


@pytest.fixture(scope="module")
def exported(fitted: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Exported]:
    folder = tmp_path_factory.mktemp("exported")
    scores = folder / "scores.json"
    scores.write_text(json.dumps({"data": "d", "metric": "m", "median_db": {"vocals": 1.5}}))
    checkpoint = Checkpoint.load(fitted / "last.pt")
    found = export(checkpoint, folder / "model", folder / "fixtures", scores)
    return folder, found


def test_export_writes_a_card_and_an_equal_network(
    exported: tuple[Path, Exported], fitted: Path
) -> None:
    folder, found = exported
    assert found.worst < 1e-4 and found.half_change is None
    card = tomllib.loads((folder / "model" / "card.toml").read_text())
    assert card["model"]["name"] == "tiny" and len(card["model"]["sha256"]) == 64
    context = time_reach(Checkpoint.load(fitted / "last.pt").network()).context
    window = {"frames": 640, "dynamic": True, "multiple": 32, "context": context}
    assert card["window"] == window and context is not None
    assert card["scores"] == [{"data": "d", "metric": "m", "source": "vocals", "value_db": 1.5}]
    assert not any(
        word in (folder / "model" / "model.onnx").read_bytes()
        for word in (b"site-packages", str(folder).encode())
    )


def test_fixtures_lead_from_the_signal_to_the_stems(exported: tuple[Path, Exported]) -> None:
    folder, _ = exported
    files = list((folder / "fixtures").iterdir())
    assert sum(p.stat().st_size for p in files) < 1_500_000
    arrays = {p.stem: np.load(p) for p in files if p.suffix == ".npy"}
    features = bands.features(bands.stft(fixture_audio()))
    run = session(folder / "model" / "model.onnx")
    again = run.run(["mask_logits"], {"features": features[None]})[0][0]
    np.testing.assert_allclose(again[:, :, ::8], arrays["logits"], atol=1e-5)
    raised = np.exp(arrays["logits"].reshape(6, 2, 512, 8))
    np.testing.assert_allclose(arrays["masks"], raised / raised.sum(axis=0), atol=1e-6)
    np.testing.assert_allclose(arrays["stems"].sum(axis=0), fixture_audio()[:, ::16], atol=1e-5)


def test_weights_of_16_bits_halve_the_file_and_hardly_change_masks(
    exported: tuple[Path, Exported], fitted: Path, tmp_path: Path
) -> None:
    found = export(Checkpoint.load(fitted / "last.pt"), tmp_path, store_half=True)
    assert found.worst < 1e-4 and found.half_change is not None and 0 < found.half_change < 0.01
    small, full = ((p / "model.onnx").stat().st_size for p in (tmp_path, exported[0] / "model"))
    assert small < 0.65 * full
    card = tomllib.loads((tmp_path / "card.toml").read_text())
    assert card["model"]["description"].endswith("; weights stored as fp16")


def test_values_beyond_fp16_are_refused() -> None:
    net = torch.nn.Linear(40, 40)
    torch.nn.init.constant_(net.weight, 1e5)
    with pytest.raises(TrainingError, match="65504"):
        half.round_weights(net)


def test_separated_stems_sum_to_the_mix(fitted: Path) -> None:
    network = load_network(fitted / "last.pt")
    mix = fixture_audio()
    for as_engine in (True, False):
        stems = separate(network, mix, as_engine)
        assert list(stems) == list(bands.SOURCES)
        assert np.abs(sum(stems.values()) - mix).max() < 1e-4


def test_the_command_line_explains_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(tmp_path / "none.pt"), "-o", str(tmp_path)]) == 1
    assert "no checkpoint at" in capsys.readouterr().err
