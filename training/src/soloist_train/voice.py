"""Sung lines: eSpeak NG speaks syllables and WORLD puts them on a melody."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from .bands import SAMPLE_RATE
from .errors import TrainingError
from .song import Note

FRAME_MS = 5.0
SYLLABLES = (
    "la na day moon light you and me oh far a way sun rise blue sky so long my heart will go on "
    "feel the rain fall down run time low high star fire hold on tell now here we are love home"
).split()
VOICES = ("en-us", "en-gb", "en-us+f2", "en-us+f3", "en-us+f4", "en-us+m1", "en-us+m3",
          "en-us+m7", "it", "es", "it+f3", "es+f2", "de+m2", "fr-fr+f4", "pt+f3")  # fmt: skip


def speak(text: str, voice: str) -> NDArray[np.float64]:
    """Spoken text at SAMPLE_RATE, mono."""
    if shutil.which("espeak-ng") is None:
        raise TrainingError("sung lines need the program espeak-ng (see README.md)")
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        command = ["espeak-ng", "-v", voice, "-s", "120", "-w", str(wav), text]
        subprocess.run(command, check=True, capture_output=True)
        audio, rate = soundfile.read(wav)
    return soxr.resample(audio, rate, SAMPLE_RATE)


def _syllables(f0: NDArray[Any]) -> list[tuple[int, int, int]]:
    """Voiced runs of at least 60 ms as (start with its consonant, voiced start, end), frames."""
    voiced = np.concatenate([[False], f0 > 0, [False]])
    starts = np.flatnonzero(~voiced[:-1] & voiced[1:])
    ends = np.flatnonzero(voiced[:-1] & ~voiced[1:])
    runs, previous = [], 0
    for start, end in zip(starts, ends, strict=True):
        if end - start >= 12:
            runs.append((max(previous, start - 20), int(start), int(end)))
            previous = end
    return runs


def _warp(spectrum: NDArray[Any], factor: float) -> NDArray[Any]:
    """Move formants by `factor`, and fill the octave that speech synthesis leaves empty."""
    bins = spectrum.shape[1]
    source = np.clip(np.arange(bins) / factor, 0, bins - 1).astype(int)
    out = spectrum[:, source]
    cut = int(9500 / (SAMPLE_RATE / 2) * bins)
    above = np.arange(cut, bins)
    span = cut // 5  # repeats of the octave's top fifth, about 7.6 to 9.5 kHz, falling
    out[:, above] = out[:, cut - (above - cut) % span - 1] * np.exp(-(above - cut) / bins * 6.0)
    return out


def _schedule(
    notes: Sequence[Note], runs: Sequence[tuple[int, int, int]], frames: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """For each output frame: the analysed frame to use (-1 = silence), pitch in Hz, level."""
    source = np.full(frames, -1, dtype=np.int64)
    pitch = np.zeros(frames)
    level = np.zeros(frames)
    for i, note in enumerate(notes):
        lead, voiced, end = runs[i % len(runs)]
        start = int(note.start_s * 1000 / FRAME_MS)
        count = min(int(note.length_s * 1000 / FRAME_MS), frames - start)
        if count < 8:
            continue
        head = min(voiced - lead, count // 3)
        tail = voiced + np.linspace(0, end - voiced - 1, count - head).astype(np.int64)
        source[start : start + count] = np.concatenate([np.arange(voiced - head, voiced), tail])
        pitch[start : start + count] = 440 * 2 ** ((note.pitch - 69) / 12)
        fade = np.minimum(1.0, (count - np.arange(count)) / min(12, count))
        level[start : start + count] = note.velocity / 127 * fade
    return source, pitch, level


def sing(notes: Sequence[Note], rng: np.random.Generator, seconds: float) -> NDArray[np.float32]:
    """A sung melody, mono [samples], peak about 1."""
    try:
        import pyworld
    except ImportError as error:
        raise TrainingError("sung lines need the `render` extra of soloist-train") from error
    words = " ".join(rng.choice(SYLLABLES, size=18))
    speech = speak(words, str(rng.choice(VOICES)))
    f0, times = pyworld.dio(speech, SAMPLE_RATE, frame_period=FRAME_MS)
    envelope = pyworld.cheaptrick(speech, f0, times, SAMPLE_RATE)
    breath = pyworld.d4c(speech, f0, times, SAMPLE_RATE)
    runs = _syllables(f0)
    total = int(seconds * SAMPLE_RATE)
    if not runs:
        return np.zeros(total, dtype=np.float32)
    frames = int(seconds * 1000 / FRAME_MS)
    source, pitch, level = _schedule(notes, runs, frames)
    at = np.maximum(source, 0)
    voiced = (source >= 0) & (f0[at] > 0)
    glide = int(rng.integers(2, 12))
    smooth = np.convolve(np.pad(pitch, glide, mode="edge"), np.ones(glide) / glide, "same")
    smooth = np.where(pitch > 0, smooth[glide:-glide], 0)
    time_s = np.arange(frames) * FRAME_MS / 1000
    depth = float(rng.uniform(0, 0.6))
    vibrato = 2 ** (depth / 12 * np.sin(2 * np.pi * float(rng.uniform(4.5, 6.5)) * time_s))
    sung = np.where(voiced & (smooth > pitch * 0.8), smooth, pitch) * vibrato * voiced
    shaped = _warp(envelope, float(rng.uniform(0.88, 1.18)))[at]
    shaped = shaped * np.maximum(level, 1e-4)[:, None] ** 2
    shaped = np.ascontiguousarray(shaped)
    audio = pyworld.synthesize(sung, shaped, breath[at], SAMPLE_RATE, FRAME_MS)
    out = np.zeros(total, dtype=np.float32)
    count = min(total, len(audio))
    out[:count] = audio[:count]
    return out / max(float(np.abs(out).max()), 1e-6)
