"""Changes that are made once, when data is prepared: pitch and tempo apart, and codec noise.

What is linear on an STFT (gain, balance, width, sides, polarity, equaliser, silence) is drawn anew
for every example in `mix.py` instead.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass

import av
import numpy as np
import soundfile
import soxr

from .bands import SAMPLE_RATE, Float
from .errors import TrainingError

PART_S = 60.0
"""Longest part of a piece that is changed in one go: this bounds the memory."""
KBIT_S = {"mp3": (48, 160), "aac": (40, 160), "opus": (24, 128), "vorbis": (48, 160)}
"""Range of the bit rates of each codec, in kbit/s for a stereo stem."""
OPUS_RATE = 48_000


@dataclass(frozen=True)
class Ranges:
    """How far variants go."""

    semitones: float = 2.0
    """Largest shift of the pitch, up or down."""
    tempo: float = 0.15
    """Largest change of the tempo: 0.15 gives factors from 1 / 1.15 to 1.15."""
    codec: float = 0.5
    """Chance that a variant has been through a lossy codec."""

    def __post_init__(self) -> None:
        """Refuse ranges beyond an octave or a factor of two, and chances that are none."""
        if not (0 <= self.semitones <= 12 and 0 <= self.tempo <= 1 and 0 <= self.codec <= 1):
            raise TrainingError(
                f"variants of {self.semitones:g} semitones, tempo {self.tempo:g} and codec "
                f"{self.codec:g}: 0 to 12, 0 to 1 and 0 to 1 are needed"
            )


@dataclass(frozen=True)
class Variant:
    """One changed version of a piece."""

    number: int
    semitones: float
    tempo: float
    """2 is twice as fast."""
    codec: str | None
    kbit_s: int

    def __str__(self) -> str:
        """For people, in names of clips."""
        codec = f", {self.codec} {self.kbit_s} kbit/s" if self.codec else ""
        return f"{self.semitones:+.2f} semitones, tempo {self.tempo:.3f}{codec}"


def draw_variant(name: str, number: int, seed: int, ranges: Ranges) -> Variant:
    """Variant `number` of the piece or part `name`: the same for the same seed, whatever else is
    prepared."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), number])
    semitones = float(rng.uniform(-ranges.semitones, ranges.semitones))
    tempo = float((1 + ranges.tempo) ** rng.uniform(-1, 1))
    codec = str(rng.choice(list(KBIT_S)))
    low, high = KBIT_S[codec]
    kbit_s = round(low * (high / low) ** rng.random())
    coded = rng.random() < ranges.codec
    return Variant(number, round(semitones, 3), round(tempo, 4), codec if coded else None, kbit_s)


def apply_variant(stems: dict[str, Float], variant: Variant) -> dict[str, Float]:
    """The stems [2, samples] of a piece or part, changed alike; they stay of one length."""
    changed = {}
    for source, audio in stems.items():
        moved = stretch(audio, variant.semitones, variant.tempo)
        if variant.codec:
            moved = through_codec(moved, variant.codec, variant.kbit_s)
        changed[source] = moved
    length = min(audio.shape[1] for audio in changed.values())
    return {source: audio[:, :length] for source, audio in changed.items()}


def stretch(audio: Float, semitones: float, tempo: float) -> Float:
    """Audio [2, samples] at another pitch and another tempo (Rubber Band through pedalboard)."""
    if semitones == 0.0 and tempo == 1.0:
        return audio
    try:
        from pedalboard import time_stretch
    except ImportError as error:
        raise TrainingError(
            "variants of pitch and tempo need the `augment` extra of soloist-train"
        ) from error
    return time_stretch(
        np.ascontiguousarray(audio), SAMPLE_RATE, tempo, semitones, high_quality=False
    )


def through_codec(audio: Float, codec: str, kbit_s: int) -> Float:
    """Audio [2, samples] as it comes back from a lossy codec, at its place and length."""
    if codec not in KBIT_S:
        raise TrainingError(f"no codec `{codec}`; there are {', '.join(KBIT_S)}")
    peak = float(np.abs(audio).max(initial=0.0))
    scale = max(peak, 1.0)  # encoders clip what exceeds full scale
    sent = np.ascontiguousarray(audio / np.float32(scale), np.float32)
    got = _vorbis(sent, kbit_s) if codec == "vorbis" else _ffmpeg(sent, codec, kbit_s)
    got = got[:, : audio.shape[1]]
    got = np.pad(got, ((0, 0), (0, audio.shape[1] - got.shape[1])))
    return (got * np.float32(scale)).astype(np.float32)


def _vorbis(audio: Float, kbit_s: int) -> Float:
    """Ogg Vorbis by libsndfile, since FFmpeg's own encoder is experimental. It takes a quality
    from 0 to 1, whose nominal rates are 64 to 500 kbit/s."""
    quality = float(np.clip(np.log(kbit_s / 64) / np.log(500 / 64), 0.0, 1.0))
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", SAMPLE_RATE, 2, "VORBIS", format="OGG", compression_level=1 - quality
    ) as out:
        for start in range(0, audio.shape[1], 65_536):
            out.write(audio[:, start : start + 65_536].T)
    file.seek(0)
    return soundfile.read(file, dtype="float32", always_2d=True)[0].T


def _ffmpeg(audio: Float, codec: str, kbit_s: int) -> Float:
    """MP3, AAC or Opus by FFmpeg, through a container that notes the encoder's delay."""
    encoder, container, sample_format = {
        "mp3": ("libmp3lame", "mp3", "fltp"),
        "aac": ("aac", "mp4", "fltp"),
        "opus": ("libopus", "ogg", "flt"),
    }[codec]
    rate = OPUS_RATE if codec == "opus" else SAMPLE_RATE
    if rate != SAMPLE_RATE:
        audio = soxr.resample(audio.T, SAMPLE_RATE, rate).T
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(encoder, rate=rate, layout="stereo")
        stream.bit_rate = kbit_s * 1000
        planar = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(audio), format="fltp", layout="stereo"
        )
        planar.sample_rate = rate
        planar.pts = 0
        frames = av.AudioResampler(sample_format, "stereo", rate).resample(planar)
        for frame in frames:
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container_in:
        planar_out = av.AudioResampler("fltp", "stereo", rate)
        parts = [
            part.to_ndarray()
            for frame in container_in.decode(audio=0)
            for part in planar_out.resample(frame)
        ]
    got = np.concatenate(parts, axis=1)
    return got if rate == SAMPLE_RATE else soxr.resample(got.T, rate, SAMPLE_RATE).T
