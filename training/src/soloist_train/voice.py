"""Sung lines: eSpeak NG speaks syllables and WORLD puts them on a melody."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
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
TEST_VOICES = ("pl+f5", "ro+m4", "fi+m5", "el+f2", "sv+f5", "nl+m6")
"""Voices that no training song has."""
LINES = 3
"""Lines of words that each voice knows; few, so that their analyses can be kept."""
RECORDED_S = 8.0
"""Length of the part of a recording that is analysed at a time."""


def speak(text: str, voice: str, sample_rate: int = SAMPLE_RATE) -> NDArray[np.float64]:
    """Spoken text at a sample rate, mono."""
    if shutil.which("espeak-ng") is None:
        raise TrainingError("sung lines need the program espeak-ng (see README.md)")
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        command = ["espeak-ng", "-v", voice, "-s", "120", "-w", str(wav), text]
        subprocess.run(command, check=True, capture_output=True)
        audio, rate = soundfile.read(wav)
    return soxr.resample(audio, rate, sample_rate)


@dataclass(frozen=True)
class Speech:
    """What WORLD found in a voice, each FRAME_MS: pitch in Hz, spectral envelope, breath."""

    f0: NDArray[np.float64]
    envelope: NDArray[np.floating[Any]]
    breath: NDArray[np.floating[Any]]
    runs: list[tuple[int, int, int]]
    """Syllables, as of `_syllables`."""
    full_band: bool = False
    """Whether the top octave is the voice's own; a speech synthesiser's is empty."""


def _world() -> Any:
    try:
        import pyworld
    except ImportError as error:
        raise TrainingError("sung lines need the `render` extra of soloist-train") from error
    return pyworld


def analyse(voice: NDArray[np.float64], full_band: bool = False) -> Speech:
    """WORLD's analysis of a voice at SAMPLE_RATE, mono."""
    world = _world()
    f0, times = world.dio(voice, SAMPLE_RATE, frame_period=FRAME_MS)
    envelope = world.cheaptrick(voice, f0, times, SAMPLE_RATE)
    breath = world.d4c(voice, f0, times, SAMPLE_RATE)
    return Speech(f0, envelope, breath, _syllables(f0), full_band)


@lru_cache(maxsize=48)
def spoken(voice: str, line: int) -> Speech:
    """The analysis of one of a voice's LINES; in less precision, for it is kept.

    A speech synthesiser has nothing above 11 kHz and no breath worth measuring: it is analysed at
    half the rate, where a bin is as wide as one of 2048 at the full rate, and given even breath.
    """
    world = _world()
    words = np.random.default_rng([line, *voice.encode()]).choice(SYLLABLES, size=14)
    half = SAMPLE_RATE // 2
    speech = speak(" ".join(words), voice, half)
    f0, times = world.dio(speech, half, frame_period=FRAME_MS)
    envelope = world.cheaptrick(speech, f0, times, half, fft_size=1024)
    hz = np.arange(1025) * SAMPLE_RATE / 2048
    steady = np.interp(hz, [0, 1000, 3000, 6000, 10000], [0.01, 0.03, 0.12, 0.45, 0.8])
    breath = np.where((f0 > 0)[:, None], steady, 1 - 1e-6)
    envelope = np.pad(envelope, ((0, 0), (0, 512)), mode="edge")
    return _compact(Speech(f0, envelope, breath, _syllables(f0)))


def _compact(speech: Speech) -> Speech:
    return replace(
        speech, envelope=speech.envelope.astype(np.float32),
        breath=speech.breath.astype(np.float16),
    )  # fmt: skip


