"""A sampler: notes to audio through the regions of a sampled instrument."""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from numba import njit
from numpy.typing import NDArray

from .bands import SAMPLE_RATE
from .errors import TrainingError
from .sfz import Region
from .song import Note
from .synth import Audio

MAX_SECONDS = 30.0
"""No more of a sample is read."""
MAX_RATE = 384_000
CACHE_BYTES = 256_000_000
MAX_VOICES = 20_000
"""Voices of one part; more notes than that are a mistake."""
MIN_RELEASE_S = 0.012
"""A shorter release clicks."""
CHOKE_S = 0.01
"""Fade of a voice that another one cuts off (an open hi-hat by a closed one)."""


@dataclass
class Sample:
    """Decoded audio [channels, frames], its rate, and the file's own loop and key."""

    audio: NDArray[np.float32]
    rate: int
    complete: bool
    loop: tuple[int, int] | None
    key: float | None


_cache: OrderedDict[Path, Sample] = OrderedDict()


def load(path: Path, frames: int) -> Sample:
    """At least `frames` frames of a file, or all that it has (MAX_SECONDS at most).

    What is decoded stays in a cache of CACHE_BYTES a process.
    """
    known = _cache.get(path)
    if known is not None and (known.complete or known.audio.shape[1] >= frames):
        _cache.move_to_end(path)
        return known
    try:
        with soundfile.SoundFile(path) as file:
            if file.channels > 2 or file.samplerate > MAX_RATE:
                raise TrainingError(
                    f"{path}: mono or stereo up to {MAX_RATE} Hz is needed, found "
                    f"{file.channels} channels at {file.samplerate} Hz"
                )
            limit = int(MAX_SECONDS * file.samplerate)
            # Whole seconds, so that the next, slightly longer note finds its part decoded.
            wanted = min(-(-frames // file.samplerate) * file.samplerate, limit)
            audio = file.read(wanted, dtype="float32", always_2d=True).T
            complete = wanted >= min(file.frames, limit)
            rate = file.samplerate
    except (soundfile.LibsndfileError, OSError) as error:
        raise TrainingError(f"{path} is not readable audio: {error}") from error
    if audio.shape[1] == 0 or not np.isfinite(audio).all():
        raise TrainingError(f"{path} is empty or holds values that are not finite")
    loop, key = riff_loop(path)
    _cache.pop(path, None)
    _cache[path] = Sample(np.ascontiguousarray(audio), rate, complete, loop, key)
    while sum(s.audio.nbytes for s in _cache.values()) > CACHE_BYTES and len(_cache) > 1:
        _cache.popitem(last=False)
    return _cache[path]


def riff_loop(path: Path) -> tuple[tuple[int, int] | None, float | None]:
    """Loop (first and last frame) and key of a WAV's `smpl` chunk, where it has one."""
    if path.suffix.lower() != ".wav":
        return None, None
    with path.open("rb") as file:
        if file.read(4) != b"RIFF" or file.read(8)[4:] != b"WAVE":
            return None, None
        for _ in range(64):
            header = file.read(8)
            if len(header) < 8:
                break
            name, size = struct.unpack("<4sI", header)
            if name == b"smpl" and size >= 36:
                body = file.read(min(size, 60))
                key, fraction, _, _, loops = struct.unpack_from("<5I", body, 12)
                found = None
                if loops and len(body) >= 60:
                    start, end = struct.unpack_from("<2I", body, 44)
                    found = (start, end) if end > start else None
                return found, key + fraction / 2**32 if 0 < key < 128 else None
            file.seek(size + size % 2, 1)
    return None, None


@dataclass
class _Voice:
    """A region that sounds: frames from the start of the part, `off` when its note ends."""

    region: Region
    note: Note
    start: int
    off: int
    cut: int
    gain: float


def choose(
    notes: Sequence[Note], regions: Sequence[Region], rng: np.random.Generator
) -> list[_Voice]:
    """The voices that notes start, in order of time."""
    by_key: dict[int, list[int]] = {}
    counters = [0] * len(regions)
    switch = next((r.switch_default for r in regions if r.switch_default is not None), None)
    voices: list[_Voice] = []
    sounding_until = -1.0
    for note in sorted(notes, key=lambda n: n.start_s):
        key = note.pitch
        if key not in by_key:
            by_key[key] = [i for i, r in enumerate(regions) if r.lokey <= key <= r.hikey]
        chance = float(rng.random())
        legato = note.start_s < sounding_until
        sounding_until = max(sounding_until, note.start_s + note.length_s)
        for i in by_key[key]:
            region = regions[i]
            if not region.lovel <= note.velocity <= region.hivel:
                continue
            if (region.trigger == "first" and legato) or (
                region.trigger == "legato" and not legato
            ):
                continue
            if region.switch_last is not None and (
                switch is None or not region.switch_last[0] <= switch <= region.switch_last[1]
            ):
                continue
            counters[i] += 1
            if (counters[i] - 1) % region.seq_length != region.seq_position - 1:
                continue
            if not (region.lorand <= chance < region.hirand or chance >= region.hirand >= 1.0):
                continue
            _start(voices, region, note)
    if len(voices) > MAX_VOICES:
        raise TrainingError(f"a part of {len(voices)} voices; at most {MAX_VOICES} are played")
    return voices


def _start(voices: list[_Voice], region: Region, note: Note) -> None:
    on, length_s = note.start_s, note.length_s
    gain = _gain(region, note.velocity)
    if region.trigger == "release":
        gain *= 10 ** (-abs(region.release_decay_db) * length_s / 20)
        on, length_s = on + length_s, MAX_SECONDS
    start = int((on + region.delay) * SAMPLE_RATE)
    if region.trigger != "release" and region.group:
        for other in voices:
            if other.region.off_by == region.group and other.start < start:
                other.cut = min(other.cut, start)
    voices.append(_Voice(region, note, start, start + int(length_s * SAMPLE_RATE), 2**62, gain))


def _gain(region: Region, velocity: int) -> float:
    v = velocity / 127
    # The format's default curve: 40 log10(v) dB, scaled by the tracking.
    curve = (
        v ** (2 * region.veltrack) if region.veltrack >= 0 else (1 - v) ** (-2 * region.veltrack)
    )
    low, high = region.fade_in
    if high > low:
        curve *= float(np.clip((velocity - low) / (high - low), 0, 1)) ** 0.5
    low, high = region.fade_out
    if high > low:
        curve *= float(np.clip((high - velocity) / (high - low), 0, 1)) ** 0.5
    return curve * region.amplitude * 10 ** (region.volume_db / 20)


def _read(voice: _Voice, total: int, bend: float) -> tuple[Sample, float]:
    """The voice's sample, as much of it as will sound, and its speed in frames a frame."""
    region = voice.region
    sounding = total - voice.start
    if region.loop_mode != "one_shot":
        # The kernel ends a release at -80 dB, 1.3 times the nominal time: what sounds must not
        # depend on how much of the sample another note has left in the cache.
        tail = int(1.4 * max(region.release, MIN_RELEASE_S) * SAMPLE_RATE) + 64
        sounding = min(sounding, voice.off - voice.start + tail)
    head = load(region.sample, int(sounding * 1.1) + region.offset)
    centre = region.keycenter if region.keycenter is not None else (head.key or 60.0)
    semitones = (voice.note.pitch - centre) * region.keytrack + region.tune + bend
    speed = 2 ** (float(np.clip(semitones, -60, 60)) / 12) * head.rate / SAMPLE_RATE
    wanted = int(sounding * speed) + region.offset + 8
    if region.loop_end is not None:
        wanted = max(wanted, region.loop_end + 8) if _loops(region, head) else wanted
    elif head.loop is not None and _loops(region, head):
        wanted = min(max(wanted, head.loop[1] + 8), int(MAX_SECONDS * head.rate))
    return load(region.sample, wanted), speed


def _loops(region: Region, sample: Sample) -> bool:
    mode = region.loop_mode or ("loop_continuous" if sample.loop else "no_loop")
    return mode in ("loop_continuous", "loop_sustain")


def play(
    notes: Sequence[Note],
    regions: Sequence[Region],
    seconds: float,
    rng: np.random.Generator,
    detune: float = 0.0,
) -> Audio:
    """Notes through an instrument; `detune` semitones move all. Level as the samples give it."""
    total = int(seconds * SAMPLE_RATE)
    out = np.zeros((2, total), dtype=np.float32)
    for voice in choose(notes, regions, rng):
        if voice.start >= total or voice.gain < 1e-5:
            continue
        region = voice.region
        sample, speed = _read(voice, total, detune)
        loop = (-1, -1)
        if _loops(region, sample):
            start = (
                region.loop_start if region.loop_start is not None else (sample.loop or (0, 0))[0]
            )
            end = region.loop_end if region.loop_end is not None else (sample.loop or (0, 0))[1]
            if 0 <= start < end < sample.audio.shape[1] and end - start >= 16:
                loop = (start, end)
        angle = (region.pan + 1) * np.pi / 4
        last = min(region.end or 2**62, sample.audio.shape[1] - 1)
        cutoff = region.cutoff_hz or 0.0
        if cutoff:
            cutoff *= 2 ** (region.cutoff_veltrack * voice.note.velocity / 127 / 1200)
        _voice(
            out, sample.audio, voice.start,
            2**62 if region.loop_mode == "one_shot" else voice.off, voice.cut, speed,
            float(region.offset), last, loop[0], loop[1], region.loop_mode == "loop_sustain",
            voice.gain * np.sqrt(2) * np.cos(angle), voice.gain * np.sqrt(2) * np.sin(angle),
            np.array([region.attack, region.hold, region.decay, region.sustain,
                      max(region.release, MIN_RELEASE_S)]),
            min(cutoff / SAMPLE_RATE, 0.45),
        )  # fmt: skip
    return out


@njit(cache=True, error_model="numpy")
def _voice(
    out: NDArray[np.float32],
    audio: NDArray[np.float32],
    start: int,
    off: int,
    cut: int,
    speed: float,
    position: float,
    last: int,
    loop_start: int,
    loop_end: int,
    sustain_loop: bool,
    left: float,
    right: float,
    envelope: NDArray[np.float64],
    cutoff: float,
) -> None:
    """Add one voice: cubic interpolation, a DAHDSR envelope with exponential falls, a low-pass."""
    rate = 44100.0
    attack, hold, decay = envelope[0] * rate, envelope[1] * rate, envelope[2] * rate
    sustain = envelope[3]
    fall = np.exp(-7.0 / max(decay, 1.0))
    release = np.exp(-7.0 / max(envelope[4] * rate, 1.0))
    choke = np.exp(-7.0 / (CHOKE_S * rate))
    stereo = audio.shape[0] == 2
    gain, above = 0.0, 1.0
    g = np.tan(np.pi * cutoff)
    a1 = 1.0 / (1.0 + g * (g + 1.2))
    s1 = np.zeros(2)
    s2 = np.zeros(2)
    for t in range(start, out.shape[1]):
        age = t - start
        if t >= cut:
            gain *= choke
        elif t >= off:
            gain *= release
        elif age < attack:
            gain = (age + 1.0) / attack
        elif age < attack + hold:
            gain = 1.0
        else:
            above *= fall
            gain = sustain + (1.0 - sustain) * above if decay > 0 else sustain
        if gain < 1e-4 and age > attack:
            break
        while loop_end > 0 and position > loop_end and not (sustain_loop and t >= off):
            position -= loop_end - loop_start + 1
        i = int(position)
        if i + 1 > last:
            break
        f = position - i
        for c in range(2):
            k = c if stereo else 0
            x0 = audio[k, i - 1] if i > 0 else audio[k, 0]
            x1, x2 = audio[k, i], audio[k, i + 1]
            x3 = audio[k, i + 2] if i + 2 <= last else x2
            c1 = 0.5 * (x2 - x0)
            c2 = x0 - 2.5 * x1 + 2.0 * x2 - 0.5 * x3
            c3 = 0.5 * (x3 - x0) + 1.5 * (x1 - x2)
            x = ((c3 * f + c2) * f + c1) * f + x1
            if cutoff > 0:
                hp = (x - (g + 1.2) * s1[c] - s2[c]) * a1
                bp = g * hp + s1[c]
                s1[c] = g * hp + bp
                lp = g * bp + s2[c]
                s2[c] = g * bp + lp
                x = lp
            out[c, t] += np.float32(x * gain * (left if c == 0 else right))
        position += speed


def key_range(regions: Sequence[Region]) -> tuple[int, int]:
    """Lowest and highest key that starts a sound."""
    heard = [r for r in regions if r.trigger != "release"] or list(regions)
    return min(r.lokey for r in heard), max(r.hikey for r in heard)


def fold(notes: Sequence[Note], low: int, high: int) -> list[Note]:
    """Notes moved by octaves into a range of keys; dropped where no octave fits."""
    out = []
    for note in notes:
        pitch = note.pitch
        while pitch < low:
            pitch += 12
        while pitch > high:
            pitch -= 12
        if pitch >= low:
            out.append(replace(note, pitch=pitch))
    return out
