"""The log-mel analysis of `mel-unet`, its masks on the mix, and the way back without a mix.

The first seed's analysis: 22,050 Hz, 327,500 samples, 640 frames of hop 512, 512 mel bands. All
filters are functions of Hz, and a frame lasts FFT_SIZE / SAMPLE_RATE seconds at any rate, so the
same masks fit a mix at 44.1 kHz that is never resampled (docs/adr/001). The Rust engine implements
the same definitions; `tests/fixtures/mel-unet` ties the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ..bands import Complex, Float

SAMPLE_RATE = 22_050
FFT_SIZE = 4096
HOP_SIZE = 512
NUM_BANDS = 512
WINDOW_FRAMES = 640
WINDOW_SAMPLES = 327_500
"""The seed's excerpt, 14.85 s; its frames are centred on 0, HOP_SIZE, ... 639 HOP_SIZE."""
FRAME_MULTIPLE = 32
LOW_HZ, HIGH_HZ = 0.0, SAMPLE_RATE / 2

FLOOR_DB = -100.0
MEAN_DB = -55.0
STD_DB = 20.0
SILENCE_FEATURE = (FLOOR_DB - MEAN_DB) / STD_DB

_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = 15.0
_LOG_STEP = float(np.log(6.4)) / 27.0


def hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's mel scale (Auditory Toolbox, 1998): linear up to 1 kHz, then 27 a factor of 6.4."""
    linear = hz / _LINEAR_HZ_PER_MEL
    log = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, linear, log)


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `hz_to_mel`."""
    log = _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ_PER_MEL, log)


@cache
def band_hz() -> NDArray[np.float64]:
    """Corners of the triangular filters: NUM_BANDS + 2 frequencies in Hz, evenly spaced in mel.

    Band b rises from corner b to its centre, corner b + 1, and falls to corner b + 2.
    """
    low, high = hz_to_mel(np.array([LOW_HZ, HIGH_HZ]))
    return mel_to_hz(np.linspace(low, high, NUM_BANDS + 2))


@dataclass(frozen=True)
class Analysis:
    """STFT of the seed's frame length and hop in seconds, at any sample rate."""

    rate: int = SAMPLE_RATE

    @property
    def fft_size(self) -> int:
        """Samples of a frame, an even number."""
        return 2 * round(FFT_SIZE * self.rate / SAMPLE_RATE / 2)

    @property
    def hop(self) -> int:
        """Samples between frames."""
        return round(HOP_SIZE * self.rate / SAMPLE_RATE)

    @property
    def bins(self) -> int:
        """Bins of the half spectrum."""
        return self.fft_size // 2 + 1

    def bin_hz(self) -> NDArray[np.float64]:
        """Frequency of each bin."""
        return np.arange(self.bins) * self.rate / self.fft_size

    def frames(self, samples: int) -> int:
        """Frames centred on 0, hop, ... within `samples` (640 of the seed's 327,500)."""
        return samples // self.hop + 1

    def stft(self, audio: Float) -> Complex:
        """STFT [channels, bins, frames] of audio [channels, samples]; zeros outside the signal."""
        window = _hann_periodic(self.fft_size)
        frames, samples = self.frames(audio.shape[1]), audio.shape[1]
        half = self.fft_size // 2
        padded = np.zeros((audio.shape[0], (frames - 1) * self.hop + self.fft_size), np.float32)
        room = min(samples, padded.shape[1] - half)
        padded[:, half : half + room] = audio[:, :room]
        view = np.lib.stride_tricks.sliding_window_view(padded, self.fft_size, axis=1)
        spectrum = scipy.fft.rfft(view[:, :: self.hop] * window, axis=-1)
        return spectrum.astype(np.complex64).transpose(0, 2, 1)

    def istft(self, spectrum: Complex, samples: int) -> Float:
        """Inverse of `stft` by weighted overlap-add: [channels, samples]."""
        window = _hann_periodic(self.fft_size)
        pieces = scipy.fft.irfft(spectrum.transpose(0, 2, 1), n=self.fft_size, axis=-1) * window
        channels, frames, _ = pieces.shape
        length = max((frames - 1) * self.hop, samples) + self.fft_size
        out, weight = np.zeros((channels, length)), np.zeros(length)
        for t in range(frames):
            span = slice(t * self.hop, t * self.hop + self.fft_size)
            out[:, span] += pieces[:, t]
            weight[span] += window * window
        span = slice(self.fft_size // 2, self.fft_size // 2 + samples)
        return (out[:, span] / np.maximum(weight[span], 1e-6)).astype(np.float32)

    def power(self, spectrum: Complex) -> Float:
        """Mel power [bands, frames] of a mono STFT [bins, frames]; full scale is about 1/4."""
        own = spectrum.real.astype(np.float32) ** 2 + spectrum.imag.astype(np.float32) ** 2
        return (filters(self) @ own) / np.float32(self.window_sum**2)

    @property
    def window_sum(self) -> float:
        """Sum of the window: a full-scale complex exponential has |X| of this size."""
        return self.fft_size / 2


@cache
def _hann_periodic(size: int) -> Float:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


@cache
def filters(analysis: Analysis) -> csr_matrix:
    """Triangular mel filters [bands, bins], each of peak height one, as a sparse matrix."""
    hz, corners = analysis.bin_hz()[None, :], band_hz()[:, None]
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    rise, fall = (hz - low) / (centre - low), (high - hz) / (high - centre)
    return csr_matrix(np.maximum(np.minimum(rise, fall), 0.0).astype(np.float32))


def to_features(power: Float) -> Float:
    """Scaled dB of mel power [bands, frames]: floor FLOOR_DB, shifted by MEAN_DB, over STD_DB."""
    level_db = 10.0 * np.log10(power.astype(np.float64) + 10.0 ** (FLOOR_DB / 10.0))
    return ((level_db - MEAN_DB) / STD_DB).astype(np.float32)


def to_power(features: Float) -> Float:
    """Mel power of features: inverse of `to_features`, zero at the floor and below."""
    level_db = features.astype(np.float64) * STD_DB + MEAN_DB
    power = 10.0 ** (level_db / 10.0) - 10.0 ** (FLOOR_DB / 10.0)
    return np.maximum(power, 0.0).astype(np.float32)


def features(spectrum: Complex, analysis: Analysis) -> Float:
    """Network input [1, bands, frames] of an STFT [channels, bins, frames]: its channels' mean."""
    return to_features(analysis.power(spectrum.mean(axis=0)))[None]


def band_mask(mix: Float, estimate: Float) -> Float:
    """Mask [bands, frames] from features of mix and estimate: their amplitude ratio, at most one.

    Zero where the estimate lies at the floor: there is nothing to be heard.
    """
    ratio = 10.0 ** ((estimate - mix).astype(np.float64) * STD_DB / 20.0)
    silent = estimate <= np.float32(SILENCE_FEATURE)
    return np.where(silent, 0.0, np.minimum(ratio, 1.0)).astype(np.float32)


def expand_mask(mask: Float, analysis: Analysis) -> Float:
    """Mask on bins [..., bins, frames] of one on bands: linear in Hz between the bands' centres.

    Below the first centre and above the last (near 11 kHz) the outer bands' masks carry on.
    """
    centres, hz = band_hz()[1:-1], analysis.bin_hz()
    lower = np.clip(np.searchsorted(centres, hz, side="right") - 1, 0, NUM_BANDS - 2)
    weight = np.clip((hz - centres[lower]) / (centres[lower + 1] - centres[lower]), 0.0, 1.0)
    base, upper = np.take(mask, lower, axis=-2), np.take(mask, lower + 1, axis=-2)
    return base + (upper - base) * weight.astype(np.float32)[:, None]


def linear_power(power: Float, analysis: Analysis, iterations: int = 64) -> Float:
    """Power [bins, frames] whose mel power is near `power` [bands, frames], never negative.

    Least squares by multiplicative updates (Lee and Seung, "Algorithms for Non-negative Matrix
    Factorization", 2001, equation 4), begun at an even spread: neighbouring filters overlap by
    half and hold two or three bins, so several spectra fit and the smoothest should win.
    """
    W = filters(analysis)
    target = W.T @ power.astype(np.float32)
    found = target / np.maximum(np.asarray((W.T @ W).sum(axis=1)), 1e-12)
    for _ in range(iterations):
        found = found * (target / np.maximum(W.T @ (W @ found), 1e-20))
    return found.astype(np.float32)


def griffin_lim(
    magnitude: Float, samples: int, analysis: Analysis, iterations: int = 64, seed: int = 1
) -> Float:
    """Audio [samples] whose STFT magnitudes are near [bins, frames], from random phases.

    Griffin-Lim with momentum 0.99 (Perraudin, Balazs and Sondergaard, "A fast Griffin-Lim
    algorithm", WASPAA 2013, algorithm 2).
    """
    momentum = 0.99
    rng = np.random.default_rng(seed)
    phases = np.exp(2j * np.pi * rng.random(magnitude.shape))
    estimate = (magnitude * phases).astype(np.complex64)
    before = np.zeros_like(estimate)
    for _ in range(iterations):
        audio = analysis.istft(estimate[None], samples)
        consistent = analysis.stft(audio)[0][:, : magnitude.shape[1]]
        moved = consistent + np.float32(momentum) * (consistent - before)
        before = consistent
        estimate = magnitude * moved / np.maximum(np.abs(moved), 1e-12)
    return analysis.istft(estimate[None], samples)[0]


def invert(features: Float, samples: int, iterations: int = 64, seed: int = 1) -> Float:
    """Audio [samples] at SAMPLE_RATE of features [bands, frames], the seed's own way back."""
    analysis = Analysis()
    power = linear_power(to_power(features), analysis)
    magnitude = np.sqrt(power) * np.float32(analysis.window_sum)
    return griffin_lim(magnitude, samples, analysis, iterations, seed)
