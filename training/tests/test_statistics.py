"""Storage, band statistics and losses against their plain definitions."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import tiny_stems

from soloist_train import bands
from soloist_train.bands import SOURCES
from soloist_train.batches import collate
from soloist_train.errors import TrainingError
from soloist_train.fastloss import fast_loss
from soloist_train.loss import SEGMENT_FRAMES, Batch, error_energy, head_masks, loss, median_sdr
from soloist_train.mix import MixConfig, Mixer, flat_eq, random_eq, random_matrix
from soloist_train.statistics import HEADS, Layer, mix_statistics
from soloist_train.store import quantise, read_store, restore

EYE = np.eye(2, dtype=np.float32)


def test_storage_keeps_forty_db() -> None:
    audio = np.random.default_rng(0).normal(size=(2, 20_000)).astype(np.float32) * 0.1
    spectrum = bands.stft(audio)
    error = restore(quantise(audio)) - spectrum
    assert 10 * np.log10((np.abs(spectrum) ** 2).sum() / (np.abs(error) ** 2).sum()) > 40


def test_statistics_equal_the_naive_sums() -> None:
    rng = np.random.default_rng(1)
    stems = {s: quantise(a) for s, a in tiny_stems(1).items()}
    layers, spectra = [], {}
    for i, (source, stem) in enumerate(stems.items()):
        eq, matrix = random_eq(rng, 3.0), random_matrix(rng, 3.0)
        layers.append(Layer(i, stem, 2, eq, matrix))
        X = restore(stem)[:, :, 2:34] * eq[bands.band_of_bin()][:, None]
        spectra[source] = np.einsum("dc,ckt->dkt", matrix, X)
    found = mix_statistics(layers, 32)
    mix = sum(spectra.values())
    spectra["accompaniment"] = spectra["guitar"] + spectra["piano"] + spectra["other"]
    np.testing.assert_allclose(found.features, bands.features(mix), atol=2e-3)
    for h, head in enumerate(HEADS):
        S = spectra[head]
        own = bands.band_sums(np.abs(S) ** 2)
        cross = bands.band_sums((mix * S.conj()).real)
        np.testing.assert_allclose(found.own[h], own, atol=1e-4 * own.max())
        np.testing.assert_allclose(found.cross[h], cross, atol=1e-4 * np.abs(cross).max())


def test_a_silent_start_is_silent() -> None:
    stem = quantise(tiny_stems(2)["vocals"])
    found = mix_statistics([Layer(0, stem, 0, flat_eq(), EYE)], 32, silent=10)
    np.testing.assert_allclose(found.features[:, :, :10], bands.SILENCE_FEATURE, atol=1e-6)
    assert found.own[:, :, :, :10].max() == 0
    assert found.features[0, :, 11].max() > bands.SILENCE_FEATURE


def test_band_error_is_the_error_over_bins(store: Path) -> None:
    stems = {s: quantise(a) for s, a in tiny_stems(3).items()}
    layers = [Layer(i, stem, 0, flat_eq(), EYE) for i, stem in enumerate(stems.values())]
    from soloist_train.mix import Example

    batch = collate([Example(mix_statistics(layers, 32), True)])
    masks = head_masks(torch.randn(1, 12, 512, 32))
    X = sum(restore(s)[:, :, :32] for s in stems.values())
    S = restore(stems["drums"])[:, :, :32]
    mask = np.repeat(masks[0, 1].numpy(), np.diff(bands.band_edges()), axis=1)
    naive = bands.band_sums(np.abs(mask * X - S) ** 2)
    found = error_energy(masks, batch)[0, 1].numpy()
    np.testing.assert_allclose(found, naive, atol=1e-4 * naive.max())


def test_fast_loss_and_gradient_equal_the_definition(store: Path) -> None:
    mixer = Mixer(read_store(store), MixConfig(), 64)
    rng = np.random.default_rng(4)
    batch = collate([mixer.example(rng) for _ in range(3)])
    logits = torch.randn(3, 12, 512, 64, requires_grad=True)
    expected = loss(logits, batch, 0.2, 0.02)
    (slope,) = torch.autograd.grad(expected, logits)
    found = fast_loss(logits, batch, 0.2, 0.02)
    (fast_slope,) = torch.autograd.grad(found, logits)
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)
    assert (fast_slope - slope).abs().max() < 2e-3 * slope.abs().max()


def test_perfect_masks_have_a_lower_loss_than_flat_ones(store: Path) -> None:
    mixer = Mixer(read_store(store), MixConfig(drop=0.0), 64)
    batch = collate([mixer.example(np.random.default_rng(5))])
    share = batch.own[:, :6] + 1e-6
    ideal = torch.log(share).reshape(1, 12, 512, 64)
    flat = torch.zeros(1, 12, 512, 64)
    assert loss(ideal, batch, 0.2, 0.02) < loss(flat, batch, 0.2, 0.02)
    assert median_sdr(ideal, batch)[1] > median_sdr(flat, batch)[1]


@pytest.mark.parametrize("together", [True, False])
def test_a_guess_at_a_source_that_comes_and_goes_costs_less_than_giving_it_up(
    together: bool,
) -> None:
    # A fifth of the mix at one time, nothing at another; the masks cannot tell which. Both in one
    # example, or in one each.
    frames, piano = 2 * SEGMENT_FRAMES, SOURCES.index("piano")
    own = torch.zeros(2, 7, 2, 512, frames)
    own[: 2 if together else 1, piano, ..., : SEGMENT_FRAMES if together else frames] = 0.2
    mix = torch.ones(2, 2, 512, frames)
    weights = torch.nn.functional.one_hot(torch.tensor([piano, piano]), 7).float()
    batch = Batch(torch.zeros(2, 3, 512, frames), mix, own, own, weights)

    def cost(mask: float) -> float:
        masks = torch.full((2, 6, 2, 512, frames), (1 - mask) / 5)
        masks[:, piano] = mask
        return float(loss(masks.log().flatten(1, 2), batch, 0.0, 0.05))

    assert cost(0.15) < cost(1e-4)


def test_mixer_never_draws_validation_clips(store: Path) -> None:
    mixer = Mixer(read_store(store), MixConfig(), 64)
    assert all(clip.kind != "validation" for clip in mixer.clips)
    assert all(c.kind != "validation" for pool in mixer.pools.values() for c in pool.clips)


def test_mixer_says_when_no_clip_is_long_enough(store: Path) -> None:
    with pytest.raises(TrainingError, match="no clip is longer"):
        Mixer(read_store(store), MixConfig(), 6400)
