"""Fixtures that tie the Rust engine's analysis and inference to this package's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import soundfile

from . import bands

FRAMES = 64
STRIDE = 8
"""Every STRIDE-th of the FRAMES frames is stored, to keep the files small."""


def fixture_audio() -> bands.Float:
    """Stereo test signal [2, 63 * HOP_SIZE]: chords, a bass line, clicks and noise, panned."""
    samples = (FRAMES - 1) * bands.HOP_SIZE
    seconds = np.arange(samples) / bands.SAMPLE_RATE
    rng = np.random.default_rng(63)
    out = np.zeros((2, samples))
    for i, hz in enumerate((110.0, 220.0, 277.18, 329.63, 440.0, 1318.5)):
        tone = sum(np.sin(2 * np.pi * hz * h * seconds + i) / h**1.5 for h in range(1, 6))
        pan = (i + 0.5) / 6
        out += 0.06 * tone * np.array([[np.cos(pan * np.pi / 2)], [np.sin(pan * np.pi / 2)]])
    for beat in range(6):
        start = int((0.05 + 0.24 * beat) * bands.SAMPLE_RATE)
        decay = np.exp(-np.arange(samples - start) / (0.04 * bands.SAMPLE_RATE))
        out[:, start:] += 0.2 * rng.normal(size=(2, samples - start)) * decay
    # The last fifth fades to digital silence, so that the floor is covered too.
    quiet = int(0.8 * samples)
    out[:, quiet:] *= np.maximum(1.0 - np.arange(samples - quiet) / (0.05 * samples), 0.0)
    return out.astype(np.float32)


def write_fixtures(run: ort.InferenceSession, folder: Path) -> None:
    """Write input.wav, band_edges.npy, features.npy and logits.npy (one run of 64 frames)."""
    folder.mkdir(parents=True, exist_ok=True)
    audio = fixture_audio()
    soundfile.write(folder / "input.wav", audio.T, bands.SAMPLE_RATE, subtype="FLOAT")
    features = bands.features(bands.stft(audio))
    logits = run.run(["mask_logits"], {"features": features[None]})[0][0]
    np.save(folder / "band_edges.npy", bands.band_edges())
    np.save(folder / "features.npy", np.ascontiguousarray(features[:, :, ::STRIDE]))
    np.save(folder / "logits.npy", np.ascontiguousarray(logits[:, :, ::STRIDE]))
