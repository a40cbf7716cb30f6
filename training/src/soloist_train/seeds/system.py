"""What the two seed systems have in common: their names, networks, cards and runs."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ..bands import FFT_SIZE, HOP_SIZE, SAMPLE_RATE, Float
from ..card import System
from ..errors import TrainingError
from . import KINDS, mel, mel_unet, wave_unet
from .mel_unet import MelUNet, MelUNetConfig
from .wave_unet import WaveUNet, WaveUNetConfig

Run = Callable[[Float], Float]
"""A network on arrays: a batch of features or chunks to a batch of the same shape."""


def kind_of(config: dict[str, Any]) -> str:
    """The kind of system that a configuration names; `studio` where it names none."""
    kind = config.get("system", {}).get("kind", "studio")
    if kind not in (*KINDS, "studio"):
        raise TrainingError(f"[system] kind = {kind!r}; expected one of studio, {', '.join(KINDS)}")
    return kind


def sample_rate(config: dict[str, Any]) -> int:
    """Rate in Hz that a configuration's network listens at."""
    return mel.SAMPLE_RATE if kind_of(config) == "mel-unet" else SAMPLE_RATE


def config_of_card(card: Path) -> dict[str, Any]:
    """As much of a configuration as running a model needs, from its card.toml."""
    if not card.is_file():
        raise TrainingError(f"no card at {card}")
    try:
        analysis = tomllib.loads(card.read_text()).get("analysis", {})
    except (OSError, ValueError) as error:
        raise TrainingError(f"{card} is not a readable card: {error}") from error
    kind = {"log-mel": "mel-unet", "waveform": "wave-unet"}.get(analysis.get("representation"))
    if kind is None:
        raise TrainingError(f"{card} is not of a seed system: neither log-mel nor waveform")
    return {"system": {"kind": kind}, "model": dict(analysis.get("waveform", {}))}


def build(config: dict[str, Any]) -> MelUNet | WaveUNet:
    """A network with random weights as [model] says."""
    table = config.get("model", {})
    if kind_of(config) == "mel-unet":
        return MelUNet(MelUNetConfig.from_dict(table))
    return WaveUNet(WaveUNetConfig.from_dict(table))


def chunk_of(config: dict[str, Any]) -> int:
    """Samples of a wave-unet's chunk."""
    return int(config.get("model", {}).get("chunk", WaveUNetConfig.chunk))


def names(config: dict[str, Any]) -> tuple[str, str]:
    """Names of the network's input and output tensor."""
    module = mel_unet if kind_of(config) == "mel-unet" else wave_unet
    return module.INPUT, module.OUTPUT


def run_torch(net: nn.Module) -> Run:
    """Run a torch network on arrays, in evaluation mode."""
    net.eval()

    def run(x: Float) -> Float:
        with torch.inference_mode():
            return net(torch.from_numpy(np.ascontiguousarray(x))).numpy()

    return run


def separate_vocals(config: dict[str, Any], run: Run, audio: Float) -> Float:
    """Vocals [2, samples] of a mix at 44.1 kHz by masked reconstruction."""
    if kind_of(config) == "mel-unet":
        return mel_unet.separate_vocals(run, audio, SAMPLE_RATE)
    return wave_unet.separate_vocals(run, audio, chunk_of(config))


def card_tables(config: dict[str, Any]) -> System:
    """The tables of card.toml that the engine needs."""
    kind = kind_of(config)
    network_in, network_out = names(config)
    audio = {"sample_rate": sample_rate(config), "channels": 1, "sources": ["vocals"]}
    if kind == "mel-unet":
        axes = ["batch", "channel", "band", "frame"]
        return {
            "audio": audio,
            "analysis": {
                "representation": "log-mel",
                "fft_size": mel.FFT_SIZE,
                "hop_size": mel.HOP_SIZE,
                "window": "hann-periodic",
            },
            "analysis.mel": {
                "scale": "slaney",
                "count": mel.NUM_BANDS,
                "low_hz": mel.LOW_HZ,
                "high_hz": mel.HIGH_HZ,
                "channels": ["mid"],
                "floor_db": mel.FLOOR_DB,
                "mean_db": mel.MEAN_DB,
                "std_db": mel.STD_DB,
            },
            "input": {"name": network_in, "axes": axes},
            "output": _output(network_out, axes, "magnitude"),
            "window": {
                "frames": mel.WINDOW_FRAMES,
                "dynamic": True,
                "multiple": mel.FRAME_MULTIPLE,
            },
        }
    axes = ["batch", "channel", "sample"]
    chunk = chunk_of(config)
    if wave_unet.WINDOW_SAMPLES % chunk:
        raise TrainingError(
            f"chunk = {chunk} does not divide the window of {wave_unet.WINDOW_SAMPLES} samples"
        )
    return {
        "audio": audio,
        "analysis": {
            "representation": "waveform",
            "fft_size": FFT_SIZE,
            "hop_size": HOP_SIZE,
            "window": "hann-periodic",
        },
        "analysis.waveform": {"chunk": chunk},
        "input": {"name": network_in, "axes": axes},
        "output": _output(network_out, axes, "waveform"),
        "window": {
            "frames": wave_unet.WINDOW_FRAMES,
            "dynamic": False,
            "multiple": wave_unet.WINDOW_FRAMES,
        },
    }


def _output(name: str, axes: list[str], kind: str) -> dict[str, object]:
    """The [output] table: one source, and `other` is what it leaves of the mix."""
    axes = ["source-channel" if axis == "channel" else axis for axis in axes]
    return {"name": name, "axes": axes, "kind": kind, "activation": "none", "remainder": "other"}
