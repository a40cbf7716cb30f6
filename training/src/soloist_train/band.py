"""The players: each source's part, instrument and way to the desk, as a stem of a song."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from . import amp, dynamics, instruments, patches, space, synth, voice
from .arrangement import Arrangement, comping, groove, played, riff
from .bands import SAMPLE_RATE
from .dynamics import cut, equalise, tone
from .errors import TrainingError
from .instruments import Instrument, Library
from .parts import arpeggio_part, bass_part, chord_part, melody_part
from .song import Note
from .synth import Audio

ELECTRONIC = ("electronic", "house", "trance", "dubstep", "drumnbass", "trap", "hiphop",
              "synthwave", "pop", "ambient")  # fmt: skip
HEARD = 1e-4
"""RMS below which a part counts as not played (a key that an instrument lacks, say)."""
KICKS = (35, 36)
ELECTRIC_PIANO = "electric piano"
STRICT = ("organ", "accordion", "vibes", "harp")
"""Styles whose family holds other instruments too: only those tagged with the style will do."""
FAMILY = {
    "organ": "keys", "accordion": "keys", "strings": "strings", "fiddle": "strings",
    "harp": "strings", "brass": "brass", "wind": "wind", "vibes": "keys", "choir": "voice",
    "pad": "synth", "lead": "synth", "synth": "synth", "arp": "synth", "stab": "synth",
}  # fmt: skip
"""Family of sampled instruments for each style of `other`."""
GUITAR_PROGRAMS = {"acoustic": "acoustic guitar", "clean": "clean guitar",
                   "crunch": "clean guitar", "distorted": "clean guitar"}  # fmt: skip


@dataclass
class Stage:
    """What all players share: the song, the instruments, and a log of who played what."""

    plan: Arrangement
    library: Library
    seconds: float
    used: dict[str, list[str]] = field(default_factory=dict)
    kicks_s: list[float] = field(default_factory=list)
    """When the kick drum plays, for side chains."""

    @property
    def test(self) -> bool:
        """Whether only sources that training never hears may play."""
        return self.library.split == "test"

    @property
    def electronic(self) -> bool:
        """Whether the genre likes machines."""
        return self.plan.genre_name in ELECTRONIC

    def log(self, source: str, what: str) -> None:
        """Note down what played."""
        self.used.setdefault(source, []).append(what)

    def silence(self) -> Audio:
        """Stereo silence of the song's length."""
        return np.zeros((2, int(self.seconds * SAMPLE_RATE)), dtype=np.float32)


def _sampled(
    stage: Stage,
    rng: np.random.Generator,
    notes: Sequence[Note],
    families: Sequence[str],
    role: str,
    tags: Sequence[str] = (),
    extra: Sequence[Instrument] = (),
) -> tuple[Audio, str, Instrument] | None:
    """Notes on an instrument of one of the families; None where none can play them."""
    strict = any(tag in STRICT for tag in tags)
    own = [i for f in families if f != "gm" for i in stage.library.of(f, *tags, strict=strict)]
    own = [i for i in own if not i.is_singer] + list(extra)
    fonts = stage.library.of("gm") if "gm" in families else []
    for _ in range(4):
        pool = own if own and (not fonts or rng.random() < 0.65) else fonts
        if not pool:
            return None
        chosen = pool[int(rng.integers(len(pool)))]
        audio, name = instruments.play(chosen, notes, stage.seconds, rng, role)
        if not notes or float(np.sqrt((audio**2).mean())) > HEARD:
            return audio, name, chosen
    return None


def _mono(audio: Audio) -> Audio:
    return np.repeat(audio.mean(axis=0, keepdims=True), 2, axis=0)


