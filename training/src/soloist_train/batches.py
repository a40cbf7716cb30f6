"""Batches: random mixes for fitting, whole clips for following a fit, songs to hold out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .bands import FRAME_MULTIPLE, SOURCES
from .errors import TrainingError
from .loss import Batch, head_weights, median_sdr
from .mix import Example, MixConfig, Mixer, flat_eq
from .schedule import FitConfig
from .statistics import ALL_BANDS, HEADS, Layer, MixStatistics, mix_statistics
from .store import Clip

LONGEST_FRAMES = 640
"""Frames of a held-out song that are looked at, from its middle: 15 s."""
RENDERED = ("rendered", "slakh")
VARIANT = re.compile(r" \([+-][0-9.]+ semitones, tempo [^)]*\)$")
"""What `prepare --variants` adds to the name of a changed clip."""


def collate(examples: Sequence[Example]) -> Batch:
    """Stack examples into a batch."""

    def stack(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(e.statistics, name) for e in examples]))

    weights = torch.tensor([head_weights(e.split) for e in examples])
    return Batch(stack("features"), stack("mix"), stack("cross"), stack("own"), weights)


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device; the same where it lies in the CPU's memory."""
    if device.type == "cpu":
        return batch
    pinned = (x.pin_memory() if device.type == "cuda" else x for x in vars(batch).values())
    return Batch(*(x.to(device, non_blocking=True) for x in pinned))


class Examples:
    """Random mixes; each is drawn from the seed, the iteration and its place alone, so threads,
    processes and resumed runs all see the same ones."""

    def __init__(
        self, clips: Sequence[Clip], mix: dict[str, Any], config: FitConfig,
        part: slice = ALL_BANDS,
    ) -> None:  # fmt: skip
        self.config = config
        tables = [{**mix, **stage.mix} for stage in config.stages] or [mix]
        self.mixers = [Mixer(clips, MixConfig.from_dict(t), config.frames, part) for t in tables]

    def batch(self, iteration: int, places: range) -> Batch:
        """The examples `places` of an iteration."""
        mixer = self.mixers[self.config.stage(iteration)[0]]
        seeds = [(self.config.seed, iteration, place) for place in places]
        return collate([mixer.example(np.random.default_rng(seed)) for seed in seeds])


def whole_clip(clip: Clip, part: slice = ALL_BANDS) -> Batch:
    """A clip's own mix as a batch of one, silent up to a multiple of FRAME_MULTIPLE; of the bands
    `part` alone, if asked for."""
    cut = min(clip.frames, LONGEST_FRAMES)
    start = (clip.frames - cut) // 2
    eye = np.eye(2, dtype=np.float32)
    layers = [
        Layer(SOURCES.index(s), stem.crop(start, cut), 0, flat_eq(), eye)
        for s, stem in clip.stems.items()
    ]
    sums = mix_statistics(layers, cut, part=part)
    frames = -(-cut // FRAME_MULTIPLE) * FRAME_MULTIPLE
    padded = MixStatistics.empty(frames, part.stop - part.start)
    for name in ("features", "mix", "cross", "own"):
        getattr(padded, name)[..., :cut] = getattr(sums, name)
    return collate([Example(padded, clip.split)])


def sdr_of_batches(
    net: nn.Module, batches: Sequence[Batch], device: torch.device, dtype: torch.dtype
) -> Tensor:
    """[batches, heads]: median SDR in dB of a network in evaluation mode on whole clips."""
    rows = []
    with torch.inference_mode():
        for batch in batches:
            batch = to_device(batch, device)
            features = batch.features.to(memory_format=torch.channels_last)
            with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
                logits = net(features)
            rows.append(median_sdr(logits.float(), batch).cpu())
    return torch.stack(rows)


def summary(sdr: Tensor) -> dict[str, float]:
    """Median over clips of SDR [clips, heads] in dB; `other` is all accompaniment, `mean` that
    of vocals, drums, bass and other; guitar and piano where they are known.

    `clip_mean` is the four's mean over clips instead, each cut to -5 to 15 dB: of few clips the
    median leaps when one of them changes places.
    """
    values = dict(zip(HEADS, torch.nanmedian(sdr, dim=0).values.tolist(), strict=True))
    values["other"] = values.pop("accompaniment")
    scores = {h: round(v, 2) for h, v in values.items() if np.isfinite(v)}
    four = [scores[h] for h in ("vocals", "drums", "bass", "other") if h in scores]
    scores["mean"] = round(float(np.mean(four)), 3) if four else float("-inf")
    judged = [HEADS.index(h) for h in ("vocals", "drums", "bass", "accompaniment")]
    clips = torch.nanmean(sdr[:, judged].clamp(-5.0, 15.0), dim=0)
    scores["clip_mean"] = round(float(clips.nanmean()), 3)
    return scores


def song_of(name: str) -> str:
    """What the names of one song's clips have in common: variants and punctuation aside, and
    Music Delta's songs by one name, since MUSDB18 and MedleyDB both have them."""
    plain = re.sub(r"[^a-z0-9]+", "", VARIANT.sub("", name).casefold())
    return re.sub(r"^mdb", "musicdelta", plain)


def songs_of(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """Clips of each whole song by the song's name, at all speeds and in all variants; rendered
    songs only where there are no others."""
    whole = [c for c in clips if c.complete and c.kind not in ("validation", "solo")]
    real = [c for c in whole if c.kind not in RENDERED]
    songs: dict[str, list[Clip]] = {}
    for clip in real or whole:
        songs.setdefault(song_of(clip.name), []).append(clip)
    return {VARIANT.sub("", versions[0].name): versions for versions in songs.values()}


def shuffled_songs(clips: Sequence[Clip], seed: int = 0) -> list[str]:
    """Names of the whole songs in an order that depends on the names and the seed alone."""
    return sorted(
        songs_of(clips), key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest()
    )


def hold_out(clips: Sequence[Clip], names: Sequence[str]) -> tuple[list[Clip], list[Clip]]:
    """Clips to train on, without any version of the songs in `names`, and one clip of each of
    these: of its versions without changes the one of median length, which is at its own speed."""
    songs = songs_of(clips)
    unknown = set(names) - set(songs)
    if unknown:
        raise TrainingError(f"no whole songs named {', '.join(sorted(unknown))} in the store")
    kept_aside = {song_of(name) for name in names}
    rest = [c for c in clips if song_of(c.name) not in kept_aside]
    judged = []
    for name in names:
        kind = songs[name][0].kind
        own = [c for c in songs[name] if c.kind == kind and not VARIANT.search(c.name)]
        own = sorted(own or songs[name], key=lambda c: c.frames)
        judged.append(own[len(own) // 2])
    return rest, judged
