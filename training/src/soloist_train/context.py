"""The context study: quality and cost against a run's window, lookahead and emission."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from . import bands
from .card import sha256
from .errors import TrainingError
from .evaluate import for_targets
from .export import session, window_ms
from .metrics import MUSEVAL, SDR, score, sdr_frames
from .plots import COLOURS, pyplot, save
from .predict import Network, apply_masks, predict_masks
from .scores import Scores
from .testsets import TestSet, mix_of

HOP_S = bands.HOP_SIZE / bands.SAMPLE_RATE

LOOKAHEADS = (0, 2, 4, 8, 12, 16, 20, 24, 32, 48)
WINDOWS = (32, 64, 96, 128, 640)
EMISSIONS = (8, 12, 16, 20, 24, 32, 40)
EMISSION = 8
"""Emission where the lookahead or the window is varied: short, so that the lookahead is nearly
the same for all emitted frames."""
LOOKAHEAD = 24
"""Lookahead where the window is varied."""
EMISSION_LOOKAHEADS = (8, 24)
"""Lookaheads where the emission is varied."""


@dataclass(frozen=True)
class Setting:
    """What each run of the network is given and what is kept of it, in hop frames."""

    window: int
    emission: int
    lookahead: int


def shortest_window(context: int, emission: int, lookahead: int) -> int:
    """The window that the engine chooses for a card with this context."""
    multiple = bands.FRAME_MULTIPLE
    return min(-(-(context + emission + lookahead) // multiple) * multiple, bands.WINDOW_FRAMES)


def settings(context: int) -> list[Setting]:
    """All that is measured, each once."""

    def full(emission: int, lookahead: int) -> Setting:
        return Setting(shortest_window(context, emission, lookahead), emission, lookahead)

    of_window = [Setting(w, EMISSION, LOOKAHEAD) for w in WINDOWS if w >= EMISSION + LOOKAHEAD]
    of_lookahead = [full(EMISSION, lookahead) for lookahead in LOOKAHEADS]
    of_emission = [full(e, lookahead) for lookahead in EMISSION_LOOKAHEADS for e in EMISSIONS]
    return list(dict.fromkeys([*of_lookahead, *of_window, *of_emission]))


def measure_quality(network: Network, test: TestSet, setting: Setting) -> Scores:
    """Scores with windows, emissions and lookahead as set."""
    scores = Scores(test.data, test.targets)
    for name, read in test.tracks.items():
        truth = read()
        mix = mix_of(truth)
        spectrum = bands.stft(mix)
        masks = predict_masks(
            network, bands.features(spectrum), setting.lookahead, setting.emission, setting.window
        )
        stems = apply_masks(spectrum, masks, mix.shape[1])
        found = for_targets(dict(zip(bands.SOURCES, stems, strict=True)), test.targets)
        scores.add(name, score(truth, found, test.targets, test.together, sdr_frames))
    return scores


def study(folder: Path, context: int, test: TestSet, path: Path) -> list[dict[str, Any]]:
    """Measure every setting for the network in `folder` and keep the rows in `path`; rows that
    stand there for the same network are not measured again."""
    model = folder / "model.onnx"
    digest = sha256(model)
    rows: list[dict[str, Any]] = []
    if path.is_file():
        table = json.loads(path.read_text())
        rows = table["rows"] if table.get("sha256") == digest else []
    known = {Setting(r["window"], r["emission"], r["lookahead"]) for r in rows}
    run = session(model, threads=1)

    def network(features: bands.Float) -> bands.Float:
        return run.run(["mask_logits"], {"features": features[None]})[0][0]

    times: dict[int, float] = {}
    for setting in tqdm([s for s in settings(context) if s not in known], unit="setting"):
        scores = measure_quality(network, test, setting)
        window = setting.window
        if window not in times:
            times[window] = window_ms(model, window)
        rows.append({
            **asdict(setting),
            "run_ms": round(times[window], 1),
            "cpu_percent": round(times[window] / (setting.emission * HOP_S * 10), 1),
            "museval_db": _rounded(scores.overall(MUSEVAL)),
            "sdr_db": _rounded(scores.overall(SDR)),
        })  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        table = {"sha256": digest, "context": context, "data": test.data, "rows": rows}
        path.write_text(json.dumps(table, indent=1) + "\n")
    return rows


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The rows as Markdown, times in seconds."""
    lines = [
        "| window | lookahead | emission | one run | of a core | museval SDR | SDR |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in sorted(rows, key=lambda r: (r["window"], r["lookahead"], r["emission"])):
        seconds = (f"{r[key] * HOP_S:.2f} s" for key in ("window", "lookahead", "emission"))
        lines.append(
            f"| {' | '.join(seconds)} | {r['run_ms']:.0f} ms | {r['cpu_percent']:.0f} % "
            f"| {r['museval_db']['mean']:.2f} | {r['sdr_db']['mean']:.2f} |"
        )
    return "\n".join(lines)


def _rows_where(rows: Sequence[dict[str, Any]], **fixed: int) -> list[dict[str, Any]]:
    return [r for r in rows if all(r[key] == value for key, value in fixed.items())]


def plot(rows: Sequence[dict[str, Any]], context: int, path: Path) -> None:
    """Quality against lookahead, against the window, and cost against the emission."""
    plt = pyplot()
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.8))
    full = [
        r for r in rows if r["window"] == shortest_window(context, r["emission"], r["lookahead"])
    ]
    ahead = _rows_where(full, emission=EMISSION)
    past = _rows_where(rows, emission=EMISSION, lookahead=LOOKAHEAD)
    _quality(axes[0], ahead, "lookahead", "lookahead, s")
    _quality(axes[1], past, "window", "window, s")
    axes[1].axvline((context + EMISSION + LOOKAHEAD) * HOP_S, color=COLOURS[6], linestyle=":")
    axes[1].set_xscale("log")
    cost, quality = axes[2], axes[2].twinx()
    for colour, lookahead in zip(COLOURS, EMISSION_LOOKAHEADS, strict=False):
        chosen = sorted(_rows_where(full, lookahead=lookahead), key=lambda r: r["emission"])
        x = [r["emission"] * HOP_S for r in chosen]
        label = f"lookahead {lookahead * HOP_S:.2f} s"
        cost.plot(x, [r["cpu_percent"] for r in chosen], "o-", color=colour, label=label)
        sdr = [r["museval_db"]["mean"] for r in chosen]
        quality.plot(x, sdr, "s--", color=colour, alpha=0.5)
    cost.set(xlabel="emission, s", ylabel="of a core, % (line)", ylim=(0, None))
    # The scale of the other axes: what differs here is mostly where emissions fall on cells.
    quality.set(ylabel="museval SDR, dB (dashes)", ylim=axes[0].get_ylim())
    cost.legend(fontsize=8)
    figure.tight_layout()
    save(figure, path)


def _quality(axis: Any, rows: Sequence[dict[str, Any]], key: str, label: str) -> None:
    ordered = sorted(rows, key=lambda r: r[key])
    x = [r[key] * HOP_S for r in ordered]
    for colour, target in zip(COLOURS, ordered[0]["museval_db"], strict=False):
        y = [r["museval_db"][target] for r in ordered]
        width = 2.5 if target == "mean" else 1.2
        axis.plot(x, y, "o-", color=colour, label=target, linewidth=width, markersize=3)
    axis.set(xlabel=label, ylabel="museval SDR, dB")
    axis.legend(fontsize=8)


def card_context(folder: Path) -> int:
    """The card's context, which the study needs to tell a short window from a long enough one."""
    import tomllib

    try:
        window = tomllib.loads((folder / "card.toml").read_text())["window"]
        return int(window["context"])
    except (OSError, KeyError, ValueError) as error:
        raise TrainingError(f"{folder / 'card.toml'} has no [window] context: {error}") from error
