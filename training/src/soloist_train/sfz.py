"""SFZ text to regions: the opcodes that instruments in the wild lean on; others are ignored.

Reference: https://sfzformat.com/opcodes/. A file may be hostile: includes, defines, regions and
text are bounded, and nothing outside the instrument's own folder is opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from .errors import TrainingError

MAX_TEXT = 16_000_000
"""Characters of all included files together."""
MAX_INCLUDES = 1000
MAX_DEPTH = 12
MAX_REGIONS = 50_000

CONTROLLERS = {1: 0.7, 7: 100 / 127, 10: 0.5, 11: 1.0}
"""Values 0..1 of MIDI controllers that a file does not set: mod wheel, volume, pan, expression."""

LEVELS = ("global", "master", "group")
"""Headers whose opcodes regions inherit, outer ones first; each ends those inside the last."""

_TOKEN = re.compile(r"<(\w+)>|(?<![^\s>])([A-Za-z_]\w*)=")
_DIRECTIVE = re.compile(r'#include\s*"([^"\n]*)"|#define\s+(\$\w+)\s+(\S+)')
_NOTE = re.compile(r"([a-gA-G])([#b♯♭]?)(-?\d)$")
_NUMBER = re.compile(r"[-+]?\d*\.?\d+(e[-+]?\d+)?")
_CONTROLLED = re.compile(
    r"(on_locc|start_locc|locc|hicc|amplitude_(?:on)?cc|(?:gain|volume)_(?:on)?cc)(\d+)"
)
_SET = re.compile(r"set_(hd)?cc(\d+)")
_SEMITONES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}


@dataclass(frozen=True)
class Region:
    """One sample with the conditions under which it sounds, and how.

    Keys and velocities are MIDI numbers (inclusive), times seconds, tuning semitones, levels dB.
    """

    sample: Path
    lokey: int = 0
    hikey: int = 127
    keycenter: float | None = 60.0
    """None: as the sample file says."""
    keytrack: float = 1.0
    """Semitones of pitch per key."""
    lovel: int = 0
    hivel: int = 127
    fade_in: tuple[float, float] = (0.0, 0.0)
    """Velocities between which the region fades in; a pair of equal numbers switches it off."""
    fade_out: tuple[float, float] = (127.0, 127.0)
    veltrack: float = 1.0
    tune: float = 0.0
    volume_db: float = 0.0
    amplitude: float = 1.0
    pan: float = 0.0
    """-1 (left) .. 1 (right)."""
    delay: float = 0.0
    attack: float = 0.0
    hold: float = 0.0
    decay: float = 0.0
    sustain: float = 1.0
    release: float = 0.001
    trigger: str = "attack"
    release_decay_db: float = 0.0
    """Fall of a release sample for each second that its note was held."""
    loop_mode: str | None = None
    loop_start: int | None = None
    loop_end: int | None = None
    offset: int = 0
    end: int | None = None
    cutoff_hz: float | None = None
    cutoff_veltrack: float = 0.0
    """Cents by which full velocity opens the low-pass."""
    seq_length: int = 1
    seq_position: int = 1
    lorand: float = 0.0
    hirand: float = 1.0
    group: int = 0
    off_by: int = 0
    switch_keys: tuple[int, int] | None = None
    switch_last: tuple[int, int] | None = None
    switch_default: int | None = None


@dataclass
class _Reader:
    """Expands includes and defines under the bounds above."""

    root: Path
    main: Path
    """Folder of the main file: includes and samples count from it."""
    defines: dict[str, str] = field(default_factory=dict)
    length: int = 0
    files: int = 0

    def text(self, path: Path, depth: int = 0) -> str:
        self.files += 1
        if depth > MAX_DEPTH or self.files > MAX_INCLUDES:
            raise TrainingError(f"{path}: more than {MAX_INCLUDES} includes, or nested too deep")
        path = inside(self.root, path)
        if not path.is_file():
            raise TrainingError(f"{path}: no such file")
        if path.stat().st_size + self.length > MAX_TEXT:
            raise TrainingError(f"{path}: an SFZ of more than {MAX_TEXT} characters is not read")
        raw = path.read_text(encoding="utf-8", errors="replace")
        self.length += len(raw)
        raw = re.sub(r"/\*.*?\*/", " ", raw, flags=re.DOTALL)
        return "\n".join(self._line(line.split("//")[0], depth) for line in raw.splitlines())

    def _line(self, line: str, depth: int) -> str:
        out, at = [], 0
        for match in _DIRECTIVE.finditer(line):
            out.append(self._expand(line[at : match.start()]))
            at = match.end()
            if match[1] is not None:
                name = self._expand(match[1]).replace("\\", "/")
                out.append("\n" + self.text(self.main / name, depth + 1) + "\n")
            else:
                self.defines[match[2]] = match[3]
        out.append(self._expand(line[at:]))
        joined = "".join(out)
        self.length += len(joined)
        if self.length > 2 * MAX_TEXT:
            raise TrainingError(f"{self.main}: an SFZ that expands without end is not read")
        return joined

    def _expand(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            # The longest defined name that begins here: $KEY1 may be $KEY followed by a 1.
            for stop in range(len(match[0]), 1, -1):
                if match[0][:stop] in self.defines:
                    return self.defines[match[0][:stop]] + match[0][stop:]
            return match[0]

        return re.sub(r"\$\w+", value, text) if "$" in text else text


def inside(root: Path, path: Path) -> Path:
    """`path` resolved; an error where it lies outside `root`."""
    resolved = path.resolve()
    if not resolved.is_relative_to(root.resolve()):
        raise TrainingError(f"{path} lies outside its instrument's folder {root}")
    return resolved


def find_file(path: Path) -> Path:
    """The file of this name, or the one that differs in case only (files made on Windows)."""
    if path.exists():
        return path
    found = Path(path.anchor)
    for part in path.parts[1:]:
        step = found / part
        if not step.exists() and found.is_dir():
            step = next((p for p in found.iterdir() if p.name.lower() == part.lower()), step)
        found = step
    return found


def key_number(text: str) -> int:
    """A MIDI key from a number or a name; C4 is 60. Raises ValueError."""
    match = _NOTE.match(text.strip())
    if match is None:
        return int(float(text))
    accidental = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}[match[2]]
    return _SEMITONES[match[1].lower()] + accidental + 12 * (int(match[3]) + 1)


def parse(path: Path, root: Path | None = None) -> list[Region]:
    """All regions of an SFZ file whose samples exist; `root` bounds what may be opened."""
    root = (root or path.parent).resolve()
    reader = _Reader(root, path.resolve().parent)
    text = reader.text(path)
    regions: list[Region] = []
    controllers = _controllers({})
    scopes: dict[str, dict[str, str]] = {name: {} for name in ("control", *LEVELS)}
    found: dict[str, Path | None] = {}
    for header, opcodes in _sections(text):
        if header == "control":
            scopes["control"] = {**scopes["control"], **opcodes}
            controllers = _controllers(scopes["control"])
        elif header in scopes:
            for inner in LEVELS[LEVELS.index(header) + 1 :]:
                scopes[inner] = {}
            scopes[header] = opcodes
        elif header == "region":
            merged = {**scopes["global"], **scopes["master"], **scopes["group"], **opcodes}
            region = None
            gain = _heard(merged, controllers)
            if gain is not None:
                region = _region(merged, gain, scopes["control"], reader, found)
            if region is not None:
                regions.append(region)
            if len(regions) > MAX_REGIONS:
                raise TrainingError(f"{path}: more than {MAX_REGIONS} regions are not read")
    if not regions:
        raise TrainingError(f"{path}: no region with a sample that exists")
    return regions


def _sections(text: str) -> list[tuple[str, dict[str, str]]]:
    sections: list[tuple[str, dict[str, str]]] = []
    matches = list(_TOKEN.finditer(text))
    for i, match in enumerate(matches):
        if match[1] is not None:
            sections.append((match[1].lower(), {}))
        elif sections:
            stop = matches[i + 1].start() if i + 1 < len(matches) else len(text)
            value = text[match.end() : stop].split("\n")[0].strip()
            sections[-1][1][match[2]] = value
    return sections


def _sample(
    op: dict[str, str], control: dict[str, str], reader: _Reader, found: dict[str, Path | None]
) -> Path | None:
    name = op.get("sample", "")
    if not name or name.startswith("*"):
        return None
    name = (control.get("default_path", "") + name).replace("\\", "/")
    if name not in found:
        path = find_file(reader.main / name)
        found[name] = inside(reader.root, path) if path.is_file() else None
    return found[name]


def _controllers(control: dict[str, str]) -> dict[int, float]:
    values = dict(CONTROLLERS)
    for name, text in control.items():
        match = _SET.fullmatch(name)
        if match:
            value = _number({name: text}, name, 0.0)
            values[int(match[2])] = value if match[1] else value / 127
    return values


def _number(op: dict[str, str], name: str, default: float) -> float:
    if name not in op:
        return default
    match = _NUMBER.match(op[name])
    value = float(match[0]) if match else default
    return value if abs(value) < 1e9 else default


def _keys(op: dict[str, str], name: str, default: int, shift: int) -> int:
    try:
        return min(max(key_number(op[name]) + shift, -1), 127)
    except (KeyError, ValueError, OverflowError):
        return default


def _heard(op: dict[str, str], cc: dict[int, float]) -> float | None:
    """Gain that controllers give a region; None where they switch it off or must start it."""
    gain = 1.0
    for name in op:
        if "cc" not in name:
            continue
        match = _CONTROLLED.fullmatch(name)
        if not match:
            continue
        value = cc.get(int(match[2]), 0.0)
        bound = _number(op, name, 0.0)
        if match[1] in ("on_locc", "start_locc"):
            return None
        if match[1] == "locc" and value * 127 < bound:
            return None
        if match[1] == "hicc" and value * 127 > bound:
            return None
        if match[1].startswith("amplitude"):
            gain *= value * bound / 100
        elif match[1].startswith(("gain", "volume")):
            gain *= 10 ** (min(value * bound, 12.0) / 20)
    return gain if gain > 1e-4 else None


def _region(
    op: dict[str, str],
    gain: float,
    control: dict[str, str],
    reader: _Reader,
    found: dict[str, Path | None],
) -> Region | None:
    sample = _sample(op, control, reader, found)
    trigger = op.get("trigger", "attack").replace("release_key", "release")
    if sample is None or trigger not in ("attack", "release", "first", "legato"):
        return None
    shift = int(_number(control, "note_offset", 0) + 12 * _number(control, "octave_offset", 0))
    key = _keys(op, "key", -1, shift)
    lokey = _keys(op, "lokey", key if key >= 0 else 0, shift)
    hikey = _keys(op, "hikey", key if key >= 0 else 127, shift)
    centre: float | None = _keys(op, "pitch_keycenter", key if key >= 0 else 60, shift)
    if op.get("pitch_keycenter") == "sample":
        centre = None
    if hikey < 0 or lokey > hikey:
        return None
    switch: dict[str, tuple[int, int] | None] = {"switch_keys": None, "switch_last": None}
    if "sw_lokey" in op or "sw_hikey" in op:
        switch["switch_keys"] = (
            _keys(op, "sw_lokey", 0, shift), _keys(op, "sw_hikey", 127, shift)
        )  # fmt: skip
    if "sw_last" in op or "sw_lolast" in op:
        low = _keys(op, "sw_lolast", _keys(op, "sw_last", 0, shift), shift)
        switch["switch_last"] = (low, _keys(op, "sw_hilast", low, shift))

    def n(name: str, default: float) -> float:
        return _number(op, name, default)

    def optional(*names: str) -> int | None:
        return next((max(int(n(name, 0)), 0) for name in names if name in op), None)

    mode = op.get("loop_mode", op.get("loopmode"))
    cutoff = n("cutoff", 0) or None
    return Region(
        sample=sample, lokey=lokey, hikey=hikey, keycenter=centre,
        keytrack=n("pitch_keytrack", 100) / 100, lovel=int(n("lovel", 0)),
        hivel=int(n("hivel", 127)), fade_in=(n("xfin_lovel", 0), n("xfin_hivel", 0)),
        fade_out=(n("xfout_lovel", 127), n("xfout_hivel", 127)),
        veltrack=n("amp_veltrack", 100) / 100,
        tune=n("transpose", 0) + n("tune", n("pitch", 0)) / 100,
        volume_db=min(
            n("volume", 0) + n("gain", 0) + n("group_volume", 0) + n("global_volume", 0), 24.0
        ),
        amplitude=min(n("amplitude", 100) / 100 * gain, 16.0),
        pan=min(max(n("pan", 0) / 100, -1.0), 1.0), delay=min(max(n("delay", 0), 0.0), 10.0),
        attack=max(n("ampeg_attack", 0), 0), hold=max(n("ampeg_hold", 0), 0),
        decay=max(n("ampeg_decay", 0), 0),
        sustain=min(max(n("ampeg_sustain", 100) / 100, 0.0), 1.0),
        release=min(max(n("ampeg_release", 0.001), 0.001), 20.0), trigger=trigger,
        release_decay_db=n("rt_decay", 0), loop_mode=mode,
        loop_start=optional("loop_start", "loopstart"), loop_end=optional("loop_end", "loopend"),
        offset=max(int(n("offset", 0)), 0), end=optional("end"),
        cutoff_hz=cutoff if op.get("fil_type", "lpf_2p").startswith("lpf") else None,
        cutoff_veltrack=min(max(n("fil_veltrack", 0), -9600), 9600),
        seq_length=max(int(n("seq_length", 1)), 1),
        seq_position=int(n("seq_position", 1)), lorand=n("lorand", 0), hirand=n("hirand", 1),
        group=int(n("group", 0)), off_by=int(n("off_by", n("offby", 0))),
        switch_default=_keys(op, "sw_default", -1, shift) if "sw_default" in op else None,
        **switch,
    )  # fmt: skip
