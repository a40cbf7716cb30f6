"""Fixtures that tie the Rust engine's analysis and inference to this package's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import soundfile

from . import bands
from .predict import apply_masks, softmax_masks

FRAMES = 64
STRIDE = 8
"""Every STRIDE-th of the FRAMES frames is stored, to keep the files small."""
SAMPLE_STRIDE = 16
"""Every SAMPLE_STRIDE-th sample of the stems is stored."""


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
    """Write the test signal and each step from it to the stems, of one run of 64 frames:

    - input.wav: stereo, float
    - band_edges.npy [513]: first bin of each band, and the end of the last
    - features.npy [3, bands, 8], logits.npy [12, bands, 8] and masks.npy [6, 2, bands, 8], the
      softmax over sources: every STRIDE-th frame
    - stems.npy [6, 2, 4032]: the masked mix, every SAMPLE_STRIDE-th sample
    """
    folder.mkdir(parents=True, exist_ok=True)
    audio = fixture_audio()
    soundfile.write(folder / "input.wav", audio.T, bands.SAMPLE_RATE, subtype="FLOAT")
    spectrum = bands.stft(audio)
    features = bands.features(spectrum)
    logits = run.run(["mask_logits"], {"features": features[None]})[0][0]
    masks = softmax_masks(logits)
    stems = apply_masks(spectrum, masks, audio.shape[1]).astype(np.float32)
    arrays = {
        "band_edges": bands.band_edges(),
        "features": features[..., ::STRIDE],
        "logits": logits[..., ::STRIDE],
        "masks": masks[..., ::STRIDE],
        "stems": stems[..., ::SAMPLE_STRIDE],
    }
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(values))
