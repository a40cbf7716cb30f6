"""Separate audio with a network the way the engine does: windows, soft masks, the mix's phase."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from . import bands
from .bands import FRAME_MULTIPLE, NUM_BANDS, SOURCES, WINDOW_FRAMES, Float
from .checkpoint import Checkpoint
from .errors import TrainingError

Network = Callable[[Float], Float]
"""Features [3, bands, frames] to logits [12, bands, frames]; frames a multiple of 32."""


def network_file(path: Path) -> Path:
    """The .onnx file of a model folder, or the file itself; TrainingError where there is none."""
    file = path / "model.onnx" if path.is_dir() else path
    if not file.is_file():
        raise TrainingError(f"no network at {file}")
    return file


def load_network(path: Path) -> Network:
    """A network from a model folder (model.onnx), an .onnx file or a checkpoint."""
    if path.suffix == ".pt":
        net = Checkpoint.load(path).network()
        net.check_whole()

        def run_torch(features: Float) -> Float:
            with torch.inference_mode():
                return net(torch.from_numpy(features[None])).numpy()[0]

        return run_torch
    from .export import session

    run = session(network_file(path), threads=2)
    return lambda features: run.run(["mask_logits"], {"features": features[None]})[0][0]


def softmax_masks(logits: Float) -> Float:
    """Masks [sources, 2, bands, frames] of logits [12, bands, frames]."""
    x = logits.reshape(len(SOURCES), 2, *logits.shape[1:])
    x = np.exp(x - x.max(axis=0))
    return x / x.sum(axis=0)


def predict_masks(
    network: Network,
    features: Float,
    lookahead: int = 32,
    hop: int = 32,
    length: int = WINDOW_FRAMES,
) -> Float:
    """Band masks [sources, 2, bands, frames] of a whole track's features [3, bands, frames].

    As in the engine, windows of `length` frames end at most `lookahead` + `hop` frames after what
    they emit, and what lies outside the track is silence.
    """
    frames = features.shape[2]
    masks = np.empty((len(SOURCES), 2, NUM_BANDS, frames), dtype=np.float32)
    for first in range(0, frames, hop):
        last = min(first + hop, frames)
        begin = first + hop + lookahead - length
        window = np.full((3, NUM_BANDS, length), bands.SILENCE_FEATURE, dtype=np.float32)
        low, high = max(begin, 0), min(begin + length, frames)
        window[:, :, low - begin : high - begin] = features[:, :, low:high]
        emitted = softmax_masks(network(window))[..., first - begin : last - begin]
        masks[..., first:last] = emitted
    return masks


def whole_masks(network: Network, features: Float) -> Float:
    """Band masks of a track that fits one window, silence before it: quicker, same results
    but for the last second, which has more context in the engine's next windows."""
    frames = features.shape[2]
    length = max(WINDOW_FRAMES, -(-frames // FRAME_MULTIPLE) * FRAME_MULTIPLE)
    window = np.full((3, NUM_BANDS, length), bands.SILENCE_FEATURE, dtype=np.float32)
    window[:, :, length - frames :] = features
    return softmax_masks(network(window))[..., length - frames :]


def apply_masks(spectrum: bands.Complex, masks: Float, samples: int) -> Float:
    """Stems [sources, 2, samples] of a mix's STFT [2, bins, frames] and its band masks."""
    return np.stack([bands.istft(spectrum * bands.expand_mask(mask), samples) for mask in masks])


def separate(network: Network, audio: Float, as_engine: bool = True) -> dict[str, Float]:
    """Stems by source of a stereo mix [2, samples]; they sum to the mix."""
    spectrum = bands.stft(audio)
    features = bands.features(spectrum)
    masks = (predict_masks if as_engine else whole_masks)(network, features)
    return dict(zip(SOURCES, apply_masks(spectrum, masks, audio.shape[1]), strict=True))