def drums(stage: Stage, rng: np.random.Generator) -> Audio:
    """A kit or a drum machine through a drum bus; also tells when the kick plays."""
    plan = stage.plan
    notes = played(plan, groove(plan, rng), "drums")
    kicks = [n for n in notes if n.pitch in KICKS]
    stage.kicks_s = [n.start_s for n in kicks]
    machine = not stage.test and rng.random() < (0.2 if stage.electronic else 0.02)
    # Recorded kits for bands; machines are many in the libraries, but only some music has them.
    tag = "electronic" if rng.random() < (0.65 if stage.electronic else 0.08) else "acoustic"
    result = None if machine else _sampled(stage, rng, notes, ("drums", "gm"), "drums", (tag,))
    if result is None:
        if stage.test:
            raise TrainingError("no kit of family `drums` or `gm` in split test plays this part")
        audio = synth.beat_machine(notes, rng, stage.seconds)
        stage.log("drums", "own beat machine")
    else:
        audio, name, _ = result
        stage.log("drums", name)
        if stage.electronic and not stage.test and rng.random() < 0.25:
            layer = synth.beat_machine(kicks, rng, stage.seconds)
            audio = dynamics.to_level(audio, -20) + dynamics.to_level(layer, -22)
            stage.log("drums", "own kick layer")
    audio = dynamics.to_level(audio, -18)
    audio = space.pan(audio, 0.0, float(rng.uniform(0.3, 1.3)))
    audio = equalise(audio, tone(rng))
    if rng.random() < 0.25:
        # Parallel compression: a squashed copy under the dry kit.
        audio = audio + 0.5 * dynamics.compress(audio, rng, 2.0)
    elif rng.random() < 0.6:
        audio = dynamics.compress(audio, rng)
    if rng.random() < 0.2:
        audio = _saturate(audio, rng)
    return space.add_space(audio, rng, float(rng.choice([0.0, 0.06, 0.12, 0.3])))


def _saturate(audio: Audio, rng: np.random.Generator) -> Audio:
    top = max(float(np.percentile(np.abs(audio), 99.9)), 1e-6)
    push = float(rng.uniform(0.8, 3.0))
    return (np.tanh(audio / top * push) / np.tanh(push) * top).astype(np.float32)


def bass(stage: Stage, rng: np.random.Generator) -> Audio:
    """A bass guitar, upright or synthesiser; mono below, seldom wide."""
    plan = stage.plan
    if rng.random() < 0.55:
        notes = bass_part(plan, rng)
    else:
        low = int(rng.choice([28, 28, 31, 33]))
        notes = riff(plan, rng, low, float(rng.uniform(0.15, 0.7)), chordal=0.8)
    notes = [n for n in played(plan, notes, "bass", float(rng.normal(0, 0.006))) if n.pitch < 67]
    own = rng.random() < (0.65 if stage.electronic else 0.06)
    result = None if own else _sampled(stage, rng, notes, ("bass", "gm"), "bass")
    if result is None:
        audio, name = patches.perform(notes, rng, stage.seconds, "bass", plan.beat_s, stage.test)
        audio = space.pan(audio, 0.0, float(rng.choice([0.0, 0.0, 0.5, 1.0])))
        if rng.random() < 0.3:
            audio = _saturate(audio, rng)
    else:
        audio, name, _ = result
        audio = amp.bass_amp(audio, rng)
    stage.log("bass", name)
    audio = equalise(audio, tone(rng, 2.5))
    if rng.random() < 0.8:
        audio = dynamics.compress(audio, rng)
    return space.add_space(audio, rng, 0.08) if rng.random() < 0.1 else audio


def _guitar_notes(stage: Stage, rng: np.random.Generator, style: str, drive: str) -> list[Note]:
    plan = stage.plan
    if style == "lead":
        low = int(rng.integers(55, 68))
        if rng.random() < 0.5:
            return riff(plan, rng, low, float(rng.uniform(0.3, 0.8)), 2, 0.3)
        return melody_part(plan, rng, low, busy=float(rng.uniform(0.4, 0.9)))
    if style == "arpeggio":
        return arpeggio_part(plan, rng, int(rng.integers(43, 57)))
    loud = drive in ("crunch", "distorted")
    low = int(rng.integers(38, 46)) if loud or style == "chug" else int(rng.integers(43, 56))
    shape = str(rng.choice(["power", "power", "octave", "dyad"] if loud else
                           ["strings", "strings", "close", "dyad"]))  # fmt: skip
    if style == "chug" and rng.random() < 0.5:
        return riff(plan, rng, int(rng.integers(33, 41)), float(rng.uniform(0.5, 0.95)), 2, 0.7)
    spread = (
        0.004 if style in ("chug", "comp", "skank", "muted") else float(rng.uniform(0.01, 0.04))
    )
    if rng.random() < 0.45 and style not in ("skank", "comp"):
        return chord_part(plan, rng, style, low, 0.0 if shape == "power" else spread)
    density = {"muted": 0.75, "chug": 0.8, "eighths": 0.7}.get(style, float(rng.uniform(0.2, 0.6)))
    held = style in ("strum",) and rng.random() < 0.15
    return comping(plan, rng, low, shape, density, spread, sustained=held)


