"""Random mixes for training: coherent songs and remixes across songs, with augmentation.

Gain, equaliser, balance, width, swapped sides, polarity and silence are linear on an STFT, so they
cost next to nothing here; pitch, tempo and codecs are changed once, when the data is prepared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from .bands import NUM_BANDS, SOURCES
from .errors import TrainingError
from .statistics import ALL_BANDS, Array, Layer, MixStatistics, mix_statistics
from .store import Clip, Stem, StoredStem
from .tables import from_table

RENDERED = ("rendered", "slakh")
NOT_REAL = (*RENDERED, "solo")
"""Kinds of clips that are no recordings of songs; every other kind is."""
ACTIVE_DB = -55.0
TYPICAL_DB = {"vocals": -21, "drums": -21, "bass": -22, "guitar": -25, "piano": -26, "other": -22}
"""Level of each source in the remixes, before its random gain."""
PRESENT = {"guitar": 0.75, "piano": 0.45, "other": 0.6}
"""Chance of a source in a remix; the others' is 1 - MixConfig.drop."""
WEIGHTS = {"musdb": 1.0, "mdb": 2.0, "free": 16.0, "solo": 5.0, "rendered": 0.8}
SONG_WEIGHTS = {"mdb": 2.0, "free": 10.0}
"""Clips of the previews are many and short, whole songs few and long: they are drawn more often."""


@dataclass(frozen=True)
class MixConfig:
    """How training mixes are drawn; the modes' chances need not sum to one."""

    real_song: float = 0.35
    """Coherent: a crop of a real song."""
    real_remix: float = 0.3
    """Incoherent: sources from different real recordings."""
    rendered_song: float = 0.15
    any_remix: float = 0.2
    drop: float = 0.1
    """Chance that a source of a remix is left out."""
    silence: float = 0.0
    """Chance that a source of a coherent song is silenced."""
    silent_start: float = 0.12
    """Chance that a crop begins with silence, as a track does in the engine's window."""
    touched: float = 0.75
    """Chance that a song's sources are changed each in their own way, not all alike."""
    swap: float = 0.5
    """Chance of swapped sides: of a song as a whole, of each source of a remix."""
    invert: float = 0.5
    """Chance of inverted polarity of a remix's source."""
    gain_db: float = 4.0
    """Spread (standard deviation) of a mix's level."""
    song_level_db: float = 2.5
    """Spread of the sources' levels in a song."""
    song_eq_db: float = 2.5
    song_balance_db: float = 2.0
    remix_level_db: float = 4.0
    """Spread of the sources' levels in a remix."""
    remix_eq_db: float = 3.5
    remix_balance_db: float = 3.0
    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))
    """How often the clips of a kind serve in remixes; 1 for kinds that are not named."""
    song_weights: Mapping[str, float] = field(default_factory=lambda: dict(SONG_WEIGHTS))
    """The same for coherent songs."""

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> MixConfig:
        """Build from a configuration table, refusing unknown keys and useless values. Tables of
        weights change those of the kinds that they name."""
        values = dict(values)
        for name, known in (("weights", WEIGHTS), ("song_weights", SONG_WEIGHTS)):
            if name in values:
                if not isinstance(values[name], Mapping):
                    raise TrainingError(f"[mix] {name} is {values[name]!r}; a table is expected")
                values[name] = {**known, **values[name]}
        config = from_table(MixConfig, "mix", values)
        for key in fields(MixConfig):
            value = getattr(config, key.name)
            for number in value.values() if isinstance(value, Mapping) else [value]:
                if not 0 <= number < np.inf:
                    raise TrainingError(f"[mix] {key.name} holds {number!r}; at least 0 is needed")
        return config


@dataclass
class Example:
    """A mix's statistics and whether guitar, piano and other are known apart in it."""

    statistics: MixStatistics
    split: bool


