"""The focus control: what masks raised to a power do to quality, bleed and artefacts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from . import bands
from .bands import Float
from .evaluate import for_targets
from .metrics import MUSEVAL, SDR, audible, score, sdr_frames
from .predict import apply_masks, load_network, predict_masks
from .scores import Scores
from .testsets import FOUR, TestSet, mix_of

FOCUSES = (-1.0, -0.5, 0.0, 0.5, 1.0)
_FLOOR = 1e-12


def focused(masks: Float, focus: float) -> Float:
    """Masks [sources, ...] to the power 2^(2 focus), made to sum to one again, as in the engine."""
    if focus == 0:
        return masks
    raised = masks ** np.float32(2 ** (2 * focus))
    return raised / raised.sum(axis=0)


def bleed_and_artefacts(
    truth: dict[str, Float], estimates: dict[str, Float], targets: Sequence[str] = FOUR
) -> dict[str, tuple[float, float]]:
    """SIR and SAR in dB of each audible target over a whole track: what of an estimate [2, samples]
    is its own stem, what is made of other stems, and what of none.

    The estimate is projected on its stem and on all stems, each with one gain for both channels:
    BSSEval without filters (Le Roux et al., "SDR - half-baked or well done?", 2019).
    """
    heard = audible(truth, targets)
    basis = np.stack([truth[t].ravel().astype(np.float64) for t in heard])
    inverse = np.linalg.pinv(basis @ basis.T)
    found = {}
    for own, target in zip(basis, heard, strict=True):
        e = estimates[target].ravel().astype(np.float64)
        wanted = own * (own @ e / (own @ own))
        inside = (inverse @ (basis @ e)) @ basis
        powers = [
            float(np.sum(x**2)) + _FLOOR for x in (wanted, inside - wanted, inside, e - inside)
        ]
        sir, sar = 10 * np.log10(powers[0] / powers[1]), 10 * np.log10(powers[2] / powers[3])
        found[target] = (float(sir), float(sar))
    return found


def measure(model: Path, test: TestSet) -> list[dict[str, Any]]:
    """A row a focus: museval's SDR and the plain one over tracks, mean SIR and SAR, means of
    targets."""
    network = load_network(model)
    scores = {f: Scores(test.data, test.targets) for f in FOCUSES}
    ratios: dict[float, list[tuple[float, float]]] = {f: [] for f in FOCUSES}
    for name, read in tqdm(test.tracks.items(), unit="track"):
        truth = read()
        mix = mix_of(truth)
        spectrum = bands.stft(mix)
        masks = predict_masks(network, bands.features(spectrum))
        for f in FOCUSES:
            stems = apply_masks(spectrum, focused(masks, f), mix.shape[1])
            found = for_targets(dict(zip(bands.SOURCES, stems, strict=True)), test.targets)
            scores[f].add(name, score(truth, found, test.targets, test.together, sdr_frames))
            ratios[f] += bleed_and_artefacts(truth, found, test.targets).values()
    return [
        {
            "focus": f,
            "museval_db": round(scores[f].overall(MUSEVAL)["mean"], 2),
            "sdr_db": round(scores[f].overall(SDR)["mean"], 2),
            "sir_db": round(float(np.mean([sir for sir, _ in ratios[f]])), 2),
            "sar_db": round(float(np.mean([sar for _, sar in ratios[f]])), 2),
        }
        for f in FOCUSES
    ]


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = ["| focus | museval SDR | SDR | SIR | SAR |", "|---|---|---|---|---|"]
    lines += [
        f"| {r['focus']:g} | {r['museval_db']:.2f} | {r['sdr_db']:.2f} | {r['sir_db']:.2f} "
        f"| {r['sar_db']:.2f} |"
        for r in rows
    ]
    return "\n".join(lines)
