"""Notes to audio: FluidSynth with the soundfonts that are installed, and own oscillators."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from .bands import SAMPLE_RATE
from .errors import TrainingError
from .song import Note

Audio = NDArray[np.float32]
"""Stereo audio [2, samples]."""

FOLDERS = (Path("/usr/share/sounds/sf2"), Path("/usr/share/sounds/sf3"))
FONTS = {
    "fluid": "FluidR3_GM.sf2",
    "timgm": "TimGM6mb.sf2",
    "opl3": "OPL-3_FM_128M.sf2",
    "musescore": "MuseScore_General_Full.sf3",
}
KITS = {"blackpearl": "Black_Pearl_4_LV2.sf2", "redzeppelin": "Red_Zeppelin_4_LV2.sf2"}
DRUM_BANK = 128


@cache
def installed_fonts() -> dict[str, Path]:
    """Soundfonts found on this machine, by short name."""
    found = {}
    for name, file in {**FONTS, **KITS}.items():
        for folder in FOLDERS:
            if (folder / file).is_file():
                found[name] = folder / file
    return found


def _synth(font: Path) -> tuple[Any, int]:
    """A new FluidSynth with one font file; its own reverb and chorus are off.

    New for each part, although one could be reused: the state of its dither and of its voices
    would make a song depend on what was rendered before it.
    """
    try:
        import fluidsynth
    except ImportError as error:
        raise TrainingError(
            "rendering needs FluidSynth: install the system package `fluidsynth` and the "
            "`render` extra of soloist-train"
        ) from error
    synth = fluidsynth.Synth(gain=0.4, samplerate=float(SAMPLE_RATE))
    synth.setting("synth.reverb.active", 0)
    synth.setting("synth.chorus.active", 0)
    synth.setting("synth.polyphony", 128)
    synth.setting("synth.dynamic-sample-loading", 1)
    font_id = synth.sfload(str(font))
    if font_id < 0:
        synth.delete()
        raise TrainingError(f"{font} is not a soundfont that FluidSynth can read")
    return synth, font_id


def list_presets(font: Path) -> tuple[tuple[int, int], ...]:
    """Banks and programs that a soundfont has."""
    synth, font_id = _synth(font)
    banks = (*range(18), 120, DRUM_BANK)
    found = [
        (bank, program)
        for bank in banks
        for program in range(128)
        if synth.sfpreset_name(font_id, bank, program) is not None
    ]
    synth.delete()
    return tuple(found)


def play(notes: Sequence[Note], font: str, bank: int, preset: int, seconds: float) -> Audio:
    """As `play_font` in 16 bits, by the short name of an installed soundfont."""
    return play_font(notes, installed_fonts()[font], bank, preset, seconds, dithered=True)


def _read_float(synth: Any, count: int) -> NDArray[np.float32]:
    """The next `count` samples as [count * 2] interleaved; FluidSynth's 16 bits bring dither."""
    import fluidsynth

    out = np.empty(2 * count, dtype=np.float32)
    address = ctypes.c_void_p(out.ctypes.data)
    fluidsynth._fl.fluid_synth_write_float(
        ctypes.c_void_p(synth.synth), count, address, 0, 2, address, 1, 2
    )
    return out


def play_font(
    notes: Sequence[Note],
    font: Path,
    bank: int,
    preset: int,
    seconds: float,
    dithered: bool = False,
) -> Audio:
    """Render notes with one preset of a soundfont; level as the font gives it.

    `dithered`: in 16 bits, as the demo song is; its noise shows where a soft part is made loud.
    """
    synth, font_id = _synth(font)

    def read(count: int) -> NDArray[np.float32]:
        if dithered:
            return synth.get_samples(count).astype(np.float32) / np.float32(32768.0)
        return _read_float(synth, count)

    channel = 0
    synth.program_select(channel, font_id, bank, preset)
    total = int(seconds * SAMPLE_RATE)
    events: list[tuple[int, int, Note]] = []
    for note in notes:
        start = int(note.start_s * SAMPLE_RATE)
        if start < total:
            events.append((start, 1, note))
            events.append((start + max(int(note.length_s * SAMPLE_RATE), 256), 0, note))
    events.sort(key=lambda e: e[:2])
    pieces, now = [], 0
    for at, on, note in events:
        at = min(at, total)
        if at > now:
            pieces.append(read(at - now))
            now = at
        if on:
            synth.noteon(channel, note.pitch, note.velocity)
        else:
            synth.noteoff(channel, note.pitch)
    if now < total:
        pieces.append(read(total - now))
    synth.delete()
    stereo = np.concatenate(pieces).reshape(-1, 2).T
    return np.ascontiguousarray(stereo)