def _take(
    stage: Stage, rng: np.random.Generator, notes: list[Note], drive: str, style: str
) -> Audio:
    """One performance of a guitar part through its amplifier."""
    tags = ("acoustic",) if drive == "acoustic" else ("electric", "clean")
    role = "muted guitar" if style == "muted" and rng.random() < 0.5 else GUITAR_PROGRAMS[drive]
    if drive in ("crunch", "distorted") and rng.random() < 0.15:
        role = "overdriven guitar"
    if style in ("muted", "chug"):
        short = float(rng.uniform(0.35, 0.9))
        notes = [Note(n.start_s, n.length_s * short, n.pitch, n.velocity) for n in notes]
    result = None
    if stage.test or rng.random() < 0.82:
        result = _sampled(stage, rng, notes, ("guitar", "gm"), role, tags)
    if result is None:
        audio, name = patches.perform(
            notes, rng, stage.seconds, "string", stage.plan.beat_s, stage.test
        )
    else:
        audio, name, _ = result
    stage.log("guitar", f"{name} {drive} {style}")
    return amp.guitar_amp(audio, rng, drive, stage.plan.beat_s)


def guitar(stage: Stage, rng: np.random.Generator) -> Audio:
    """One to three guitar parts; loud ones are often played twice and panned apart."""
    plan = stage.plan
    out = stage.silence()
    for part in range(int(rng.choice([1, 1, 2, 2, 3]))):
        style, drive = str(rng.choice(plan.genre.guitar)), str(rng.choice(plan.genre.tone))
        if rng.random() < 0.1:
            drive = str(rng.choice(["clean", "crunch", "distorted"]))
        notes = played(plan, _guitar_notes(stage, rng, style, drive), "guitar")
        if rng.random() < 0.85:
            audio = dynamics.to_level(_take(stage, rng, notes, drive, style), -20)
        else:
            continue
        doubled = drive in ("crunch", "distorted") and style != "lead" and rng.random() < 0.6
        doubled = doubled or (drive == "acoustic" and rng.random() < 0.2)
        if doubled:
            shaken = [
                Note(max(n.start_s + float(rng.normal(0, 0.009)), 0.0), n.length_s, n.pitch,
                     int(np.clip(n.velocity + rng.integers(-9, 10), 1, 127)))
                for n in notes
            ]  # fmt: skip
            second = dynamics.to_level(_take(stage, rng, shaken, drive, style), -20)
            side = float(rng.uniform(0.6, 1.0))
            audio = space.pan(audio, -side) + space.pan(second, side)
        else:
            reach = 0.25 if style == "lead" else (0.5 if part == 0 else 0.95)
            audio = space.pan(audio, float(rng.uniform(-reach, reach)), 0.7)
            if rng.random() < 0.1:
                audio = space.double(_mono(audio), float(rng.uniform(0.008, 0.025)))
        if style == "lead" and rng.random() < 0.5:
            audio = space.add_echo(
                audio, rng, plan.beat_s * float(rng.choice([0.5, 0.75, 1])), 0.25
            )
        if drive in ("clean", "acoustic") and rng.random() < 0.6:
            audio = dynamics.compress(audio, rng, 0.7)
        audio = equalise(audio, tone(rng, 2.5, 80))
        audio = space.add_space(audio, rng, float(rng.choice([0.0, 0.05, 0.15, 0.3])))
        out += audio * np.float32(10 ** (float(rng.normal(0, 2.5)) / 20))
    return out if np.abs(out).max() > 0 else guitar(stage, rng)


