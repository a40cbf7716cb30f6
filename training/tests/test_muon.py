"""The Muon optimiser."""

from __future__ import annotations

import copy

import torch
from torch import nn

from soloist_train.model import ModelConfig, StudioNet
from soloist_train.muon import Muon, orthogonalised


def test_singular_values_come_near_one_in_both_orientations() -> None:
    generator = torch.Generator().manual_seed(1)
    for shape in ((24, 96), (96, 24)):
        matrix = torch.randn(shape, generator=generator)
        # Condition number of about 30: plain normalisation would leave it as it is.
        u, s, v = torch.linalg.svd(matrix, full_matrices=False)
        spread = u @ torch.diag(torch.logspace(0, -1.5, len(s))) @ v
        values = torch.linalg.svdvals(orthogonalised(spread))
        assert values.min() > 0.3 and values.max() < 1.4


def test_it_fits_a_linear_map_that_it_steps_towards() -> None:
    generator = torch.Generator().manual_seed(2)
    net = nn.Sequential(nn.Linear(16, 16), nn.Linear(16, 16))
    wanted = torch.randn(16, 16, generator=generator)
    optimizer = Muon(net, 0.02, 0.0)
    losses = []
    for _ in range(300):
        x = torch.randn(64, 16, generator=generator)
        loss = (net(x) - x @ wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]


def test_stem_head_norms_and_biases_are_left_to_adam() -> None:
    net = StudioNet(ModelConfig(base=8, widest=8))
    optimizer = Muon(net, 1e-3, 0.0)
    names = {id(p): n for n, p in net.named_parameters()}
    groups = {g["orthogonal"]: {names[id(p)] for p in g["params"]} for g in optimizer.param_groups}
    assert groups[True].isdisjoint(groups[False])
    assert groups[True] | groups[False] == set(names.values())
    assert "down.0.conv.weight" in groups[True] and "encode.1.mix.squeeze" in groups[True]
    assert {"stem.conv.weight", "head.weight", "head.bias", "up.0.norm.weight"} <= groups[False]


def test_its_state_is_restored() -> None:
    torch.manual_seed(3)
    net = StudioNet(ModelConfig(base=8, widest=8))
    optimizer = Muon(net, 1e-3, 0.01)
    x = torch.randn(1, 3, 512, 32)

    def step(n: StudioNet, o: Muon) -> None:
        o.zero_grad()
        n(x).square().mean().backward()
        o.step()

    step(net, optimizer)
    other = StudioNet(net.config)
    other.load_state_dict(net.state_dict())
    resumed = Muon(other, 1e-3, 0.01)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))  # tensors are not copied
    step(net, optimizer)
    step(other, resumed)
    for a, b in zip(net.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
