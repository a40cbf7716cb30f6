"""Scores of vocals on the validation clips: seed systems, the mixture, oracles of their kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..bands import SAMPLE_RATE, Float, istft, stft
from ..card import Score
from ..data import musdb_paths, musdb_track
from ..errors import TrainingError
from ..scores import read_table
from . import mel, system, wave_unet
from .fitting import load_network

TARGET = "vocals"
DATA = "MUSDB18 validation list, 14 previews of 7 s"
METRIC = "museval SDR, median of frames, then of tracks"
SILENT_PEAK = 1e-4
PLAIN_METRIC = "SDR of the whole track, median of tracks"
Separator = Callable[[Float, Float], Float]
"""Mix and true vocals, both [2, samples], to an estimate; only oracles look at the truth."""


@dataclass
class VocalScores:
    """SDR in dB of vocals by track: museval's (median of 1 s frames) and the whole track's."""

    museval_db: dict[str, float] = field(default_factory=dict)
    plain_db: dict[str, float] = field(default_factory=dict)

    def medians(self) -> tuple[float, float]:
        """Median over tracks of either."""
        return tuple(
            float(np.nanmedian(list(x.values()) or [np.nan]))
            for x in (self.museval_db, self.plain_db)
        )  # type: ignore[return-value]

    def card_scores(self) -> list[Score]:
        """Both medians as a card has them."""
        museval, plain = self.medians()
        return [Score(DATA, METRIC, TARGET, museval), Score(DATA, PLAIN_METRIC, TARGET, plain)]


def plain_sdr(truth: Float, estimate: Float) -> float:
    """10 log10 of the target's energy over the error's, in dB."""
    error = float(((truth - estimate).astype(np.float64) ** 2).sum())
    own = float((truth.astype(np.float64) ** 2).sum())
    return 10.0 * float(np.log10(max(own, 1e-20) / max(error, 1e-20)))


def validation_tracks(data: Path) -> dict[str, dict[str, Float]]:
    """The validation clips' stems by name."""
    paths = musdb_paths(data, validation=True)
    return {name: musdb_track(path) for name, path in paths.items()}


def museval_sdr(stems: dict[str, Float], vocals: Float) -> float:
    """Median over frames of 1 s of BSSEval v4's SDR of vocals, NaN where there is no frame.

    Of BSSEval's numbers SDR does not depend on its filters: its error terms sum to estimate -
    truth. So it needs neither them nor the other estimates, only the frames that museval keeps:
    those in which no true stem is silent. A test compares the two.
    """
    heard = [a for a in stems.values() if float(np.abs(a).max()) > SILENT_PEAK]
    frames = vocals.shape[1] // SAMPLE_RATE
    values = []
    for t in range(frames):
        span = slice(t * SAMPLE_RATE, (t + 1) * SAMPLE_RATE)
        if all(np.any(a[:, span]) for a in heard):
            values.append(plain_sdr(stems[TARGET][:, span], vocals[:, span]))
    return float(np.median(values)) if values else float("nan")


def score(separate: Separator, tracks: dict[str, dict[str, Float]]) -> VocalScores:
    """Score a separator on tracks of which the vocals are not silent."""
    scores = VocalScores()
    for name, truth in tracks.items():
        if float(np.abs(truth[TARGET]).max()) <= SILENT_PEAK:
            continue
        mix = np.sum(list(truth.values()), axis=0)
        vocals = separate(mix, truth[TARGET])
        scores.museval_db[name] = museval_sdr(truth, vocals)
        scores.plain_db[name] = plain_sdr(truth[TARGET], vocals)
    return scores


Network = tuple[dict[str, Any], system.Run]
"""A network to score: its configuration ([system] and [model]) and how to run it."""


def load(path: Path) -> Network:
    """A seed system from a checkpoint or from a model's folder."""
    if path.is_dir():
        from ..export import session
        from .export import run_onnx

        config = system.config_of_card(path / "card.toml")
        return config, run_onnx(session(path / "model.onnx"))
    config, net = load_network(path)
    return config, system.run_torch(net)