def piano(stage: Stage, rng: np.random.Generator) -> Audio:
    """A grand, upright or electric piano: chords, figures, and what the left hand adds."""
    plan = stage.plan
    style, low = str(rng.choice(plan.genre.keys)), int(rng.integers(50, 63))
    if style == "arpeggio":
        notes = arpeggio_part(plan, rng, low)
    elif rng.random() < 0.5:
        shape = str(rng.choice(["close", "close", "open", "dyad"]))
        notes = comping(plan, rng, low, shape, float(rng.uniform(0.12, 0.6)),
                        sustained=rng.random() < 0.3)  # fmt: skip
    else:
        notes = chord_part(plan, rng, style, low)
    if style != "skank" and rng.random() < 0.55:
        notes = notes + riff(plan, rng, low - 24, float(rng.uniform(0.1, 0.4)), 1, 1.0)
    if rng.random() < 0.35:
        notes = notes + melody_part(plan, rng, low + 12, float(rng.uniform(0.3, 0.9)), 0.4)
    notes = played(plan, notes, "piano", float(rng.normal(0, 0.005)))
    electric_pianos = stage.library.of("keys", ELECTRIC_PIANO, strict=True)
    result = _sampled(stage, rng, notes, ("piano", "gm"), "piano", extra=electric_pianos)
    if result is None:
        raise TrainingError(
            f"no instrument of family `piano` or `gm` in split {stage.library.split}"
        )
    audio, name, chosen = result
    stage.log("piano", name)
    electric = bool({"electric", ELECTRIC_PIANO} & set(chosen.tags))
    audio = space.pan(audio, float(rng.uniform(-0.35, 0.35)), float(rng.uniform(0.4, 1.1)))
    if electric and rng.random() < 0.3:
        audio = space.modulate(audio, rng, str(rng.choice(["chorus", "vibrato"])))
    if electric and rng.random() < 0.2:
        audio = amp.guitar_amp(audio, rng, "clean", plan.beat_s)
    audio = equalise(audio, tone(rng, 3.0, float(rng.choice([0, 60, 120]))))
    if rng.random() < 0.5:
        audio = dynamics.compress(audio, rng, 0.8)
    return space.add_space(audio, rng, float(rng.choice([0.0, 0.06, 0.15, 0.35])))


def _other_notes(stage: Stage, rng: np.random.Generator, style: str) -> list[Note]:
    plan, low = stage.plan, int(rng.integers(50, 72))
    if style in ("lead", "wind", "fiddle", "vibes"):
        if rng.random() < 0.4:
            return riff(plan, rng, low, float(rng.uniform(0.2, 0.7)), 2, 0.4)
        return melody_part(plan, rng, low, float(rng.uniform(0.2, 0.8)), rest=0.35)
    if style in ("arp", "harp"):
        return arpeggio_part(plan, rng, low)
    if style in ("brass", "stab"):
        return comping(plan, rng, low - 5, "close", float(rng.uniform(0.15, 0.5)))
    if style in ("strings", "organ", "accordion") and rng.random() < 0.3:
        return melody_part(plan, rng, low, float(rng.uniform(0.1, 0.5)))
    sustained = style not in ("synth",) or rng.random() < 0.4
    shape = str(rng.choice(["close", "open", "close", "dyad"]))
    return comping(plan, rng, low - 6, shape, float(rng.uniform(0.2, 0.5)), sustained=sustained)


