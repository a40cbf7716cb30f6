"""Scores by museval (BSSEval v4) on the validation clips, and what limits them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from . import bands
from .bands import SAMPLE_RATE, Float
from .data import musdb_paths, musdb_track, read_audio
from .errors import TrainingError
from .predict import apply_masks, load_network, separate

TARGETS = ("vocals", "drums", "bass", "other")
"""The four stems of MUSDB18; ours of guitar, piano and other count as `other`."""
DATA = "MUSDB18 validation list, 14 previews of 7 s"
METRIC = "museval SDR, median of frames, then of tracks"
SILENT_PEAK = 1e-4

Estimator = Callable[[str, dict[str, Float]], dict[str, Float]]
"""Track name and true stems to estimates [2, samples] of TARGETS."""


@dataclass
class Scores:
    """SDR in dB of each track and target (median of its frames)."""

    tracks: dict[str, dict[str, float]] = field(default_factory=dict)

    def medians(self) -> dict[str, float]:
        """Median over tracks of each target, and the mean of the four."""
        values = {
            t: float(np.nanmedian([track.get(t, np.nan) for track in self.tracks.values()]))
            for t in TARGETS
        }
        return {**values, "mean": float(np.mean(list(values.values())))}

    def write(self, path: Path) -> None:
        """Write as JSON, as `export --scores` reads it."""
        table = {
            "data": DATA,
            "metric": METRIC,
            "median_db": {t: round(v, 3) for t, v in self.medians().items()},
            "tracks_db": {
                name: {t: round(v, 2) for t, v in track.items()}
                for name, track in self.tracks.items()
            },
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")


def score_track(
    truth: dict[str, Float], estimates: dict[str, Float], filter_taps: int = 1
) -> dict[str, float]:
    """Median over 1 s frames of museval's SDR for each target that is not silent."""
    try:
        import museval.metrics
    except ImportError as error:
        raise TrainingError("scores need the `evaluate` extra of soloist-train") from error
    # museval 0.4 falls back to least squares where channels are alike (a mono source), but names
    # the exception by a path that NumPy 2 has removed.
    if not hasattr(np.linalg, "linalg"):
        np.linalg.linalg = np.linalg  # type: ignore[attr-defined]
    # museval leaves out frames in which any target is silent; one that is silent throughout
    # would leave nothing, so it is left out instead.
    audible = [t for t in TARGETS if float(np.abs(truth[t]).max()) > SILENT_PEAK]
    # Of BSSEval's numbers SDR alone does not depend on the distortion filters (its three error
    # terms sum to estimate - truth), so filters of one tap give the same dB in a fraction of the
    # time; a test compares the two.
    sdr, *_ = museval.metrics.bss_eval(
        np.stack([truth[t].T for t in audible]).astype(np.float64),
        np.stack([estimates[t].T for t in audible]).astype(np.float64),
        window=SAMPLE_RATE,
        hop=SAMPLE_RATE,
        compute_permutation=False,
        filters_len=filter_taps,
        framewise_filters=False,
        bsseval_sources_version=False,
    )
    return {t: float(np.nanmedian(row)) for t, row in zip(audible, sdr, strict=True)}


def four_stems(stems: dict[str, Float]) -> dict[str, Float]:
    """Six stems as MUSDB18's four."""
    other = stems["guitar"] + stems["piano"] + stems["other"]
    return {**{t: stems[t] for t in TARGETS[:3]}, "other": other}


def _model_estimator(path: Path) -> Estimator:
    network = load_network(path)
    return lambda _, truth: four_stems(separate(network, _mix(truth)))


def _folder_estimator(root: Path) -> Estimator:
    def read(name: str, truth: dict[str, Float]) -> dict[str, Float]:
        folder = root / name
        six = (folder / "guitar.wav").is_file()
        names = bands.SOURCES if six else TARGETS
        samples = _mix(truth).shape[1]
        stems = {s: read_audio(folder / f"{s}.wav") for s in names}
        for source, audio in stems.items():
            if audio.shape[1] != samples:
                raise TrainingError(
                    f"{folder / source}.wav has {audio.shape[1]} samples; its track {samples}"
                )
        return four_stems(stems) if six else stems

    return read


def _oracle_estimator(kind: str) -> Estimator:
    """What a perfect network would score: the true magnitude ratios or phase-sensitive masks."""

    def estimate(_: str, truth: dict[str, Float]) -> dict[str, Float]:
        mix = _mix(truth)
        if kind == "mixture":
            return {t: mix / 4 for t in TARGETS}
        X = bands.stft(mix)
        S = {t: bands.stft(truth[t]) for t in TARGETS}
        if kind == "ratio":
            power = {t: bands.band_sums(np.abs(s)) for t, s in S.items()}
            total = sum(power.values()) + 1e-9
            masks = np.stack([power[t] / total for t in TARGETS])
        else:
            own = bands.band_sums(np.abs(X) ** 2) + 1e-9
            cross = [bands.band_sums((X * S[t].conj()).real) for t in TARGETS]
            masks = np.clip(np.stack(cross) / own, 0, 1)
        stems = apply_masks(X, masks.astype(np.float32), mix.shape[1])
        return dict(zip(TARGETS, stems, strict=True))

    return estimate


def _mix(truth: dict[str, Float]) -> Float:
    return np.sum([truth[t] for t in TARGETS], axis=0)


def evaluate(data: Path, model: Path | None, estimates: Path | None, oracle: str | None) -> Scores:
    """Score a model, a folder of estimates or an oracle on the validation clips below `data`."""
    if model is not None:
        estimator = _model_estimator(model)
    elif estimates is not None:
        estimator = _folder_estimator(estimates)
    else:
        estimator = _oracle_estimator(oracle or "mixture")
    scores = Scores()
    for name, path in tqdm(musdb_paths(data, validation=True).items(), unit="track"):
        truth = musdb_track(path)
        scores.tracks[name] = score_track(truth, estimator(name, truth))
    return scores


def report(scores: Scores) -> str:
    """Scores as a small table in dB."""
    lines = [f"{'SDR in dB':44}" + "".join(f"{t:>8}" for t in TARGETS)]
    for name, track in scores.tracks.items():
        lines.append(f"{name:44}" + "".join(f"{track.get(t, np.nan):8.2f}" for t in TARGETS))
    medians = scores.medians()
    lines.append(f"{'median of tracks':44}" + "".join(f"{medians[t]:8.2f}" for t in TARGETS))
    lines.append(f"{'mean of the four':44}{medians['mean']:8.2f}")
    return "\n".join(lines)


def write_mixtures(data: Path, out: Path) -> None:
    """Write each validation clip's mixture (the sum of its stems) as `<track name>.wav`, float."""
    out.mkdir(parents=True, exist_ok=True)
    for name, path in musdb_paths(data, validation=True).items():
        mix = _mix(musdb_track(path))
        soundfile.write(out / f"{name}.wav", mix.T, SAMPLE_RATE, subtype="FLOAT")
