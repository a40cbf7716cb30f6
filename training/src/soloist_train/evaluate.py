"""Scores of a model, a folder of estimates or an oracle, and the two that frame every score."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from . import bands
from .bands import SAMPLE_RATE, SOURCES, Float
from .data import read_audio
from .errors import TrainingError
from .metrics import METRICS, museval_sdr, score
from .predict import apply_masks, load_network, separate
from .scores import Scores
from .testsets import FOUR, TestSet, four_stems, mix_of, musdb_validation

TARGETS = FOUR
REFERENCES = {"ratio": "ratio-mask oracle", "mixture": "mixture"}
"""What is scored beside every system."""
_CACHE_FORMAT = 1

Estimator = Callable[[str, dict[str, Float], Sequence[str]], dict[str, Float]]
"""Track name, true stems and targets to estimates [2, samples] of the targets."""


def score_track(truth: dict[str, Float], estimates: dict[str, Float]) -> dict[str, float]:
    """Median over 1 s frames of museval's SDR for each of MUSDB18's stems that is not silent."""
    return museval_sdr(truth, estimates, TARGETS)


def for_targets(stems: dict[str, Float], targets: Sequence[str]) -> dict[str, Float]:
    """Estimates of six sources as the targets want them."""
    if tuple(targets) == TARGETS and "guitar" in stems:
        return four_stems(stems)
    missing = set(targets) - set(stems)
    if missing:
        raise TrainingError(f"no estimates of {', '.join(sorted(missing))}")
    return stems


def model_estimator(path: Path) -> Estimator:
    """Separates as the engine does, with a model folder, an .onnx file or a checkpoint."""
    network = load_network(path)
    return lambda _, truth, targets: for_targets(separate(network, mix_of(truth)), targets)


def folder_estimator(root: Path) -> Estimator:
    """Reads `<track name>/<stem>.wav`, four or six stems, as the tool `soloist` writes them."""

    def read(name: str, truth: dict[str, Float], targets: Sequence[str]) -> dict[str, Float]:
        folder = root / name
        six = (folder / "guitar.wav").is_file()
        samples = mix_of(truth).shape[1]
        stems = {s: read_audio(folder / f"{s}.wav") for s in (SOURCES if six else TARGETS)}
        for source, audio in stems.items():
            if audio.shape[1] != samples:
                raise TrainingError(
                    f"{folder / source}.wav has {audio.shape[1]} samples; its track {samples}"
                )
        return for_targets(stems, targets)

    return read


def oracle_estimator(kind: str) -> Estimator:
    """What a perfect network would score: the true magnitude ratios or phase-sensitive masks; or
    what doing nothing scores: the mixture, shared out evenly."""

    def estimate(_: str, truth: dict[str, Float], targets: Sequence[str]) -> dict[str, Float]:
        mix = mix_of(truth)
        if kind == "mixture":
            return {t: mix / len(targets) for t in targets}
        X = bands.stft(mix)
        S = {t: bands.stft(truth[t]) for t in targets if t in truth}
        if kind == "ratio":
            power = {t: bands.band_sums(np.abs(s)) for t, s in S.items()}
            total = sum(power.values()) + 1e-9
            masks = np.stack([power[t] / total for t in S])
        else:
            own = bands.band_sums(np.abs(X) ** 2) + 1e-9
            cross = [bands.band_sums((X * S[t].conj()).real) for t in S]
            masks = np.clip(np.stack(cross) / own, 0, 1)
        stems = apply_masks(X, masks.astype(np.float32), mix.shape[1])
        return dict(zip(S, stems, strict=True))

    return estimate


def cache_folder() -> Path:
    """Where scores of oracles are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "soloist-train" / "oracles"


def _cached(
    kind: str, test: TestSet, truth: dict[str, Float], cache: Path
) -> dict[str, dict[str, float]]:
    """Scores of an oracle on a track, from the cache if the very same stems were scored before."""
    digest = hashlib.sha256(repr((_CACHE_FORMAT, kind, test.targets, test.together)).encode())
    for source, audio in truth.items():
        digest.update(source.encode())
        digest.update(np.ascontiguousarray(audio).tobytes())
    path = cache / f"{digest.hexdigest()[:32]}.json"
    try:
        return json.loads(path.read_text())
    except (OSError, json.JSONDecodeError):
        found = score(truth, oracle_estimator(kind)("", truth, test.targets), test.targets,
                      test.together)  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found))
        return found


def score_set(test: TestSet, estimator: Estimator, cache: Path | None = None) -> Scores:
    """Score an estimator on all tracks of a set, the oracle and the mixture beside it."""
    scores = Scores(test.data, test.targets)
    scores.references = {kind: Scores(test.data, test.targets) for kind in REFERENCES}
    for name, read in tqdm(test.tracks.items(), unit="track"):
        truth = read()
        estimates = estimator(name, truth, test.targets)
        scores.add(name, score(truth, estimates, test.targets, test.together))
        for kind, reference in scores.references.items():
            reference.add(name, _cached(kind, test, truth, cache or cache_folder()))
    return scores


def evaluate(
    data: Path | TestSet, model: Path | None, estimates: Path | None, oracle: str | None
) -> Scores:
    """Score a model, a folder of estimates or an oracle on a set of tracks, by default MUSDB18's
    validation clips below the folder `data`."""
    test = data if isinstance(data, TestSet) else musdb_validation(data)
    if model is not None:
        estimator = model_estimator(model)
    elif estimates is not None:
        estimator = folder_estimator(estimates)
    else:
        estimator = oracle_estimator(oracle or "mixture")
    return score_set(test, estimator)


def report(scores: Scores) -> str:
    """Scores as a small table in dB."""
    targets = scores.known_targets()
    lines = [f"{'museval SDR in dB':44}" + "".join(f"{t:>8}" for t in targets)]
    for name, track in scores.tracks.items():
        lines.append(f"{name:44}" + "".join(f"{track.get(t, np.nan):8.2f}" for t in targets))
    lines.append("")
    for metric in METRICS:
        how = "median" if metric == next(iter(METRICS)) else "mean"
        rows = {f"{metric}, {how} of tracks": scores}
        rows |= {f"  {REFERENCES[kind]}": ref for kind, ref in scores.references.items()}
        for title, row in rows.items():
            values = row.overall(metric)
            cells = "".join(f"{values.get(t, np.nan):8.2f}" for t in targets)
            lines.append(f"{title:44}{cells}   mean {values['mean']:.2f}")
    return "\n".join(lines)


def write_mixtures(data: Path | TestSet, out: Path) -> None:
    """Write each track's mixture (the sum of its stems) as `<track name>.wav`, float."""
    out.mkdir(parents=True, exist_ok=True)
    test = data if isinstance(data, TestSet) else musdb_validation(data)
    for name, read in test.tracks.items():
        soundfile.write(out / f"{name}.wav", mix_of(read()).T, SAMPLE_RATE, subtype="FLOAT")
