"""Audio files as blocks: any format, exact sections, any rate, and never a whole file in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import soundfile
import soxr

from ..bands import SAMPLE_RATE, Float
from ..errors import TrainingError

BLOCK = 1 << 17
"""Samples of a block: 3 s at SAMPLE_RATE."""
SUFFIXES = frozenset(
    ".wav .flac .ogg .oga .opus .mp3 .m4a .mp4 .aac .aif .aiff .aifc .caf .wma .mka .wv".split()
)
"""Endings of the files that count as audio in a folder."""


class Recording(NamedTuple):
    """An audio file, or with `stream` one of the audio streams of a file (from 0)."""

    path: Path
    stream: int | None = None


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of itself. `samples` at `rate` Hz; an estimate for some lossy formats."""

    samples: int
    rate: int
    channels: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples / self.rate


def probe(recording: Recording) -> AudioInfo:
    """Length, rate and channels from the file's header; TrainingError where it is no audio."""
    path, stream = _existing(recording)
    if stream is None:
        try:
            with soundfile.SoundFile(path) as file:
                return AudioInfo(file.frames, file.samplerate, file.channels)
        except soundfile.LibsndfileError:
            pass  # FFmpeg reads more formats
    with _opened(path) as container:
        audio = _audio_stream(container, path, stream or 0)
        if audio.duration is not None:
            seconds = float(audio.duration * audio.time_base)
        else:
            seconds = (container.duration or 0) / av.time_base
        return AudioInfo(round(seconds * audio.rate), audio.rate, audio.channels)


def native_blocks(
    recording: Recording, start: int = 0, count: int | None = None
) -> Iterator[Float]:
    """Stereo blocks [2, up to BLOCK] at the file's own rate, from sample `start` on, `count` in
    all or as many as there are; mono is doubled."""
    path, stream = _existing(recording)
    pieces = _decode(path, stream or 0, start)
    if stream is None:
        try:
            file = soundfile.SoundFile(path)
        except soundfile.LibsndfileError:
            pass
        else:
            pieces = _read(file, path, start)
    left = count if count is not None else 1 << 62
    for piece in pieces:
        if left <= 0:
            return
        audio = piece[:, :left]
        left -= audio.shape[1]
        if audio.shape[0] > 2:
            raise TrainingError(f"{path} has {audio.shape[0]} channels; mono or stereo is needed")
        if not np.isfinite(audio).all():
            raise TrainingError(f"{path} holds values that are not finite")
        yield np.repeat(audio, 2 // audio.shape[0], axis=0)


def blocks(
    recording: Recording, start_s: float = 0.0, seconds: float | None = None, speed: float = 1.0
) -> Iterator[Float]:
    """Stereo blocks [2, n] at SAMPLE_RATE of a section of a recording; n is up to the reader.

    `start_s` and `seconds` are positions in the file. `speed` plays it faster, which also moves
    its pitch: a change of the rate that the samples are taken to have.
    """
    rate = probe(recording).rate
    count = None if seconds is None else round(seconds * rate)
    source = native_blocks(recording, round(start_s * rate), count)
    if rate == SAMPLE_RATE and speed == 1.0:
        yield from source
        return
    resampler = soxr.ResampleStream(rate * speed, SAMPLE_RATE, 2, quality="HQ")
    for block in source:
        yield np.ascontiguousarray(resampler.resample_chunk(np.ascontiguousarray(block.T)).T)
    yield np.ascontiguousarray(resampler.resample_chunk(np.zeros((0, 2), np.float32), last=True).T)


def read(recording: Recording) -> Float:
    """A whole recording as stereo [2, samples] at SAMPLE_RATE."""
    return np.concatenate([np.zeros((2, 0), np.float32), *blocks(recording)], axis=1)


def read_audio(path: Path) -> Float:
    """An audio file that must be at SAMPLE_RATE as stereo [2, samples]; mono is doubled."""
    recording = Recording(path)
    rate = probe(recording).rate
    if rate != SAMPLE_RATE:
        raise TrainingError(f"{path} is at {rate} Hz; {SAMPLE_RATE} Hz is needed")
    return read(recording)


def _existing(recording: tuple[Path, int | None]) -> tuple[Path, int | None]:
    path, stream = recording
    if not path.is_file():
        raise TrainingError(f"no audio file at {path}")
    return path, stream


def _read(file: soundfile.SoundFile, path: Path, start: int) -> Iterator[Float]:
    """Blocks [channels, n] of an open file from sample `start`."""
    with file:
        try:
            file.seek(min(start, file.frames))
            while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
                yield block.T
        except soundfile.LibsndfileError as error:
            raise TrainingError(f"{path} is not readable audio: {error}") from error


def _opened(path: Path) -> av.container.InputContainer:
    try:
        return av.open(str(path))
    except av.FFmpegError as error:
        raise TrainingError(f"{path} is not readable audio: {error}") from error


def _audio_stream(container: av.container.InputContainer, path: Path, index: int) -> av.AudioStream:
    streams = container.streams.audio
    if index >= len(streams):
        raise TrainingError(f"{path}: no audio stream {index}, it has {len(streams)}")
    return streams[index]


def _decode(path: Path, index: int, start: int) -> Iterator[Float]:
    """Blocks [channels, n] that FFmpeg decodes, from sample `start` on.

    It decodes from the file's beginning: after a seek, AAC's noise substitution gives other noise.
    """
    try:
        with _opened(path) as container:
            stream = _audio_stream(container, path, index)
            planar = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
            skip = start
            for frame in container.decode(stream):
                for piece in planar.resample(frame):
                    audio = piece.to_ndarray()
                    if audio.shape[1] > skip:
                        yield audio[:, skip:]
                    skip = max(skip - audio.shape[1], 0)
    except (av.FFmpegError, ValueError) as error:
        raise TrainingError(f"{path} is not readable audio: {error}") from error
