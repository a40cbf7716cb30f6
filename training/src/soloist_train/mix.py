"""Random mixes for training: coherent songs and remixes across songs, with augmentation.

Gain, equaliser, balance, width, swapped sides and polarity are linear on an STFT, so they cost
next to nothing here; changes of speed are made once, when the data is prepared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .bands import NUM_BANDS, SOURCES
from .errors import TrainingError
from .statistics import Array, Layer, MixStatistics, mix_statistics
from .store import Clip, Stem
from .tables import from_table

REAL = ("musdb", "mdb", "free")
ACTIVE_DB = -55.0
TYPICAL_DB = {"vocals": -21, "drums": -21, "bass": -22, "guitar": -25, "piano": -26, "other": -22}
"""Level of each source in the remixes, before its random gain."""


@dataclass(frozen=True)
class MixConfig:
    """How training mixes are drawn; chances need not sum to one."""

    real_song: float = 0.35
    real_remix: float = 0.3
    rendered_song: float = 0.15
    any_remix: float = 0.2
    drop: float = 0.1
    """Chance that a source of a remix is left out."""
    silent_start: float = 0.12
    """Chance that a crop begins with silence, as a track does in the engine's window."""

    @staticmethod
    def from_dict(values: dict[str, float]) -> MixConfig:
        """Build from a configuration table, refusing unknown keys."""
        return from_table(MixConfig, "mix", values)


@dataclass
class Example:
    """A mix's statistics and whether guitar, piano and other are known apart in it."""

    statistics: MixStatistics
    split: bool


class Mixer:
    """Draws examples from a store of clips."""

    def __init__(self, clips: Sequence[Clip], config: MixConfig, frames: int) -> None:
        clips = [c for c in clips if c.kind != "validation" and c.frames > frames]
        self.frames = frames
        self.real = [c for c in clips if c.kind in REAL]
        self.rendered = [c for c in clips if c.kind == "rendered"]
        self.clips = clips
        modes = {
            "real_song": (config.real_song, [c for c in self.real if c.complete]),
            "real_remix": (config.real_remix, self.real),
            "rendered_song": (config.rendered_song, self.rendered),
            "any_remix": (config.any_remix, [c for c in clips if c.split]),
        }
        usable = {name: chance for name, (chance, some) in modes.items() if some and chance > 0}
        if not usable:
            raise TrainingError(f"no clip is longer than the {frames} frames of a training crop")
        self.modes = list(usable)
        self.chances = np.array(list(usable.values())) / sum(usable.values())
        self.config = config
        self.pools = self._pools()

    def _pools(self) -> dict[str, list[tuple[Clip, float]]]:
        """For each source of a remix: the clips to draw from, with their weights."""
        pools: dict[str, list[tuple[Clip, float]]] = {}
        for source in SOURCES:
            own = [c for c in self.clips if source in c.stems]
            if source in ("guitar", "piano", "other"):
                own = [c for c in own if c.split]
            # Short clips are many and songs long: weigh by kind, and by length within "free".
            weight = {"musdb": 1.0, "mdb": 2.0, "free": 8.0, "solo": 1.0, "rendered": 0.35}
            pools[source] = [(c, weight[c.kind]) for c in own]
        # In a remix of real music an accompaniment is one recording (not split) or a guitar.
        pools["accompaniment"] = [
            (c, 1.0) for c in self.real if not c.split and c.complete and "other" in c.stems
        ]
        return pools

    def example(self, rng: np.random.Generator) -> Example:
        """Draw one example."""
        mode = str(rng.choice(self.modes, p=self.chances))
        silent = 0
        if rng.random() < self.config.silent_start:
            silent = int(rng.integers(1, self.frames // 2))
        length = self.frames - silent
        if mode in ("real_song", "rendered_song"):
            pool = self.rendered
            if mode == "real_song":
                pool = [c for c in self.real if c.complete]
            clip = pool[int(rng.integers(len(pool)))]
            layers, split = self._song(rng, clip, length), clip.split
        else:
            layers, split = self._remix(rng, length, mode == "real_remix")
        return Example(mix_statistics(layers, self.frames, silent), split)

    def _song(self, rng: np.random.Generator, clip: Clip, length: int) -> list[Layer]:
        """A coherent crop of one song, its balance changed a little."""
        start = int(rng.integers(clip.frames - length + 1))
        gain_db, swap = float(rng.normal(0, 4)), rng.random() < 0.5
        touched = rng.random() < 0.75
        layers = []
        for source, stem in clip.stems.items():
            own_db = gain_db + (float(rng.normal(0, 2.5)) if touched else 0.0)
            eq = random_eq(rng, 2.5) if touched else flat_eq()
            matrix = random_matrix(rng, 2.0) if touched else np.eye(2, dtype=np.float32)
            matrix = matrix[::-1].copy() if swap else matrix
            gain = np.float32(10 ** (own_db / 20))
            layers.append(Layer(SOURCES.index(source), stem, start, eq * gain, matrix))
        return layers

    def _remix(self, rng: np.random.Generator, length: int, real: bool) -> tuple[list[Layer], bool]:
        """Sources from different recordings; real accompaniments are mostly not split."""
        split = not (real and rng.random() < 0.75 and self.pools["accompaniment"])
        chosen = ["vocals", "drums", "bass", "accompaniment"]
        if split:
            chosen = ["vocals", "drums", "bass", "guitar", "piano", "other"]
        gain_db = float(rng.normal(0, 4))
        layers: list[Layer] = []
        for name in chosen:
            present = {"guitar": 0.75, "piano": 0.45, "other": 0.6}.get(name, 1 - self.config.drop)
            if rng.random() > present or not self.pools[name]:
                continue
            source = "other" if name == "accompaniment" else name
            stem, start = self._active(rng, name, source, length, real)
            level_db = float(np.mean(stem.level_db[start : start + length]))
            wanted_db = TYPICAL_DB[source] + float(rng.normal(0, 4)) + gain_db
            change_db = min(wanted_db - max(level_db, ACTIVE_DB), 24.0)
            gain = np.float32(10 ** (change_db / 20) * rng.choice([-1, 1]))
            matrix = random_matrix(rng, 3.0)
            matrix = matrix[::-1].copy() if rng.random() < 0.5 else matrix
            eq = random_eq(rng, 3.5) * gain
            layers.append(Layer(SOURCES.index(source), stem, start, eq, matrix))
        if not layers:
            return self._remix(rng, length, real)
        return layers, split

    def _active(
        self, rng: np.random.Generator, pool: str, source: str, length: int, real: bool
    ) -> tuple[Stem, int]:
        """A random crop of a source, drawn anew a few times while it is all but silent."""
        weights = np.array(
            [w * (0.3 if real and c.kind == "rendered" else 1.0) for c, w in self.pools[pool]]
        )
        weights /= weights.sum()
        for _ in range(4):
            clip = self.pools[pool][int(rng.choice(len(weights), p=weights))][0]
            stem = clip.stems[source]
            start = int(rng.integers(stem.frames - length + 1))
            if float(np.mean(stem.level_db[start : start + length])) > ACTIVE_DB:
                break
        return stem, start


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
