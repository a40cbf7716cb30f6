"""SDR against the width of a chunk: the question about time context that wave-unet left open."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import TrainingError
from . import scoring, system
from .fitting import LAST, SeedFit
from .wave_unet import WaveUNetConfig
from .waveforms import read_waveforms

WIDTHS = (64, 256, 1024, 4096, 16384, 65536)
LONG_STRIDE = 4


def runs(widths: tuple[int, ...] = WIDTHS) -> list[tuple[int, int]]:
    """(stride, width) of the sweep: all widths at the published stride, wide ones at 4."""
    wide = [(LONG_STRIDE, w) for w in widths if w % LONG_STRIDE**6 == 0]
    return [(2, w) for w in widths] + wide


def sweep(
    config: dict[str, Any], store: Path, data: Path, out: Path, table: Path, iterations: int
) -> list[dict[str, Any]]:
    """Fit one network a width on the same examples, score each, and write `table` (JSON).

    An update sees the same excerpts at every width, cut into chunks, so all see equally many
    samples, updates and songs; only the borders between chunks, and what fits into one, differ.
    """
    torch.set_num_threads(1)
    songs = read_waveforms(store, system.sample_rate(config))
    tracks = scoring.validation_tracks(data)
    rows: list[dict[str, Any]] = []
    for stride, width in runs():
        raw = copy.deepcopy(config)
        raw["model"] |= {"chunk": width, "stride": stride}
        raw["fit"] |= {"iterations": iterations}
        folder = out / f"{stride}-{width}"
        folder.mkdir(parents=True, exist_ok=True)
        run = SeedFit(raw, songs, folder)
        if (folder / LAST).is_file():
            run.resume()
        run.run()
        network = scoring.load(folder / LAST)
        masked = scoring.score(scoring.masked(network), tracks).medians()
        direct = scoring.score(scoring.direct(network), tracks).medians()
        log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        rows.append(
            {
                "stride": stride,
                "chunk": width,
                "receptive_field": WaveUNetConfig.from_dict(raw["model"]).receptive_field,
                "iterations": iterations,
                "samples_seen": iterations * run.config.batch * run.config.length,
                "cpu_minutes": log[-1]["cpu_minutes"],
                "loss": log[-1]["loss"],
                "museval_db": round(masked[0], 3),
                "plain_db": round(masked[1], 3),
                "unmasked_museval_db": round(direct[0], 3),
                "unmasked_plain_db": round(direct[1], 3),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(json.dumps(rows, indent=1) + "\n")
    return rows


def plot_widths(table: Path, png: Path) -> None:
    """Draw the table of `sweep` as a small picture."""
    from ..plots import pyplot, save

    if not table.is_file():
        raise TrainingError(f"no table of widths at {table}")
    rows = json.loads(table.read_text())
    figure, axes = pyplot().subplots(figsize=(5.6, 3.4))
    for stride in sorted({r["stride"] for r in rows}):
        own = [r for r in rows if r["stride"] == stride]
        x = np.array([r["chunk"] for r in own])
        sees = own[0]["receptive_field"]
        label = f"stride {stride}: sees {sees} samples"
        (line,) = axes.semilogx(x, [r["plain_db"] for r in own], "o-", base=2, label=label)
        axes.axvline(sees, color=line.get_color(), ls=":", lw=1)
    axes.set_xticks([r["chunk"] for r in rows if r["stride"] == 2])
    axes.set_xticklabels([str(r["chunk"]) for r in rows if r["stride"] == 2])
    axes.set_xlabel("samples of a chunk (dotted: receptive field)")
    axes.set_ylabel("vocals, median SDR in dB")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    save(figure, png)
