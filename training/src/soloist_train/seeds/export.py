"""Export of the seed systems: ONNX with small weights, card, and fixtures for the Rust engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import soundfile
import torch
from torch import nn
from torch.export import Dim

from .. import half
from ..bands import SAMPLE_RATE, Float, istft, stft
from ..card import Card, Score, render_card
from ..errors import TrainingError
from ..export import TOLERANCE, session, write_graph
from . import mel, mel_unet, system, wave_unet
from .mel_unet import MelUNet
from .wave_unet import WaveUNet

MAX_WINDOW_MULTIPLES = 64
MAX_SAMPLES = 1 << 26
"""Longest batch of the waveform graph: sizes within it must fit 32 bits."""
MEL_FIXTURE_FRAMES = 64
WAVE_FIXTURE_STRIDE = 4
"""Every so many samples of the waveform fixtures are stored, to keep the files small."""
WAVE_FIXTURE_MASK_STRIDE = 8
"""Every so many frames of the mask, likewise."""


def halved(net: MelUNet | WaveUNet) -> nn.Module:
    """The folded network with its large weights rounded to 16 bits, in 32-bit arithmetic."""
    folded = net.folded()
    half.round_weights(folded)
    return folded.eval()


def export_onnx(net: nn.Module, kind: str, path: Path, chunk: int = 0) -> None:
    """Write a folded network, opset 18; frames (mel) or chunks (wave) stay dynamic."""
    if kind == "mel-unet":
        module: Any = mel_unet
        example = torch.zeros(1, 1, mel.NUM_BANDS, 4 * mel.FRAME_MULTIPLE)
        dynamic = {3: mel.FRAME_MULTIPLE * Dim("t", min=2, max=MAX_WINDOW_MULTIPLES)}
    else:
        module = wave_unet
        example = torch.zeros(4, 1, chunk)
        dynamic = {0: Dim("chunks", min=1, max=MAX_SAMPLES // chunk)}
    write_graph(net, example, path, (module.INPUT, module.OUTPUT), dynamic)
    onnx.save(half.store_as_half(onnx.load(path)), path)


def run_onnx(run: ort.InferenceSession) -> system.Run:
    """Run an onnxruntime session on arrays."""
    name_in, name_out = run.get_inputs()[0].name, run.get_outputs()[0].name
    return lambda x: run.run([name_out], {name_in: np.ascontiguousarray(x)})[0]


def check_parity(net: nn.Module, run: ort.InferenceSession, kind: str, chunk: int) -> float:
    """Largest difference between torch and onnxruntime, at two sizes."""
    rng = np.random.default_rng(0)
    worst, torch_run, onnx_run = 0.0, system.run_torch(net), run_onnx(run)
    for size in (1, 10):
        if kind == "mel-unet":
            x = rng.normal(size=(1, 1, mel.NUM_BANDS, 2 * size * mel.FRAME_MULTIPLE))
        else:
            x = 0.2 * rng.normal(size=(size, 1, chunk))
        x = x.astype(np.float32)
        worst = max(worst, float(np.abs(torch_run(x) - onnx_run(x)).max()))
    if not worst <= TOLERANCE:
        raise TrainingError(
            f"onnxruntime differs from torch by {worst:.2e}; at most {TOLERANCE:.0e} is allowed"
        )
    return worst


def export_system(
    config: dict[str, Any],
    net: MelUNet | WaveUNet,
    folder: Path,
    fixtures: Path | None = None,
    scores: list[Score] | None = None,
    version: str | None = None,
) -> float:
    """Write model.onnx, card.toml and fixtures; gives the difference from torch."""
    about = config.get("card", {})
    missing = {"name", "version", "description", "license", "authors"} - set(about)
    if missing:
        raise TrainingError(f"the configuration's [card] lacks {', '.join(sorted(missing))}")
    kind = system.kind_of(config)
    chunk = 0 if isinstance(net, MelUNet) else net.config.chunk
    tables = system.card_tables(config)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    small = halved(net)
    export_onnx(small, kind, path, chunk)
    run = session(path)
    worst = check_parity(small, run, kind, chunk)
    card = Card(
        name=about["name"],
        version=version or about["version"],
        description=about["description"],
        license=about["license"],
        authors=about["authors"],
        training_data=about.get("training_data", []),
        scores=scores or [],
    )
    (folder / "card.toml").write_text(render_card(card, path, tables))
    if fixtures is not None:
        fixtures.mkdir(parents=True, exist_ok=True)
        if kind == "mel-unet":
            write_mel_fixtures(run_onnx(run), fixtures)
        else:
            write_wave_fixtures(run_onnx(run), fixtures, chunk)
    return worst


def fixture_audio(samples: int, rate: int) -> Float:
    """Stereo test signal [2, samples]: gliding voices over a chord, clicks and noise, a fade.

    The last tenth is digital silence, so that the floor is covered too.
    """
    seconds = np.arange(samples) / rate
    rng = np.random.default_rng(63)
    out = np.zeros((2, samples))
    for i, hz in enumerate((98.0, 196.0, 246.94, 293.66)):
        tone = sum(np.sin(2 * np.pi * hz * h * seconds + i) / h**1.5 for h in range(1, 8))
        pan = (i + 0.5) / 4
        out += 0.05 * tone * np.array([[np.cos(pan * np.pi / 2)], [np.sin(pan * np.pi / 2)]])
    glide = 2 * np.pi * np.cumsum(330.0 * (1 + 0.03 * np.sin(2 * np.pi * 5.5 * seconds))) / rate
    voice = sum(np.sin(h * glide) / (1 + ((h * 330 - 1200) / 900) ** 2) for h in range(1, 14))
    out += 0.12 * voice
    for start in range(0, samples, max(rate // 4, 1)):
        decay = np.exp(-np.arange(samples - start) / (0.03 * rate))
        out[:, start:] += 0.15 * rng.normal(size=(2, samples - start)) * decay
    end = int(0.9 * samples)
    out *= np.clip((end - np.arange(samples)) / (0.1 * samples), 0.0, 1.0)
    return out.astype(np.float32)


def write_mel_fixtures(run: system.Run, folder: Path) -> None:
    """Write input.wav, features.npy, estimate.npy, mask.npy and stem.npy, all of 64 frames.

    The frames fill the network's window exactly; stem.npy [2, samples] is what the mask leaves.
    """
    analysis = mel.Analysis()
    samples = (MEL_FIXTURE_FRAMES - 1) * mel.HOP_SIZE
    audio = fixture_audio(samples, mel.SAMPLE_RATE)
    spectrum = analysis.stft(audio)
    x = mel.features(spectrum, analysis)
    estimate = run(x[None])[0]
    mask = mel.band_mask(x[0], estimate[0])
    stem = analysis.istft(spectrum * mel.expand_mask(mask, analysis), samples)
    soundfile.write(folder / "input.wav", audio.T, mel.SAMPLE_RATE, subtype="FLOAT")
    for name, values in {"features": x, "estimate": estimate, "mask": mask, "stem": stem}.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(values))


def write_wave_fixtures(run: system.Run, folder: Path, chunk: int) -> None:
    """Write input.wav (one window), estimate.npy, mask.npy and stem.npy, strided.

    estimate.npy and stem.npy [2, samples] hold every WAVE_FIXTURE_STRIDE-th sample; mask.npy [2,
    bins, frames] every WAVE_FIXTURE_MASK_STRIDE-th frame of those centred within the window.
    """
    samples = wave_unet.WINDOW_SAMPLES
    audio = fixture_audio(samples, SAMPLE_RATE)
    estimate = wave_unet.estimate_waveform(run, audio, chunk)
    X = stft(audio)
    mask = wave_unet.soft_mask(X, stft(estimate))
    stem = istft(X * mask, samples)
    soundfile.write(folder / "input.wav", audio.T, SAMPLE_RATE, subtype="FLOAT")
    mask = mask[:, :, : wave_unet.WINDOW_FRAMES : WAVE_FIXTURE_MASK_STRIDE]
    np.save(folder / "estimate.npy", np.ascontiguousarray(estimate[:, ::WAVE_FIXTURE_STRIDE]))
    np.save(folder / "mask.npy", np.ascontiguousarray(mask))
    np.save(folder / "stem.npy", np.ascontiguousarray(stem[:, ::WAVE_FIXTURE_STRIDE]))