def _layer(stage: Stage, rng: np.random.Generator, style: str) -> Audio:
    notes = played(stage.plan, _other_notes(stage, rng, style), "other")
    machine = style in ("lead", "synth", "pad", "arp", "stab")
    role = {"lead": "lead", "pad": "pad", "arp": "arp"}.get(style, "stab")
    result = None
    if not machine or rng.random() < 0.3:
        program = {"arp": "synth", "stab": "synth"}.get(style, style)
        result = _sampled(stage, rng, notes, (FAMILY[style], "gm"), program, (style,))
    if result is None:
        audio, name = patches.perform(
            notes, rng, stage.seconds, role, stage.plan.beat_s, stage.test
        )
    else:
        audio, name, _ = result
    stage.log("other", f"{name} {style}")
    audio = space.pan(audio, float(rng.uniform(-0.7, 0.7)), float(rng.uniform(0.3, 1.2)))
    if machine and rng.random() < 0.2:
        audio = space.modulate(audio, rng, str(rng.choice(["chorus", "flanger"])))
    if style == "organ" and rng.random() < 0.5:
        audio = space.modulate(audio, rng, "vibrato")
    if style in ("lead", "arp", "stab") and rng.random() < 0.4:
        seconds = stage.plan.beat_s * float(rng.choice([0.5, 0.75, 1.0]))
        audio = space.add_echo(audio, rng, seconds, float(rng.uniform(0.1, 0.4)))
    if rng.random() < 0.4:
        audio = dynamics.compress(audio, rng, 0.7)
    audio = equalise(audio, tone(rng, 3.0, float(rng.uniform(80, 250))))
    audio = space.add_space(audio, rng, float(rng.choice([0.05, 0.15, 0.3, 0.6])))
    return dynamics.to_level(audio, float(rng.normal(-22, 2.5)))


def _riser(stage: Stage, rng: np.random.Generator) -> Audio:
    """Noise that a filter sweeps up to a section's start."""
    out = stage.silence()
    plan = stage.plan
    starts = [b for b in range(1, plan.bars) if plan.active[b] != plan.active[b - 1]]
    for bar in starts[:2]:
        stop = min(int(bar * plan.bar_s * SAMPLE_RATE), out.shape[1])
        count = min(int(float(rng.choice([1, 2])) * plan.bar_s * SAMPLE_RATE), stop)
        if count < SAMPLE_RATE // 4:
            continue
        rise = np.linspace(0, 1, count)
        noise = rng.normal(size=(2, count)).astype(np.float32)
        for c in range(2):
            hz = (300 * 30**rise).astype(np.float32)
            out[c, stop - count : stop] += (
                amp._wah(noise[c], hz, 2.0) * rise.astype(np.float32) ** 2
            )
    return dynamics.to_level(out, -28)


def other(stage: Stage, rng: np.random.Generator) -> Audio:
    """One to three layers of everything else."""
    out = stage.silence()
    styles = list(rng.permutation(stage.plan.genre.other)[: int(rng.integers(1, 4))])
    if stage.electronic and rng.random() < 0.3:
        styles.append(str(rng.choice(["arp", "pad", "stab", "lead"])))
    for style in styles:
        out += _layer(stage, rng, str(style))
    if stage.electronic and not stage.test and rng.random() < 0.3:
        out += _riser(stage, rng)
        stage.log("other", "own riser")
    return out


def _speech(
    stage: Stage, rng: np.random.Generator
) -> tuple[voice.Speech, str, tuple[float, float]]:
    """A voice: a recorded one where the library has such, or a synthetic one."""
    singers = [i for i in stage.library.of("voice") if i.is_singer]
    if singers and rng.random() < 0.5:
        chosen = singers[int(rng.integers(len(singers)))]
        files = instruments.recordings(chosen)
        for _ in range(4):
            path = files[int(rng.integers(len(files)))]
            speech = voice.recorded(path, int(rng.integers(3))) or voice.recorded(path, 0)
            if speech is not None and len(speech.runs) >= 3:
                return speech, f"{chosen.name} re-sung", (0.93, 1.08)
    name = str(rng.choice(voice.TEST_VOICES if stage.test else voice.VOICES))
    return voice.spoken(name, int(rng.integers(voice.LINES))), f"eSpeak {name} sung", (0.85, 1.2)


