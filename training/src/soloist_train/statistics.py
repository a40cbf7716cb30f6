"""Band statistics of a mix: all that the network's input and the loss need, in one fast pass.

For a mask m on band b, the error of source S in mix X is, exactly,
    sum_k |m X_k - S_k|^2 = m^2 Pxx - 2 m Re(Cxs) + Pss
with the band sums Pxx = sum |X|^2, Cxs = sum X conj(S), Pss = sum |S|^2. So mixing is done on all
bins, in 8-bit storage, and nothing but these sums leaves the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from . import bands
from .bands import FLOOR_DB, MEAN_DB, NUM_BANDS, SOURCES, STD_DB, WINDOW_SUM
from .store import SCALES, Stem

HEADS = (*SOURCES, "accompaniment")
"""What the loss looks at: each source, and guitar + piano + other as one."""
ACCOMPANIMENT = len(SOURCES)
FIRST_ACCOMPANIMENT = SOURCES.index("guitar")

ALL_BANDS = slice(0, NUM_BANDS)

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """One source's part in a mix: frames of a stem from `start`, through an EQ and a 2x2 matrix.

    `eq` holds a gain for each band; `matrix` maps (left, right) to (left, right).
    """

    source: int
    stem: Stem
    start: int
    eq: Array
    matrix: Array


@dataclass
class MixStatistics:
    """Sums of one mix over bands: `features` [3, bands, frames], `mix` [2, bands, frames],
    `cross` and `own` [heads, 2, bands, frames] (Re Cxs and Pss)."""

    features: Array
    mix: Array
    cross: Array
    own: Array

    @staticmethod
    def empty(frames: int, count: int = NUM_BANDS) -> MixStatistics:
        """Statistics of silence in `count` bands."""
        f32 = np.float32
        return MixStatistics(
            np.full((3, count, frames), bands.SILENCE_FEATURE, dtype=f32),
            np.zeros((2, count, frames), dtype=f32),
            np.zeros((len(HEADS), 2, count, frames), dtype=f32),
            np.zeros((len(HEADS), 2, count, frames), dtype=f32),
        )


SIGNALS = len(HEADS) + 1
"""Rows of the kernel's spectra: the heads, then the mix."""
MIX = SIGNALS - 1
ROWS = 5
"""Rows of the kernel's sums: own left, own right, cross left, cross right, side."""


@njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _add_layer(
    values: NDArray[np.int8],
    codes: NDArray[np.uint8],
    eq: Array,
    matrix: Array,
    scales: Array,
    band_of_bin: NDArray[np.int32],
    spectrum: Array,
) -> None:
    """Add one frame of a stem (values [4, bins]) to spectrum [4, bins]."""
    band_scale = np.empty(len(codes), dtype=np.float32)
    for b in range(len(codes)):
        band_scale[b] = scales[codes[b]] * eq[b]
    scale = np.empty(values.shape[1], dtype=np.float32)
    for k in range(len(scale)):
        scale[k] = band_scale[band_of_bin[k]]
    m00, m01, m10, m11 = matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1]
    for part in range(2):
        left_in, right_in = values[part], values[2 + part]
        left_out, right_out = spectrum[part], spectrum[2 + part]
        for k in range(len(scale)):
            left = np.float32(left_in[k]) * scale[k]
            right = np.float32(right_in[k]) * scale[k]
            left_out[k] += m00 * left + m01 * right
            right_out[k] += m10 * left + m11 * right


@njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _channel_sums(
    re: Array, im: Array, mre: Array, mim: Array, edges: NDArray[np.int32], own: Array, cross: Array
) -> None:
    """own[b] = sum |S|^2 and cross[b] = sum Re(X conj S) over each band's bins, one channel."""
    for b in range(len(own)):
        k = edges[b]
        energy = re[k] * re[k] + im[k] * im[k]
        product = re[k] * mre[k] + im[k] * mim[k]
        for k in range(edges[b] + 1, edges[b + 1]):
            energy += re[k] * re[k] + im[k] * im[k]
            product += re[k] * mre[k] + im[k] * mim[k]
        own[b] = energy
        cross[b] = product


@njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _frame_sums(
    spectra: Array, present: NDArray[np.bool_], edges: NDArray[np.int32], sums: Array
) -> None:
    """Band sums [signals, ROWS, bands] of one frame's spectra [signals, 4, bins]."""
    mix = spectra[MIX]
    for s in range(SIGNALS):
        if present[s]:
            x = spectra[s]
            _channel_sums(x[0], x[1], mix[0], mix[1], edges, sums[s, 0], sums[s, 2])
            _channel_sums(x[2], x[3], mix[2], mix[3], edges, sums[s, 1], sums[s, 3])
    side = np.empty((2, mix.shape[1]), dtype=np.float32)
    for part in range(2):
        for k in range(mix.shape[1]):
            side[part, k] = np.float32(0.5) * (mix[part, k] - mix[2 + part, k])
    row = sums[MIX, 4]
    _channel_sums(side[0], side[1], side[0], side[1], edges, row, row)


@njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _totals(spectra: Array, present: NDArray[np.bool_]) -> None:
    """Fill the rows of the accompaniment and of the mix from those of the sources."""
    for s in range(ACCOMPANIMENT):
        if present[s]:
            spectra[MIX] += spectra[s]
            if s >= FIRST_ACCOMPANIMENT:
                spectra[ACCOMPANIMENT] += spectra[s]


@njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _deal(
    sums: Array, present: NDArray[np.bool_], mix: Array, side: Array, cross: Array, own: Array,
    first: int,
) -> None:  # fmt: skip
    """Sums [frames, signals, ROWS, bands] into arrays with frames last, from `first` on."""
    for b in range(sums.shape[3]):
        for t in range(sums.shape[0]):
            side[b, first + t] = sums[t, MIX, 4, b]
            for c in range(2):
                mix[c, b, first + t] = sums[t, MIX, c, b]
    for h in range(MIX):
        if present[h]:
            for c in range(2):
                for b in range(sums.shape[3]):
                    for t in range(sums.shape[0]):
                        own[h, c, b, first + t] = sums[t, h, c, b]
                        cross[h, c, b, first + t] = sums[t, h, 2 + c, b]


@njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _block_sums(
    values: NDArray[np.int8], codes: NDArray[np.uint8], eq: Array, matrices: Array,
    sources: NDArray[np.int64], scales: Array, band_of_bin: NDArray[np.int32],
    present: NDArray[np.bool_], edges: NDArray[np.int32], spectra: Array, sums: Array,
) -> None:  # fmt: skip
    """Band sums [frames, signals, ROWS, bands] of some frames of the layers.

    values [layers, frames, 4, bins], codes [layers, frames, bands]; `spectra` is room to work in.
    """
    for t in range(values.shape[1]):
        for s in range(SIGNALS):
            if present[s]:
                spectra[s] = 0.0
        for i in range(len(sources)):
            _add_layer(
                values[i, t], codes[i, t], eq[i], matrices[i], scales, band_of_bin,
                spectra[sources[i]],
            )  # fmt: skip
        _totals(spectra, present)
        _frame_sums(spectra, present, edges, sums[t])


def mix_statistics(
    layers: list[Layer], frames: int, silent: int = 0, part: slice = ALL_BANDS
) -> MixStatistics:
    """Statistics of the sum of layers over `frames`, the first `silent` of which are silence; of
    the bands `part` alone, if asked for."""
    edges = bands.band_edges()[part.start : part.stop + 1]
    bins = slice(int(edges[0]), int(edges[-1]))
    edges = edges - edges[0]
    count = len(edges) - 1
    out = MixStatistics.empty(frames, count)
    if not layers:
        return out
    side = np.zeros((count, frames), dtype=np.float32)
    sources = np.array([layer.source for layer in layers])
    present = np.zeros(SIGNALS, dtype=np.bool_)
    present[sources] = True
    present[ACCOMPANIMENT] = present[FIRST_ACCOMPANIMENT:ACCOMPANIMENT].any()
    present[MIX] = True
    eq, matrices = (
        np.stack(rows) for rows in zip(*((x.eq[part], x.matrix) for x in layers), strict=True)
    )
    spectra = np.zeros((SIGNALS, 4, edges[-1]), dtype=np.float32)
    band_of_bin = bands.band_of_bin()[bins] - part.start
    block = 16  # frames between two transpositions: a cache line of each output row
    sums = np.zeros((block, SIGNALS, ROWS, count), dtype=np.float32)
    for begin in range(silent, frames, block):
        end = min(begin + block, frames)
        # One call for all frames of a block: between calls the threads wait for one another.
        spans = [(x.stem, slice(x.start + begin - silent, x.start + end - silent)) for x in layers]
        values = np.stack([stem.values[span, :, bins] for stem, span in spans])
        codes = np.stack([stem.codes[span, part] for stem, span in spans])
        _block_sums(
            values, codes, eq, matrices, sources, SCALES, band_of_bin, present, edges, spectra,
            sums,
        )  # fmt: skip
        _deal(sums[: end - begin], present, out.mix, side, out.cross, out.own, begin)
    power = np.stack([out.mix[0], out.mix[1], side])
    width = np.diff(edges).astype(np.float32)[:, None]
    level_db = 10 * np.log10(power / width / WINDOW_SUM**2 + np.float32(10 ** (FLOOR_DB / 10)))
    out.features = ((level_db - MEAN_DB) / STD_DB).astype(np.float32)
    return out
