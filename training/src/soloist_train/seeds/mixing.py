"""Mono examples to learn vocals from: songs as they are, or stems of several songs at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr

from ..bands import Float
from ..errors import TrainingError
from ..tables import from_table
from .waveforms import STEMS, Song

CHANNELS = ("left", "random", "middle")


@dataclass(frozen=True)
class MixConfig:
    """The [mix] table: where examples are from and how they are changed."""

    remix: float = 0.6
    """Share of examples whose stems are from different songs."""
    rendered: float = 0.2
    """Share of rendered songs among those that stems and songs are drawn from."""
    channel: str = "random"
    """`left`; `random`: left, right or their mean; `middle`: a mean with random weights."""
    gain_db: float = 5.0
    speed: float = 0.12
    """Stems are resampled by a factor within 1 ± this, half of the time."""
    tilt: float = 0.35
    """Largest coefficient of the one-zero filter that makes a stem brighter or darker."""
    drop: float = 0.1
    silent_start: float = 0.1

    @staticmethod
    def from_dict(values: dict[str, Any]) -> MixConfig:
        """Build from a configuration table, refusing unknown keys and channels."""
        config = from_table(MixConfig, "mix", values)
        if config.channel not in CHANNELS:
            raise TrainingError(
                f"[mix] channel = {config.channel!r}; expected one of {', '.join(CHANNELS)}"
            )
        return config


class VocalMixer:
    """Draws (mix, vocals), both [samples], from a store's songs."""

    def __init__(self, songs: Sequence[Song], config: MixConfig, samples: int) -> None:
        self.config, self.samples = config, samples
        whole = [s for s in songs if s.complete]
        self.groups = {
            rendered: {
                "song": _Pool([s for s in whole if (s.kind == "rendered") == rendered]),
                **{
                    stem: _Pool(
                        [s for s in songs if stem in s.stems and (s.kind == "rendered") == rendered]
                    )
                    for stem in STEMS
                },
            }
            for rendered in (False, True)
        }
        for name in ("song", *STEMS):
            if not any(group[name].songs for group in self.groups.values()):
                raise TrainingError(f"the store has no {name}: nothing to draw examples from")

    def _pick(self, name: str, rng: np.random.Generator) -> Song:
        rendered = bool(rng.random() < self.config.rendered)
        pool = self.groups[rendered][name]
        return (pool if pool.songs else self.groups[not rendered][name]).pick(rng)

    def example(self, rng: np.random.Generator) -> tuple[Float, Float]:
        """A mix and its vocals."""
        c = self.config
        speed = 1.0 + rng.uniform(-c.speed, c.speed) if c.speed and rng.random() < 0.5 else 1.0
        count = round(self.samples * speed)
        remix = rng.random() < c.remix
        song = None if remix else self._pick("song", rng)
        start = _start(song, count, rng) if song else 0
        weights = self._channel(rng)
        stems = {}
        for stem in STEMS:
            if song is None:
                own = self._pick(stem, rng)
                start = _start(own, count, rng)
                if rng.random() < 0.5:
                    weights = weights[::-1]
                audio = weights @ own.read(stem, start, count)
            else:
                audio = weights @ song.read(stem, start, count)
            stems[stem] = self._change(audio, remix, rng)
        vocals = stems.pop("vocals")
        rest = np.sum(list(stems.values()), axis=0)
        if count != self.samples:
            vocals, rest = (_resampled(x, self.samples) for x in (vocals, rest))
        gain = 10.0 ** (rng.uniform(-8.0, 3.0) / 20.0)
        if rng.random() < c.silent_start:
            quiet = int(rng.random() * self.samples)
            vocals[:quiet], rest[:quiet] = 0.0, 0.0
        return ((vocals + rest) * gain).astype(np.float32), (vocals * gain).astype(np.float32)

    def _channel(self, rng: np.random.Generator) -> Float:
        """Weights of left and right in the mono example."""
        kind = self.config.channel
        if kind == "middle":
            balance = rng.uniform(0.3, 0.7)
            return np.array([balance, 1.0 - balance], np.float32)
        choices = [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]
        return np.array(choices[0 if kind == "left" else rng.integers(3)], np.float32)

    def _change(self, audio: Float, remix: bool, rng: np.random.Generator) -> Float:
        """A stem with its gain, polarity and brightness changed, or silent."""
        c = self.config
        if rng.random() < c.drop * (1.0 if remix else 0.5):
            return np.zeros_like(audio)
        gain = 10.0 ** (rng.uniform(-c.gain_db, c.gain_db) * (1.0 if remix else 0.5) / 20.0)
        tilt = rng.uniform(-c.tilt, c.tilt)
        sign = rng.choice((-1.0, 1.0)) if remix else 1.0
        out = audio * np.float32(1.0 / (1.0 + abs(tilt)))
        out[1:] += np.float32(tilt / (1.0 + abs(tilt))) * audio[:-1]
        return out * np.float32(gain * sign)


class _Pool:
    """Songs to pick from, longer ones more often, as the root of their length."""

    def __init__(self, songs: list[Song]) -> None:
        self.songs = songs
        weights = np.sqrt([song.samples for song in songs])
        self.until = np.cumsum(weights / weights.sum()) if songs else weights

    def pick(self, rng: np.random.Generator) -> Song:
        place = int(np.searchsorted(self.until, rng.random()))
        return self.songs[min(place, len(self.songs) - 1)]


def _start(song: Song, count: int, rng: np.random.Generator) -> int:
    return int(rng.integers(max(song.samples - count, 0) + 1))


def _resampled(audio: Float, samples: int) -> Float:
    out = np.zeros(samples, np.float32)
    moved = soxr.resample(audio, len(audio), samples, "LQ")[:samples]
    out[: len(moved)] = moved
    return out
