"""What a network sees of time: derived from its connections, checked against its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from soloist_train import bands
from soloist_train.errors import TrainingError
from soloist_train.export import export_onnx, session
from soloist_train.layers import Memory
from soloist_train.model import IN_CHANNELS, ModelConfig, StudioNet
from soloist_train.reach import check_context, time_reach

SMALL = {"base": 4, "widest": 8}


def test_each_level_reaches_further_and_a_window_begins_otherwise_than_it_ends() -> None:
    found = [time_reach(StudioNet(ModelConfig(levels=n, **SMALL))) for n in (1, 2, 3)]
    contexts = [r.context or 0 for r in found]
    assert 0 < contexts[0] < contexts[1] < contexts[2]
    # Strided convolutions stand over their cells' first frames, so that they see more past than
    # future. These are the shipped shape's.
    assert (found[2].context, found[2].future) == (63, 47)


def test_memories_look_back_as_far_as_their_dilations_and_not_ahead() -> None:
    plain = time_reach(StudioNet(ModelConfig(**SMALL)))
    found = time_reach(StudioNet(ModelConfig(memory=(1,), memory_steps=(1, 2), **SMALL)))
    # On the way down and on the way up: 2 * (1 + 2) cells of 4 frames each. What reached back least
    # of the ways through the network may lie some frames nearer the edge than another one does.
    assert found.future == plain.future
    assert plain.context is not None and found.context is not None
    assert 48 <= found.context - plain.context < 48 + 16


@pytest.mark.parametrize("memory", [{}, {"memory": (0, 2), "memory_steps": (1, 2)}])
def test_derived_reach_is_what_perturbing_a_random_network_shows(memory: dict[str, Any]) -> None:
    torch.manual_seed(1)
    net = StudioNet(ModelConfig(**SMALL, **memory))
    for module in net.modules():
        if isinstance(module, Memory):
            nn.init.normal_(module.widen.weight)
    # Norms of a network that was fitted are no identity.
    net(torch.randn(2, IN_CHANNELS, bands.NUM_BANDS, 64))
    net.eval().double()
    reach = time_reach(net)
    assert reach.context is not None and reach.future is not None
    frames, edge = 480, 160
    x = torch.randn(1, IN_CHANNELS, bands.NUM_BANDS, frames, dtype=torch.double)
    with torch.inference_mode():
        base = net(x)
        before, after = x.clone(), x.clone()
        before[..., :edge] += 1.0
        after[..., edge:] += 1.0
        past = (net(before) - base).abs().amax((0, 1, 2)).numpy() > 0
        future = (net(after) - base).abs().amax((0, 1, 2)).numpy() > 0
    assert np.flatnonzero(past).max() + 1 - edge == reach.context
    assert edge - np.flatnonzero(future).min() == reach.future


def test_an_exported_network_gives_the_same_in_a_short_window_and_a_wrong_context_is_refused(
    tmp_path: Path,
) -> None:
    torch.manual_seed(2)
    net = StudioNet(ModelConfig(**SMALL)).eval()
    export_onnx(net, tmp_path / "model.onnx")
    run = session(tmp_path / "model.onnx")
    context = time_reach(net).context
    assert context is not None
    assert check_context(run, context) <= 1e-5
    with pytest.raises(TrainingError, match="changes logits after its first 8 by"):
        check_context(run, 8)