@lru_cache(maxsize=16)
def recorded(path: Path, part: int) -> Speech | None:
    """The analysis of part `part` (RECORDED_S long) of a recorded voice; None past its end."""
    with soundfile.SoundFile(path) as file:
        start = int(part * RECORDED_S * file.samplerate)
        if start >= file.frames:
            return None
        file.seek(start)
        audio = file.read(int(RECORDED_S * file.samplerate), always_2d=True).mean(axis=1)
        rate = file.samplerate
    voice = soxr.resample(audio, rate, SAMPLE_RATE)
    if len(voice) < SAMPLE_RATE or np.abs(voice).max() < 1e-3:
        return None
    power = np.abs(np.fft.rfft(voice)) ** 2
    top = power[int(len(power) * 0.5) :].sum() > 1e-6 * power.sum()
    return _compact(analyse(np.ascontiguousarray(voice), full_band=bool(top)))


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


def _warp(spectrum: NDArray[Any], factor: float, fill: bool = True) -> NDArray[Any]:
    """Move formants by `factor`; `fill` the octave that speech synthesis leaves empty."""
    bins = spectrum.shape[1]
    source = np.clip(np.arange(bins) / factor, 0, bins - 1).astype(int)
    out = spectrum[:, source]
    if not fill:
        return out
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


def _phrases(source: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Spans of frames that sound, joined over pauses of less than 0.2 s."""
    heard = np.flatnonzero(source >= 0)
    if len(heard) == 0:
        return []
    gaps = np.flatnonzero(np.diff(heard) > 40)
    starts = np.concatenate([heard[:1], heard[gaps + 1]])
    stops = np.concatenate([heard[gaps], heard[-1:]]) + 4
    return [
        (max(int(a) - 2, 0), min(int(b), len(source))) for a, b in zip(starts, stops, strict=True)
    ]


def sing(
    notes: Sequence[Note],
    rng: np.random.Generator,
    seconds: float,
    speech: Speech | None = None,
    formants: tuple[float, float] = (0.88, 1.18),
) -> NDArray[np.float32]:
    """A sung melody, mono [samples], peak about 1.

    `speech` lends voice and words (drawn if None); its formants move by a factor in `formants`.
    """
    world = _world()
    borrowed = speech is not None
    if speech is None:
        words = " ".join(rng.choice(SYLLABLES, size=18))
        speech = analyse(speak(words, str(rng.choice(VOICES))))
    f0 = speech.f0
    total = int(seconds * SAMPLE_RATE)
    if not speech.runs:
        return np.zeros(total, dtype=np.float32)
    frames = int(seconds * 1000 / FRAME_MS)
    source, pitch, level = _schedule(notes, speech.runs, frames)
    at = np.maximum(source, 0)
    voiced = (source >= 0) & (f0[at] > 0)
    glide = int(rng.integers(2, 12))
    smooth = np.convolve(np.pad(pitch, glide, mode="edge"), np.ones(glide) / glide, "same")
    smooth = np.where(pitch > 0, smooth[glide:-glide], 0)
    time_s = np.arange(frames) * FRAME_MS / 1000
    depth = float(rng.uniform(0, 0.6))
    vibrato = 2 ** (depth / 12 * np.sin(2 * np.pi * float(rng.uniform(4.5, 6.5)) * time_s))
    sung = np.where(voiced & (smooth > pitch * 0.8), smooth, pitch) * vibrato * voiced
    shaped = _warp(speech.envelope, float(rng.uniform(*formants)), not speech.full_band)[at]
    shaped = shaped * np.maximum(level, 1e-4)[:, None] ** 2
    shaped = np.ascontiguousarray(shaped, dtype=np.float64)
    breath = np.ascontiguousarray(speech.breath[at], dtype=np.float64)
    # WORLD takes as long over silence as over sound: phrases of a known voice go one by one.
    spans = _phrases(source) if borrowed else [(0, frames)]
    out = np.zeros(total, dtype=np.float32)
    for start, stop in spans:
        audio = world.synthesize(
            sung[start:stop], shaped[start:stop], breath[start:stop], SAMPLE_RATE, FRAME_MS
        )
        first = int(start * FRAME_MS * SAMPLE_RATE / 1000)
        count = min(total - first, len(audio))
        out[first : first + count] += audio[:count]
    return out / max(float(np.abs(out).max()), 1e-6)