def oscillate(notes: Sequence[Note], rng: np.random.Generator, seconds: float) -> Audio:
    """Own subtractive synthesiser: a random patch of detuned saws, squares or FM pairs."""
    total = int(seconds * SAMPLE_RATE)
    out = np.zeros((2, total), dtype=np.float64)
    kind = str(rng.choice(["saw", "square", "fm", "sine"]))
    detune = float(rng.uniform(0.0, 0.012))
    attack_s = float(rng.choice([0.003, 0.01, 0.15]))
    decay_s = float(rng.choice([0.15, 0.5, 3.0]))
    index, ratio = float(rng.uniform(0.5, 5)), float(rng.choice([0.5, 1, 2, 3, 3.5]))
    for note in notes:
        start = int(note.start_s * SAMPLE_RATE)
        count = min(int((note.length_s + 0.15) * SAMPLE_RATE), total - start)
        if count < 64:
            continue
        t = np.arange(count) / SAMPLE_RATE
        release = np.clip((note.length_s + 0.15 - t) / 0.15, 0, 1)
        shape = np.minimum(t / attack_s, 1.0) * np.exp(-t / decay_s) * release
        hz = 440.0 * 2 ** ((note.pitch - 69) / 12)
        for side, factor in enumerate((1 - detune, 1 + detune)):
            wave = _wave(kind, hz * factor * t, index * np.exp(-t / decay_s), ratio, hz)
            out[side, start : start + count] += wave * shape * note.velocity / 127
    cutoff = float(np.exp(rng.uniform(np.log(500), np.log(12000))))
    sos = butter(2, cutoff, fs=SAMPLE_RATE, output="sos")
    return sosfilt(sos, out, axis=-1).astype(np.float32)


def _wave(
    kind: str, cycles: NDArray[Any], index: NDArray[Any], ratio: float, hz: float
) -> NDArray[Any]:
    """One oscillator; saws and squares are summed from harmonics below 16 kHz (no aliasing)."""
    phase = 2 * np.pi * cycles
    if kind == "fm":
        return np.sin(phase + index * np.sin(phase * ratio))
    if kind == "sine":
        return np.sin(phase) + 0.15 * np.sin(2 * phase)
    top = min(int(16000 / hz), 24)
    step = 1 if kind == "saw" else 2
    return sum(
        (np.sin(h * phase) / h for h in range(1, max(top, 1) + 1, step)), np.zeros_like(phase)
    )


def beat_machine(notes: Sequence[Note], rng: np.random.Generator, seconds: float) -> Audio:
    """Own drum machine: kick and toms are falling sines, the rest shaped noise and metal."""
    total = int(seconds * SAMPLE_RATE)
    out = np.zeros((2, total), dtype=np.float32)
    kit: dict[int, NDArray[np.float32]] = {}
    width = {p: float(rng.uniform(-0.5, 0.5)) for p in range(128)}
    width[36] = width[35] = 0.0
    for note in notes:
        if note.pitch not in kit:
            kit[note.pitch] = _drum_hit(note.pitch, rng)
        start = int(note.start_s * SAMPLE_RATE)
        hit = kit[note.pitch][: total - start]
        if start < total:
            level = (note.velocity / 127) ** 1.5
            out[0, start : start + len(hit)] += hit * level * (1 - width[note.pitch])
            out[1, start : start + len(hit)] += hit * level * (1 + width[note.pitch])
    return out


def _drum_hit(pitch: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """One drum sound of at most a second."""
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    noise = rng.normal(size=len(t)) * 0.35
    if pitch in (35, 36, 41, 43, 45, 47, 48, 50):
        low = float(rng.uniform(40, 62)) * (1.0 if pitch < 40 else 1.5 + (pitch - 41) / 6)
        drop = float(rng.uniform(1, 6)) * np.exp(-t / float(rng.uniform(0.01, 0.05)))
        tone = np.sin(2 * np.pi * np.cumsum(low * (1 + drop)) / SAMPLE_RATE)
        hit = tone * np.exp(-t / float(rng.uniform(0.08, 0.45)))
        return (hit + noise * np.exp(-t / 0.004)).astype(np.float32)
    if pitch in (37, 38, 39, 40):
        body = np.sin(2 * np.pi * float(rng.uniform(160, 260)) * t) * np.exp(-t / 0.06)
        sos = butter(2, float(rng.uniform(700, 3000)), "high", fs=SAMPLE_RATE, output="sos")
        rattle = sosfilt(sos, noise) * np.exp(-t / float(rng.uniform(0.05, 0.2)))
        return (0.5 * body * (pitch != 39) + 1.6 * rattle).astype(np.float32)
    metal = sum(np.sign(np.sin(2 * np.pi * float(f) * t)) for f in rng.uniform(2000, 9000, size=5))
    sos = butter(3, float(rng.uniform(5000, 9000)), "high", fs=SAMPLE_RATE, output="sos")
    long_s = 0.6 if pitch in (46, 49, 51, 53, 55, 57) else 0.05
    decay = np.exp(-t / (long_s * float(rng.uniform(0.5, 1.5))))
    return (sosfilt(sos, noise + 0.06 * metal) * decay).astype(np.float32)