class Mixer:
    """Draws examples of `frames` frames and the bands `part` from a store of clips."""

    def __init__(
        self, clips: Sequence[Clip], config: MixConfig, frames: int, part: slice = ALL_BANDS
    ) -> None:
        clips = [c for c in clips if c.kind != "validation" and c.frames > frames]
        self.config = config
        self.part = part
        self.frames = frames
        self.clips = clips
        self.real = [c for c in clips if c.kind not in NOT_REAL]
        self.songs = {
            "real_song": _Pool([c for c in self.real if c.complete], config.song_weights),
            "rendered_song": _Pool(
                [c for c in clips if c.kind in RENDERED and c.complete], config.song_weights
            ),
        }
        modes = {
            "real_song": (config.real_song, self.songs["real_song"].clips),
            "real_remix": (config.real_remix, self.real),
            "rendered_song": (config.rendered_song, self.songs["rendered_song"].clips),
            "any_remix": (config.any_remix, [c for c in clips if c.split]),
        }
        usable = {name: chance for name, (chance, some) in modes.items() if some and chance > 0}
        if not usable:
            raise TrainingError(f"no clip is longer than the {frames} frames of a training crop")
        self.modes = list(usable)
        self.chances = np.array(list(usable.values())) / sum(usable.values())
        self.pools = self._pools()

    def _pools(self) -> dict[str, _Pool]:
        """For each source of a remix: the clips to draw from."""
        pools: dict[str, _Pool] = {}
        for source in SOURCES:
            own = [c for c in self.clips if source in c.stems]
            if source in ("guitar", "piano", "other"):
                own = [c for c in own if c.split]
            pools[source] = _Pool(own, self.config.weights)
        # In a remix of real music an accompaniment is one recording (not split) or a guitar.
        pools["accompaniment"] = _Pool(
            [c for c in self.real if not c.split and c.complete and "other" in c.stems], {}
        )
        return pools

    def example(self, rng: np.random.Generator) -> Example:
        """Draw one example; the same for a generator in the same state."""
        mode = str(rng.choice(self.modes, p=self.chances))
        silent = 0
        if rng.random() < self.config.silent_start:
            silent = int(rng.integers(1, self.frames // 2))
        length = self.frames - silent
        if mode in self.songs:
            clip = self.songs[mode].draw(rng, real=False)
            layers, split = self._song(rng, clip, length), clip.split
        else:
            layers, split = self._remix(rng, length, mode == "real_remix")
        return Example(mix_statistics(layers, self.frames, silent, self.part), split)

    def _song(self, rng: np.random.Generator, clip: Clip, length: int) -> list[Layer]:
        """A coherent crop of one song, its balance changed a little."""
        config = self.config
        start = int(rng.integers(clip.frames - length + 1))
        gain_db, swap = float(rng.normal(0, config.gain_db)), rng.random() < config.swap
        touched = rng.random() < config.touched
        layers = []
        for source, stem in self._sounding(rng, clip).items():
            own_db = gain_db + (float(rng.normal(0, config.song_level_db)) if touched else 0.0)
            eq = random_eq(rng, config.song_eq_db) if touched else flat_eq()
            matrix = np.eye(2, dtype=np.float32)
            if touched:
                matrix = random_matrix(rng, config.song_balance_db)
            matrix = matrix[::-1].copy() if swap else matrix
            gain = np.float32(10 ** (own_db / 20))
            crop = stem.crop(start, length)
            layers.append(Layer(SOURCES.index(source), crop, 0, eq * gain, matrix))
        return layers

    def _sounding(self, rng: np.random.Generator, clip: Clip) -> dict[str, Stem | StoredStem]:
        """A song's stems without those that are silenced; one is left at least."""
        if self.config.silence <= 0:
            return dict(clip.stems)
        kept = {s: stem for s, stem in clip.stems.items() if rng.random() >= self.config.silence}
        if kept:
            return kept
        source = str(rng.choice(list(clip.stems)))
        return {source: clip.stems[source]}

    def _remix(self, rng: np.random.Generator, length: int, real: bool) -> tuple[list[Layer], bool]:
        """Sources from different recordings; real accompaniments are mostly not split."""
        config = self.config
        split = not (real and rng.random() < 0.75 and self.pools["accompaniment"].clips)
        chosen = ["vocals", "drums", "bass", "accompaniment"]
        if split:
            chosen = ["vocals", "drums", "bass", "guitar", "piano", "other"]
        gain_db = float(rng.normal(0, config.gain_db))
        layers: list[Layer] = []
        for name in chosen:
            if rng.random() > PRESENT.get(name, 1 - config.drop) or not self.pools[name].clips:
                continue
            source = "other" if name == "accompaniment" else name
            stem, start = self._active(rng, name, source, length, real)
            level_db = stem.mean_level_db(start, length)
            wanted_db = TYPICAL_DB[source] + float(rng.normal(0, config.remix_level_db)) + gain_db
            change_db = min(wanted_db - max(level_db, ACTIVE_DB), 24.0)
            gain = np.float32(10 ** (change_db / 20))
            gain = -gain if rng.random() < config.invert else gain
            matrix = random_matrix(rng, config.remix_balance_db)
            matrix = matrix[::-1].copy() if rng.random() < config.swap else matrix
            eq = random_eq(rng, config.remix_eq_db) * gain
            layers.append(Layer(SOURCES.index(source), stem.crop(start, length), 0, eq, matrix))
        if not layers:
            return self._remix(rng, length, real)
        return layers, split

    def _active(
        self, rng: np.random.Generator, pool: str, source: str, length: int, real: bool
    ) -> tuple[Stem | StoredStem, int]:
        """A random crop of a source, drawn anew a few times while it is all but silent."""
        for _ in range(4):
            stem = self.pools[pool].draw(rng, real).stems[source]
            start = int(rng.integers(stem.frames - length + 1))
            if stem.mean_level_db(start, length) > ACTIVE_DB:
                break
        return stem, start


class _Pool:
    """Clips to draw from, by the weights of their kinds."""

    def __init__(self, clips: Sequence[Clip], weights: Mapping[str, float]) -> None:
        weighted = [(c, float(weights.get(c.kind, 1.0))) for c in clips]
        self.clips = [c for c, w in weighted if w > 0]
        plain = np.array([w for _, w in weighted if w > 0])
        # Among real recordings, rendered ones are a rarer guest.
        rarer = plain * [0.3 if c.kind in RENDERED else 1.0 for c in self.clips]
        self.chances = [w / max(w.sum(), 1e-12) for w in (plain, rarer)]

    def draw(self, rng: np.random.Generator, real: bool) -> Clip:
        """One clip; `real` for a remix of real recordings."""
        return self.clips[int(rng.choice(len(self.clips), p=self.chances[real]))]


def flat_eq() -> Array:
    """Gains of one for all bands."""
    return np.ones(NUM_BANDS, dtype=np.float32)


def random_eq(rng: np.random.Generator, spread_db: float) -> Array:
    """A smooth random equaliser: a tilt and two broad bells, as a gain for each band."""
    x = np.linspace(-1, 1, NUM_BANDS)
    curve_db = float(rng.normal(0, spread_db)) * x
    for _ in range(2):
        centre, width = float(rng.uniform(-1, 1)), float(rng.uniform(0.08, 0.5))
        curve_db = curve_db + float(rng.normal(0, spread_db)) * np.exp(
            -(((x - centre) / width) ** 2)
        )
    return (10 ** (curve_db / 20)).astype(np.float32)


def random_matrix(rng: np.random.Generator, spread_db: float) -> Array:
    """A random change of stereo width and balance, as a matrix on (left, right)."""
    width = float(np.clip(rng.normal(1.0, 0.3), 0.0, 1.5))
    same, crossed = (1 + width) / 2, (1 - width) / 2
    balance_db = float(rng.normal(0, spread_db))
    gains = 10 ** (np.array([[balance_db], [-balance_db]]) / 40)
    return (np.array([[same, crossed], [crossed, same]]) * gains).astype(np.float32)
