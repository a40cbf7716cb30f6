"""The band scale, features and mask expansion against their plain definitions."""

import numpy as np
import pytest

from soloist_train import bands


def naive_dft(audio: np.ndarray, frame: int) -> np.ndarray:
    n = np.arange(bands.FFT_SIZE)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / bands.FFT_SIZE)
    centre = frame * bands.HOP_SIZE
    piece = np.zeros(bands.FFT_SIZE)
    for i in range(bands.FFT_SIZE):
        at = centre - bands.FFT_SIZE // 2 + i
        if 0 <= at < len(audio):
            piece[i] = audio[at]
    k = np.arange(0, bands.NUM_BINS, 97)
    return np.exp(-2j * np.pi * np.outer(k, n) / bands.FFT_SIZE) @ (piece * window)


def test_edges_cover_all_bins_with_at_least_one_bin_a_band() -> None:
    edges = bands.band_edges()
    assert edges.shape == (513,) and edges[0] == 0 and edges[-1] == 2049
    widths = np.diff(edges)
    assert widths.min() == 1
    assert 200 <= (widths == 1).sum() <= 220
    assert (widths[:200] == 1).all()


def test_edges_follow_the_mel_scale_where_bands_are_wide() -> None:
    edges = bands.band_edges()
    mel = 2595 * np.log10(1 + 22050 / 700) * 400 / 512
    hz = 700 * (10 ** (mel / 2595) - 1)
    assert edges[400] == round(hz * 4096 / 44100)


@pytest.mark.parametrize("frame", [0, 3, 9])
def test_stft_is_the_dft_of_centred_frames(frame: int) -> None:
    audio = np.random.default_rng(1).normal(size=(2, 9500)).astype(np.float32)
    found = bands.stft(audio)[1, ::97, frame]
    np.testing.assert_allclose(found, naive_dft(audio[1], frame), atol=2e-3)


def test_istft_inverts_stft() -> None:
    audio = np.random.default_rng(2).normal(size=(2, 12345)).astype(np.float32)
    assert np.abs(bands.istft(bands.stft(audio), 12345) - audio).max() < 1e-5


def test_a_full_scale_sine_reads_minus_six_db_in_its_band() -> None:
    # |X| of a real sine of amplitude 1 is half the window's sum, hence -6.02 dB.
    k = 100
    n = np.arange(40_000)
    tone = np.sin(2 * np.pi * k * n / bands.FFT_SIZE).astype(np.float32)
    features = bands.features(bands.stft(np.stack([tone, tone])))
    level_db = features[0, bands.band_of_bin()[k], 20] * bands.STD_DB + bands.MEAN_DB
    assert level_db == pytest.approx(-6.02, abs=0.05)
    # Both channels are equal: the side channel is silent.
    assert features[2].max() == pytest.approx(bands.SILENCE_FEATURE)


def test_silence_gives_the_silence_feature() -> None:
    features = bands.features(bands.stft(np.zeros((2, 5000), dtype=np.float32)))
    assert features.shape == (3, 512, bands.num_frames(5000))
    np.testing.assert_allclose(features, -2.0, atol=1e-6)


def test_mask_expansion_is_linear_between_centres() -> None:
    centres = bands.band_centres_hz()
    mask = (2.0 * centres + 1.0).astype(np.float32)[:, None]
    hz = np.arange(bands.NUM_BINS) * bands.SAMPLE_RATE / bands.FFT_SIZE
    expected = 2.0 * np.clip(hz, centres[0], centres[-1]) + 1.0
    np.testing.assert_allclose(bands.expand_mask(mask)[:, 0], expected, rtol=1e-4)


def test_masks_that_sum_to_one_still_do_after_expansion() -> None:
    masks = np.random.default_rng(3).random((6, 2, 512, 3)).astype(np.float32)
    masks /= masks.sum(axis=0)
    np.testing.assert_allclose(bands.expand_mask(masks).sum(axis=0), 1.0, atol=1e-5)
