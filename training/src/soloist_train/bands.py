"""The `bands` analysis of the studio model: STFT, mel-spaced bands, features, mask expansion.

The Rust engine implements the same definitions; `tests/fixtures/studio` ties the two together.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 44_100
FFT_SIZE = 4096
HOP_SIZE = 1024
NUM_BINS = FFT_SIZE // 2 + 1
NUM_BANDS = 512
WINDOW_FRAMES = 640
FRAME_MULTIPLE = 32

FLOOR_DB = -100.0
MEAN_DB = -60.0
STD_DB = 20.0
SILENCE_FEATURE = (FLOOR_DB - MEAN_DB) / STD_DB
"""The feature of a frame of digital silence: what a track's missing past is padded with."""

SOURCES = ("vocals", "drums", "bass", "guitar", "piano", "other")
WINDOW_SUM = FFT_SIZE / 2
"""Sum of the periodic Hann window: a full-scale complex exponential has |X| = WINDOW_SUM."""

Float = NDArray[np.float32]
Complex = NDArray[np.complex64]


@cache
def hann_periodic() -> Float:
    """Periodic Hann window, FFT_SIZE samples."""
    n = np.arange(FFT_SIZE)
    return (0.5 - 0.5 * np.cos(2 * np.pi * n / FFT_SIZE)).astype(np.float32)


def hz_to_mel(hz: float) -> float:
    """HTK mel of a frequency in Hz."""
    return 2595.0 * float(np.log10(1.0 + hz / 700.0))


def mel_to_hz(mel: float) -> float:
    """Frequency in Hz of an HTK mel."""
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


@cache
def band_edges() -> NDArray[np.int32]:
    """Bin edges of the bands: NUM_BANDS + 1 integers from 0 to NUM_BINS, strictly rising.

    Band b covers the bins edges[b]..edges[b+1]-1. Edges lie evenly in mel, but every band holds
    at least one bin, so the lowest bands (about 210 of them) are single bins.
    """
    top_mel = hz_to_mel(SAMPLE_RATE / 2)
    edges = [0]
    for i in range(1, NUM_BANDS + 1):
        target = mel_to_hz(top_mel * i / NUM_BANDS) * FFT_SIZE / SAMPLE_RATE
        edges.append(max(edges[-1] + 1, int(np.floor(target + 0.5))))
    edges[-1] = NUM_BINS
    return np.asarray(edges, dtype=np.int32)


@cache
def band_of_bin() -> NDArray[np.int32]:
    """The band that each bin belongs to: NUM_BINS integers."""
    return np.repeat(np.arange(NUM_BANDS, dtype=np.int32), np.diff(band_edges()))


@cache
def band_centres_hz() -> NDArray[np.float64]:
    """Centre of each band in Hz: the mean frequency of its bins."""
    edges = band_edges().astype(np.float64)
    return (edges[:-1] + edges[1:] - 1.0) / 2.0 * SAMPLE_RATE / FFT_SIZE


def num_frames(samples: int) -> int:
    """Frames of the STFT of `samples` samples: centres 0, HOP_SIZE, ... up to the last sample."""
    return -(-samples // HOP_SIZE) + 1


def stft(audio: Float) -> Complex:
    """Unnormalised STFT of audio [channels, samples] as [channels, NUM_BINS, frames].

    Frame t is centred at sample t * HOP_SIZE; outside the signal there are zeros.
    """
    channels, samples = audio.shape
    frames = num_frames(samples)
    padded = np.zeros((channels, (frames - 1) * HOP_SIZE + FFT_SIZE), dtype=np.float32)
    padded[:, FFT_SIZE // 2 : FFT_SIZE // 2 + samples] = audio
    return frames_spectrum(padded)


def frames_spectrum(audio: Float) -> Complex:
    """STFT [channels, NUM_BINS, frames] of the frames that lie wholly within audio."""
    view = np.lib.stride_tricks.sliding_window_view(audio, FFT_SIZE, axis=1)[:, ::HOP_SIZE]
    return np.fft.rfft(view * hann_periodic(), axis=-1).astype(np.complex64).transpose(0, 2, 1)


def istft(spectrum: Complex, samples: int) -> Float:
    """Inverse of `stft` (weighted overlap-add): [channels, NUM_BINS, frames] to `samples` each."""
    window = hann_periodic()
    pieces = np.fft.irfft(spectrum.transpose(0, 2, 1), n=FFT_SIZE, axis=-1) * window
    channels, frames, _ = pieces.shape
    length = (frames - 1) * HOP_SIZE + FFT_SIZE
    out = np.zeros((channels, length))
    weight = np.zeros(length)
    for t in range(frames):
        span = slice(t * HOP_SIZE, t * HOP_SIZE + FFT_SIZE)
        out[:, span] += pieces[:, t]
        weight[span] += window * window
    start = FFT_SIZE // 2
    span = slice(start, start + samples)
    return (out[:, span] / np.maximum(weight[span], 1e-6)).astype(np.float32)


def band_sums(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Sum over each band's bins: [..., NUM_BINS, frames] to [..., NUM_BANDS, frames]."""
    return np.add.reduceat(values, band_edges()[:-1], axis=-2)


def features(spectrum: Complex) -> Float:
    """Network input [3, NUM_BANDS, frames] of a stereo STFT [2, NUM_BINS, frames].

    Channels are left, right and side = (left - right) / 2; each value is the band's mean power
    in dB (full scale = 0, floor FLOOR_DB), shifted and scaled by MEAN_DB and STD_DB.
    """
    left, right = spectrum
    lrs = np.stack([left, right, (left - right) * np.float32(0.5)])
    power = lrs.real.astype(np.float64) ** 2 + lrs.imag.astype(np.float64) ** 2
    width = np.diff(band_edges()).astype(np.float64)[:, None]
    mean_power = band_sums(power) / width / WINDOW_SUM**2
    level_db = 10.0 * np.log10(mean_power + 10.0 ** (FLOOR_DB / 10.0))
    return ((level_db - MEAN_DB) / STD_DB).astype(np.float32)


@cache
def _expansion() -> tuple[NDArray[np.int64], Float]:
    """For each bin: the lower of two neighbouring bands and the weight of the upper one."""
    hz = np.arange(NUM_BINS) * SAMPLE_RATE / FFT_SIZE
    centres = band_centres_hz()
    lower = np.clip(np.searchsorted(centres, hz, side="right") - 1, 0, NUM_BANDS - 2)
    weight = (hz - centres[lower]) / (centres[lower + 1] - centres[lower])
    return lower, np.clip(weight, 0.0, 1.0).astype(np.float32)


def expand_mask(mask: Float) -> Float:
    """Mask on bins [..., NUM_BINS, frames] of a mask on bands [..., NUM_BANDS, frames].

    Linear in Hz between band centres, constant beyond the first and the last centre.
    """
    lower, weight = _expansion()
    upper = np.take(mask, lower + 1, axis=-2)
    base = np.take(mask, lower, axis=-2)
    return base + (upper - base) * weight[:, None]
