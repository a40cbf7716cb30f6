"""The plain renderer: soundfonts and few effects. The repository's demo song is made with it.

Training songs come from `production`. This one stays as it is, so that the demo song does too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import effects, synth
from .bands import SAMPLE_RATE, SOURCES
from .drumming import drum_part
from .errors import TrainingError
from .parts import arpeggio_part, bass_part, chord_part, melody_part
from .song import Note, Plan, plan_song
from .synth import Audio
from .voice import sing

PEAK = 0.89
"""Highest sample of the mix, about -1 dBFS."""

BASSES = (32, 33, 33, 34, 34, 35, 36, 37, 38, 39)
GUITARS = {"acoustic": (24, 25), "clean": (26, 27), "crunch": (26, 27, 29), "distorted": (29, 30)}
PIANOS = (0, 0, 0, 1, 1, 2, 3, 4, 5)
OTHERS = {
    "organ": (16, 17, 18, 19), "strings": (48, 49, 50, 44, 45), "pad": tuple(range(88, 96)),
    "synth": (50, 51, 62, 63, 80, 81, 84, 90), "lead": tuple(range(80, 88)),
    "brass": (56, 57, 60, 61, 61), "wind": (64, 65, 66, 67, 68, 71, 73, 75),
    "fiddle": (40, 41, 110), "vibes": (11, 12, 9), "choir": (52,), "arp": (81, 84, 5, 46, 98),
    "stab": (81, 62, 90), "harp": (46,), "accordion": (21, 22, 23),
}  # fmt: skip
KIT_PRESETS = (0, 0, 8, 16, 24, 25, 32, 40)
LEVELS_DB = {"vocals": -16, "drums": -15, "bass": -18, "guitar": -19, "piano": -20, "other": -21}


def _font(plan: Plan, rng: np.random.Generator) -> str:
    weights = {"fluid": 0.38, "timgm": 0.24, "opl3": 0.08, "musescore": 0.3}
    names = [n for n in weights if n in plan.fonts]
    p = np.array([weights[n] for n in names])
    return str(rng.choice(names, p=p / p.sum()))


def _drums(plan: Plan, rng: np.random.Generator, seconds: float) -> tuple[Audio, str]:
    notes = drum_part(plan, rng)
    kits = [k for k in synth.KITS if k in plan.fonts]
    machine = plan.genre_name in ("electronic", "hiphop", "pop") and rng.random() < 0.6
    if machine or rng.random() < 0.08:
        audio, name = synth.beat_machine(notes, rng, seconds), "beat machine"
    elif kits and rng.random() < 0.4:
        font = str(rng.choice(kits))
        audio, name = synth.play(notes, font, 0, 0, seconds), font
    else:
        font, preset = _font(plan, rng), int(rng.choice(KIT_PRESETS))
        audio = synth.play(notes, font, synth.DRUM_BANK, preset, seconds)
        name = f"{font} kit {preset}"
    chain = effects.tone(rng) + effects.dynamics(rng, 0.7) + effects.space(rng, 0.08)
    return effects.apply(audio, chain), name


def _bass(plan: Plan, rng: np.random.Generator, seconds: float) -> tuple[Audio, str]:
    notes = bass_part(plan, rng)
    if plan.genre_name in ("electronic", "hiphop") and rng.random() < 0.5:
        audio, name = synth.oscillate(notes, rng, seconds), "oscillator"
    else:
        font, preset = _font(plan, rng), int(rng.choice(BASSES))
        audio, name = synth.play(notes, font, 0, preset, seconds), f"{font} {preset}"
    audio = np.repeat(audio.mean(axis=0, keepdims=True), 2, axis=0)
    chain = effects.dynamics(rng, 0.8) + effects.tone(rng)
    if rng.random() < 0.2:
        chain = effects.amplifier(rng, "crunch")[1:] + chain
    return effects.apply(audio, chain), name


def _guitar_notes(plan: Plan, rng: np.random.Generator, style: str) -> list[Note]:
    if style == "lead":
        return melody_part(plan, rng, int(rng.integers(57, 68)), busy=0.8)
    if style == "arpeggio":
        return arpeggio_part(plan, rng, int(rng.integers(45, 55)))
    low = 33 if style == "chug" else int(rng.integers(45, 56))
    spread = 0.0 if style in ("chug", "comp") else float(rng.uniform(0.01, 0.035))
    return chord_part(plan, rng, style, low, spread)


def _guitar(plan: Plan, rng: np.random.Generator, seconds: float) -> tuple[Audio, str]:
    count = int(rng.choice([1, 2, 2, 3] if plan.genre_name in ("rock", "metal") else [1, 1, 2]))
    out = np.zeros((2, int(seconds * SAMPLE_RATE)), dtype=np.float32)
    names = []
    side = float(rng.uniform(0.2, 1.0)) if count > 1 else float(rng.uniform(-0.5, 0.5))
    style = drive = ""
    for i in range(count):
        if not style or rng.random() < 0.6:
            style = str(rng.choice(plan.genre.guitar))
            drive = str(rng.choice(plan.genre.tone))
        font, preset = _font(plan, rng), int(rng.choice(GUITARS[drive]))
        preset = 28 if style == "muted" else preset
        audio = synth.play(_guitar_notes(plan, rng, style), font, 0, preset, seconds)
        chain = effects.amplifier(rng, drive) + effects.tone(rng)
        audio = effects.apply(audio, chain + effects.space(rng, 0.1))
        out += effects.level(effects.place(audio, side if i % 2 == 0 else -side), -20)
        names.append(f"{font} {preset} {drive} {style}")
    return out, ", ".join(names)


def _piano(plan: Plan, rng: np.random.Generator, seconds: float) -> tuple[Audio, str]:
    style = str(rng.choice(plan.genre.keys))
    low = int(rng.integers(50, 62))
    arpeggio = style == "arpeggio"
    notes = arpeggio_part(plan, rng, low) if arpeggio else chord_part(plan, rng, style, low)
    if style != "skank" and rng.random() < 0.5:
        notes = notes + chord_part(plan, rng, "blocks", low - 24)[::3]
    if rng.random() < 0.3:
        notes = notes + melody_part(plan, rng, low + 12, 0.6)
    font, preset = _font(plan, rng), int(rng.choice(PIANOS))
    audio = synth.play(notes, font, 0, preset, seconds)
    audio = effects.place(audio, float(rng.uniform(-0.3, 0.3)))
    chain = effects.tone(rng) + effects.dynamics(rng, 0.4) + effects.space(rng, 0.12)
    return effects.apply(audio, chain), f"{font} {preset} {style}"


def _other_notes(plan: Plan, rng: np.random.Generator, style: str) -> list[Note]:
    if style in ("lead", "wind", "fiddle", "vibes"):
        return melody_part(plan, rng, int(rng.integers(60, 75)), 0.6, rest=0.35)
    if style == "arp":
        return arpeggio_part(plan, rng, int(rng.integers(55, 70)))
    if style == "brass":
        return chord_part(plan, rng, "stabs", int(rng.integers(53, 65)))
    manner = "comp" if style == "synth" and rng.random() < 0.5 else "pad"
    return chord_part(plan, rng, manner, int(rng.integers(48, 67)))


def _other(plan: Plan, rng: np.random.Generator, seconds: float) -> tuple[Audio, str]:
    out = np.zeros((2, int(seconds * SAMPLE_RATE)), dtype=np.float32)
    names = []
    for style in rng.permutation(plan.genre.other)[: int(rng.integers(1, 4))]:
        notes = _other_notes(plan, rng, str(style))
        if style in ("lead", "synth", "pad", "arp") and rng.random() < 0.5:
            audio, name = synth.oscillate(notes, rng, seconds), f"oscillator {style}"
        else:
            font, preset = _font(plan, rng), int(rng.choice(OTHERS[str(style)]))
            audio, name = synth.play(notes, font, 0, preset, seconds), f"{font} {preset} {style}"
        audio = effects.place(audio, float(rng.uniform(-0.7, 0.7)))
        chain = effects.tone(rng, float(rng.uniform(80, 250)))
        audio = effects.apply(audio, chain + effects.space(rng, 0.2))
        out += effects.level(audio, float(rng.normal(-22, 2)))
        names.append(name)
    return out, ", ".join(names)


def _vocals(plan: Plan, rng: np.random.Generator, seconds: float) -> tuple[Audio, str]:
    low = int(rng.integers(48, 67))
    notes = melody_part(plan, rng, low, float(rng.uniform(0.2, 0.9)), rest=0.35)
    if rng.random() < 0.1:
        font, preset = _font(plan, rng), int(rng.choice([52, 53, 53]))
        audio, name = synth.play(notes, font, 0, preset, seconds), f"{font} {preset}"
    else:
        audio = np.repeat(sing(notes, rng, seconds)[None], 2, axis=0)
        name = "sung"
        if rng.random() < 0.3:
            third = [Note(n.start_s + 0.015, n.length_s, n.pitch + 4, n.velocity) for n in notes]
            backing = np.repeat(sing(third, rng, seconds)[None], 2, axis=0)
            audio = audio + 0.5 * effects.place(backing, float(rng.uniform(-1, 1)))
            name = "sung in two parts"
    echo = 60 / plan.tempo_bpm * float(rng.choice([0.5, 0.75, 1])) if rng.random() < 0.3 else 0.0
    chain = effects.dynamics(rng, 0.8) + effects.tone(rng, 90) + effects.space(rng, 0.15, echo)
    return effects.apply(audio, chain), name


PLAYERS = {
    "vocals": _vocals, "drums": _drums, "bass": _bass, "guitar": _guitar, "piano": _piano,
    "other": _other,
}  # fmt: skip


def _fonts(wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    """The wanted soundfonts, or all that are installed; at least one of the GM ones."""
    installed = synth.installed_fonts()
    missing = [name for name in wanted or () if name not in installed]
    if missing:
        raise TrainingError(f"soundfonts {', '.join(missing)} are not installed (see README.md)")
    fonts = wanted or tuple(sorted(installed))
    if not set(fonts) & set(synth.FONTS):
        raise TrainingError("no soundfont found; install `fluid-soundfont-gm` (see README.md)")
    return fonts


def render_song(
    seed: int,
    seconds: float,
    genre: str | None = None,
    levels_db: dict[str, float] | None = None,
    everyone: bool = False,
    fonts: tuple[str, ...] | None = None,
) -> tuple[dict[str, Audio], dict[str, Any]]:
    """Six stems [2, samples] whose sum peaks at PEAK, and a record of what was used.

    `levels_db` replaces the drawn level of each source; `everyone` lets all sources play;
    `fonts` limits the soundfonts.
    """
    rng = np.random.default_rng([seed, 0x50105])
    plan = plan_song(rng, seconds, _fonts(fonts), genre)
    silence = np.zeros((2, int(seconds * SAMPLE_RATE)), dtype=np.float32)
    stems: dict[str, Audio] = {}
    used: dict[str, str] = {}
    for source, chance in zip(SOURCES, plan.genre.presence, strict=True):
        own = np.random.default_rng([seed, SOURCES.index(source)])
        if not everyone and own.random() > chance:
            stems[source] = silence
            continue
        audio, used[source] = PLAYERS[source](plan, own, seconds)
        level_db = (levels_db or {}).get(source, LEVELS_DB[source] + float(own.normal(0, 3)))
        stems[source] = effects.level(audio[:, : silence.shape[1]], level_db)
    peak = float(np.abs(sum(stems.values())).max())
    if peak > 0:
        stems = {source: audio * np.float32(PEAK / peak) for source, audio in stems.items()}
    record = {
        "seed": seed, "genre": plan.genre_name, "tempo_bpm": round(plan.tempo_bpm, 2),
        "root": plan.root, "scale": plan.scale, "chords": plan.chords, "used": used,
    }  # fmt: skip
    return stems, record
