"""What the first seed's own way back costs: log-mel to audio by Griffin-Lim, beside a mask."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soxr

from ..bands import SAMPLE_RATE, Float
from ..errors import TrainingError
from . import mel, mel_unet, system
from .fitting import load_network
from .scoring import TARGET, plain_sdr, validation_tracks

ITERATIONS = 32
HEARD_DB = 60.0
"""Bands more than this below a clip's loudest do not count in the mel error."""
NAMES = ("vocals", "griffin-lim of true mel", "masked, true mel", "griffin-lim of mel-unet",
         "masked, mel-unet")  # fmt: skip


def mel_error_db(truth: Float, found: Float) -> float:
    """Mean absolute difference in dB of two mono signals' log-mel where the truth is heard."""
    analysis = mel.Analysis()
    own, other = (mel.features(analysis.stft(x[None]), analysis)[0] for x in (truth, found))
    heard = own > own.max() - HEARD_DB / mel.STD_DB
    return float(np.abs(own - other)[heard].mean() * mel.STD_DB)


def ways_back(mix: Float, vocals: Float, run: system.Run) -> dict[str, Float]:
    """Vocals by each of NAMES, mono [samples] at the network's rate, from mono mix and vocals."""
    analysis, samples = mel.Analysis(), len(mix)
    X, S = analysis.stft(np.stack([mix, vocals]))
    x, s = mel.to_features(analysis.power(X)), mel.to_features(analysis.power(S))
    estimate = mel_unet.estimate_features(run, x[None])[0]

    def masked(target: Float) -> Float:
        mask = mel.expand_mask(mel.band_mask(x, target), analysis)
        return analysis.istft((X * mask)[None], samples)[0]

    signals = (vocals, mel.invert(s, samples, ITERATIONS), masked(s),
               mel.invert(estimate, samples, ITERATIONS), masked(estimate))  # fmt: skip
    return dict(zip(NAMES, signals, strict=True))


def measure(path: Path, data: Path, table: Path, png: Path | None = None) -> dict[str, object]:
    """Medians over the validation clips of SDR and mel error of each way back, written as JSON.

    The picture shows the first clip with vocals.
    """
    config, net = load_network(path)
    if system.kind_of(config) != "mel-unet":
        raise TrainingError(f"{path} is no mel-unet: only log-mel has a round trip")
    run = system.run_torch(net)
    sdr_db: dict[str, list[float]] = {name: [] for name in NAMES[1:]}
    error_db: dict[str, list[float]] = {name: [] for name in NAMES[1:]}
    for truth in validation_tracks(data).values():
        stems = [np.sum(list(truth.values()), axis=0), truth[TARGET]]
        mix, vocals = (
            soxr.resample(x.mean(axis=0), SAMPLE_RATE, mel.SAMPLE_RATE, "HQ").astype(np.float32)
            for x in stems
        )
        if np.abs(vocals).max() < 1e-3:
            continue
        signals = ways_back(mix, vocals, run)
        for name in NAMES[1:]:
            sdr_db[name].append(plain_sdr(vocals, signals[name]))
            error_db[name].append(mel_error_db(vocals, signals[name]))
        if png is not None:
            draw(signals, png)
            png = None
    result: dict[str, object] = {
        name: {"sdr_db": round(float(np.median(sdr_db[name])), 2),
               "mel_error_db": round(float(np.median(error_db[name])), 2)}
        for name in NAMES[1:]
    }  # fmt: skip
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text(json.dumps(result, indent=1) + "\n")
    return result


def draw(signals: dict[str, Float], png: Path) -> None:
    """Log-mel spectrograms of mono signals, one above the other."""
    from ..plots import pyplot, save

    analysis = mel.Analysis()
    figure, axes = pyplot().subplots(len(signals), 1, figsize=(6.4, 7.5), sharex=True)
    for axis, (name, audio) in zip(axes, signals.items(), strict=True):
        level = mel.features(analysis.stft(audio[None]), analysis)[0]
        level_db = level * mel.STD_DB + mel.MEAN_DB
        top = -25.0
        seconds = len(audio) / mel.SAMPLE_RATE
        axis.imshow(level_db, origin="lower", aspect="auto", cmap="magma", vmin=top - 60, vmax=top,
                    extent=(0, seconds, 0, mel.NUM_BANDS))  # fmt: skip
        axis.set_title(name, fontsize=8, loc="left", pad=2)
        axis.set_yticks([])
    axes[-1].set_xlabel("seconds (512 mel bands, 60 dB range)", fontsize=8)
    figure.tight_layout()
    save(figure, png)