def masked(network: Network) -> Separator:
    """Masked reconstruction by a seed system."""
    config, run = network
    return lambda mix, _: system.separate_vocals(config, run, mix)


def direct(network: Network) -> Separator:
    """The waveform estimate of a wave-unet as it is, without a mask on the mix."""
    config, run = network
    if system.kind_of(config) != "wave-unet":
        raise TrainingError("only wave-unet gives a waveform")
    chunk = system.chunk_of(config)
    return lambda mix, _: wave_unet.estimate_waveform(run, mix, chunk)


def mixture(mix: Float, truth: Float) -> Float:
    """The mix itself: what doing nothing scores."""
    return mix


def quarter(mix: Float, truth: Float) -> Float:
    """A quarter of the mix, the baseline of the tables of four stems."""
    return mix / 4


def mel_oracle(mix: Float, truth: Float) -> Float:
    """mel-unet with a perfect network: the true vocals' log-mel, masked reconstruction."""
    analysis = mel.Analysis(SAMPLE_RATE)
    X, S = analysis.stft(mix), analysis.stft(truth)
    mask = mel.band_mask(mel.features(X, analysis)[0], mel.features(S, analysis)[0])
    return analysis.istft(X * mel.expand_mask(mask, analysis), mix.shape[1])


def wave_oracle(mix: Float, truth: Float) -> Float:
    """wave-unet with a perfect network: the soft mask of the true vocals."""
    X = stft(mix)
    return istft(X * wave_unet.soft_mask(X, stft(truth)), mix.shape[1])


def time_mask_oracle(mix: Float, truth: Float) -> Float:
    """A mask between 0 and 1 on samples instead of bins: what input x mask can do with one."""
    ratio = np.divide(truth, mix, out=np.zeros_like(mix), where=np.abs(mix) > 1e-9)
    return mix * np.clip(ratio, 0.0, 1.0)


def evaluate_system(path: Path, data: Path, json_path: Path | None = None) -> VocalScores:
    """Score a checkpoint or model folder; prints a table beside mixture and oracle."""
    network = load(path)
    tracks = validation_tracks(data)
    is_mel = system.kind_of(network[0]) == "mel-unet"
    rows = {
        "this network": score(masked(network), tracks),
        "mixture": score(mixture, tracks),
        "a quarter of the mixture": score(quarter, tracks),
        "oracle": score(mel_oracle if is_mel else wave_oracle, tracks),
    }
    if not is_mel:
        rows["its waveform unmasked"] = score(direct(network), tracks)
        rows["oracle of masks on samples"] = score(time_mask_oracle, tracks)
    print(f"{'vocals, SDR in dB':28}{'museval':>9}{'plain':>9}")
    for name, scores in rows.items():
        museval, plain = scores.medians()
        print(f"{name:28}{museval:9.2f}{plain:9.2f}")
    if json_path is not None:
        write_scores(json_path, rows)
    return rows["this network"]


def write_scores(path: Path, rows: dict[str, VocalScores]) -> None:
    """Write rows of scores as JSON; the first is the network's, and `export` reads it."""
    first = next(iter(rows.values()))
    table = {
        "data": DATA,
        "metrics": {"museval_db": METRIC, "plain_db": PLAIN_METRIC},
        "median_db": {
            name: dict(
                zip(("museval_db", "plain_db"), (round(v, 3) for v in s.medians()), strict=True)
            )
            for name, s in rows.items()
        },
        "tracks_db": {n: round(v, 2) for n, v in first.museval_db.items()},
        "plain_tracks_db": {n: round(v, 2) for n, v in first.plain_db.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")


def read_scores(path: Path) -> list[Score]:
    """The card's scores from a file of `evaluate --json`."""

    def take(table: dict[str, Any]) -> list[Score]:
        own = next(iter(table["median_db"].values()))
        return [
            Score(table["data"], metric, TARGET, float(own[name]))
            for name, metric in table["metrics"].items()
        ]

    return read_table(path, take)