def _harmony(stage: Stage, notes: list[Note], steps: int) -> list[Note]:
    """The line some scale steps away."""
    scale = sorted({(stage.plan.root + s) % 12 for s in stage.plan.scale})
    out = []
    for note in notes:
        octave, pitch_class = divmod(note.pitch, 12)
        at = min(range(7), key=lambda i: abs(scale[i] - pitch_class)) + steps
        pitch = 12 * (octave + at // 7) + scale[at % 7]
        out.append(Note(note.start_s + 0.012, note.length_s, pitch, max(note.velocity - 12, 1)))
    return out


def _choir(stage: Stage, rng: np.random.Generator) -> Audio | None:
    """Sustained voices behind the line, by sampled singers or a soundfont's choir."""
    notes = comping(stage.plan, rng, int(rng.integers(50, 62)), "close", 0.2, sustained=True)
    notes = played(stage.plan, notes, "vocals")
    sampled = [i for i in stage.library.of("voice") if not i.is_singer]
    if sampled and (rng.random() < 0.7 or not stage.library.of("gm")):
        chosen = sampled[int(rng.integers(len(sampled)))]
        audio, name = instruments.play(chosen, notes, stage.seconds, rng, "choir")
    elif stage.library.of("gm"):
        result = _sampled(stage, rng, notes, ("gm",), "choir")
        if result is None:
            return None
        audio, name, _ = result
    else:
        return None
    if not dynamics.active_rms(audio) > HEARD:
        return None
    stage.log("vocals", f"{name} choir")
    return dynamics.to_level(audio, -26)


def vocals(stage: Stage, rng: np.random.Generator) -> Audio:
    """A sung line, often doubled, with harmonies or a choir behind it."""
    plan = stage.plan
    low = int(rng.integers(46, 68))
    notes = melody_part(plan, rng, low, float(rng.uniform(0.15, 0.9)), rest=0.35)
    notes = played(plan, notes, "vocals", float(rng.normal(0.01, 0.02)))
    speech, name, formants = _speech(stage, rng)
    lead = np.repeat(voice.sing(notes, rng, stage.seconds, speech, formants)[None], 2, axis=0)
    stage.log("vocals", name)
    if rng.random() < 0.85:
        lead = dynamics.compress(lead, rng)
    lead = dynamics.to_level(lead, -20)
    out = equalise(lead, tone(rng, 3.0, float(rng.uniform(70, 160))))
    backing = float(rng.random())
    if backing < 0.18:
        for steps in rng.choice([2, -3, 4, 5, 7], size=int(rng.integers(1, 3)), replace=False):
            part = voice.sing(
                _harmony(stage, notes, int(steps)), rng, stage.seconds, speech, formants
            )
            part = space.pan(np.repeat(part[None], 2, axis=0), float(rng.uniform(-0.9, 0.9)))
            out += dynamics.to_level(equalise(part, [cut(200, high=True)]), -27)
        stage.log("vocals", "harmonies")
    elif backing < 0.28:
        late = [Note(n.start_s + float(rng.uniform(0.005, 0.04)), n.length_s, n.pitch, n.velocity)
                for n in notes]  # fmt: skip
        twice = voice.sing(late, rng, stage.seconds, speech, formants)
        out += dynamics.to_level(np.repeat(twice[None], 2, axis=0), -25)
        stage.log("vocals", "doubled")
    if rng.random() < 0.25:
        choir = _choir(stage, rng)
        if choir is not None:
            out += choir
    if rng.random() < 0.08:
        out = equalise(out, [cut(450, high=True), cut(3200, high=False)])  # a telephone
    if rng.random() < 0.12:
        out = _saturate(out, rng)
    if rng.random() < 0.3:
        seconds = plan.beat_s * float(rng.choice([0.25, 0.5, 0.75, 1]))
        out = space.add_echo(out, rng, seconds, float(rng.uniform(0.08, 0.3)))
    return space.add_space(out, rng, float(rng.choice([0.05, 0.12, 0.25, 0.5])))


PLAYERS = {
    "drums": drums, "vocals": vocals, "bass": bass, "guitar": guitar, "piano": piano,
    "other": other,
}  # fmt: skip
"""In the order in which they play: the drums first, since others may duck under the kick."""
