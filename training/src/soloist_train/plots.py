"""Pictures of results: learning curves, box plots of scores, spectrograms of stems."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import bands
from .bands import SAMPLE_RATE, SOURCES, Float
from .errors import TrainingError
from .journal import read_log
from .predict import load_network, separate
from .scores import read_table
from .testsets import mix_of

MAX_BYTES = 150_000
"""Largest picture: results live in the repository."""
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777")
"""Paul Tol's "bright" scheme, which colour-blind readers can tell apart."""


def pyplot() -> Any:
    """matplotlib.pyplot without a display; TrainingError where the `plots` extra is missing."""
    try:
        import matplotlib
    except ImportError as error:
        raise TrainingError("pictures need the `plots` extra of soloist-train") from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def save(figure: Any, path: Path) -> None:
    """Write a PNG below MAX_BYTES: of 256 colours, and smaller while it is too big."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    for dpi in (110, 90, 72, 56, 44):
        raw = io.BytesIO()
        figure.savefig(raw, format="png", dpi=dpi, bbox_inches="tight")
        out = io.BytesIO()
        Image.open(raw).convert("RGB").quantize(256 if dpi > 80 else 64).save(
            out, "PNG", optimize=True
        )
        if out.tell() <= MAX_BYTES:
            path.write_bytes(out.getvalue())
            pyplot().close(figure)
            return
    raise TrainingError(f"{path.name} has too much detail for {MAX_BYTES // 1000} kB")


def learning_curves(runs: Sequence[Path], path: Path) -> None:
    """Loss, learning rate and SDR by iteration of one or more runs (folders or logs)."""
    plt = pyplot()
    logs = {(run if run.is_dir() else run.parent).name: read_log(run) for run in runs}
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    sources: list[str] = []
    for i, (name, log) in enumerate(logs.items()):
        colour = COLOURS[i % len(COLOURS)] if len(logs) > 1 else "#333333"
        at = [r["iteration"] for r in log]
        left.plot(at, [r["loss"] for r in log], color=colour, label=name, marker=".")
        for group, style in (("median_sdr_db", "-"), ("holdout_sdr_db", "--")):
            scored = [r for r in log if r.get(group)]
            keys = ["mean"] if len(logs) > 1 else list(scored[0][group] if scored else [])
            for key in keys:
                sources += [key] if key not in sources else []
                what = "" if group == "median_sdr_db" else ", held out"
                right.plot(
                    [r["iteration"] for r in scored], [r[group].get(key, np.nan) for r in scored],
                    style, color=colour if len(logs) > 1 else COLOURS[sources.index(key) % 7],
                    label=(name if len(logs) > 1 else key) + what,
                )  # fmt: skip
    left.set(xlabel="iteration", ylabel="training loss", title="Loss (mean since the last point)")
    right.set(xlabel="iteration", ylabel="dB", title="Median SDR while fitting, in the band domain")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=8)
    save(figure, path)


def _tracks(table: dict[str, Any]) -> dict[str, dict[str, float]]:
    """dB by track and source."""
    rows = table["tracks_db"].items()
    return {track: {s: float(v) for s, v in scores.items()} for track, scores in rows}


def _oracle(table: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The same of the ratio-mask oracle, where it was scored too."""
    references = table.get("references", {})
    return _tracks(references["ratio"]) if "ratio" in references else {}


def box_plots(files: Sequence[Path], path: Path) -> None:
    """museval's SDR of each track by target: a box for each file of scores, and the oracle's."""
    plt = pyplot()
    systems: dict[str, dict[str, dict[str, float]]] = {}
    oracle: dict[str, dict[str, float]] = {}
    for file in files:
        systems[file.stem] = read_table(file, _tracks)
        oracle = read_table(file, _oracle)
    if oracle:
        systems["ratio-mask oracle"] = oracle
    targets = [s for s in SOURCES if any(s in t for tracks in systems.values()
                                         for t in tracks.values())]  # fmt: skip
    figure, axes = plt.subplots(figsize=(1.6 * len(targets) + 2, 4))
    width = 0.8 / len(systems)
    for i, (name, tracks) in enumerate(systems.items()):
        values = [[t[s] for t in tracks.values() if s in t] for s in targets]
        middles = np.arange(len(targets)) + (i - (len(systems) - 1) / 2) * width
        boxes = axes.boxplot(values, positions=middles, widths=0.85 * width, patch_artist=True,
                             manage_ticks=False, flierprops={"markersize": 3})  # fmt: skip
        for box in boxes["boxes"]:
            box.set(facecolor=COLOURS[i % len(COLOURS)], alpha=0.75)
        for line in boxes["medians"]:
            line.set(color="black")
        axes.plot([], [], color=COLOURS[i % len(COLOURS)], linewidth=6, alpha=0.75, label=name)
    axes.set_xticks(range(len(targets)), targets)
    axes.set(ylabel="museval SDR in dB", title="Tracks: median, quartiles, 1.5 quartile ranges")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize=8)
    save(figure, path)


def _level_db(audio: Float) -> Float:
    """Band levels [bands, frames] in dB of the mean of both channels."""
    features = bands.features(bands.stft(audio))
    return features[:2].mean(axis=0) * bands.STD_DB + bands.MEAN_DB


def spectrograms(model: Path, truth: dict[str, Float], path: Path, seconds: float = 6.0) -> None:
    """The mix of a track, its true stems and a model's estimates, side by side."""
    plt = pyplot()
    samples = int(seconds * SAMPLE_RATE)
    truth = {s: a[:, :samples] for s, a in truth.items()}
    estimates = separate(load_network(model), mix_of(truth))
    shown = [s for s in SOURCES if s in truth]
    figure, axes = plt.subplots(
        len(shown) + 1, 2, figsize=(9, 1.5 * (len(shown) + 1)), sharex=True, sharey=True
    )
    centres = bands.band_centres_hz()
    ticks = [100, 500, 2000, 8000]
    rows = [("mix", mix_of(truth), None), *((s, truth[s], estimates[s]) for s in shown)]
    for row, (name, *pair) in enumerate(rows):
        for column, audio in enumerate(pair):
            place = axes[row, column]
            if audio is None:
                place.axis("off")
                continue
            place.imshow(_level_db(audio), origin="lower", aspect="auto", vmin=-95, vmax=-25,
                         cmap="magma", extent=(0, audio.shape[1] / SAMPLE_RATE, 0, len(centres)),
                         interpolation="antialiased")  # fmt: skip
            place.set_yticks(np.searchsorted(centres, ticks), ticks)
            place.set_ylabel(f"{name}\nHz" if column == 0 else "")
    axes[0, 0].set_title("true")
    axes[1, 1].set_title("estimated")
    axes[-1, 0].set_xlabel("s")
    axes[-1, 1].set_xlabel("s")
    save(figure, path)
