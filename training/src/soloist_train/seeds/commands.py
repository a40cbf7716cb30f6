"""The seed systems' part of the command line: `waveforms`, `widths`, `round-trip`, and dispatch."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..errors import TrainingError


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands that only the seed systems have."""
    p = commands.add_parser("waveforms", help="write the 16-bit stems that the seed systems learn")
    p.add_argument("--data", type=Path, nargs="+", default=[], metavar="FOLDER",
                   help="real music (README.md says in which layout)")  # fmt: skip
    p.add_argument("--rendered", type=Path, help="songs of `soloist-train render`")
    p.add_argument("--rate", type=int, required=True, help="22050 for mel-unet, 44100 for wave")
    p.add_argument("-o", "--output", type=Path, required=True)
    p.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    p.set_defaults(run=_waveforms)

    p = commands.add_parser("widths", help="wave-unet's SDR against the width of a chunk")
    p.add_argument("config", type=Path)
    p.add_argument("--store", type=Path, required=True, help="folder of `soloist-train waveforms`")
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("-o", "--output", type=Path, required=True, help="checkpoints")
    p.add_argument("--iterations", type=int, default=150)
    p.add_argument("--json", type=Path, required=True, help="the table; the picture lies beside it")
    p.set_defaults(run=_widths)

    p = commands.add_parser("round-trip", help="what mel-unet loses by Griffin-Lim")
    p.add_argument("checkpoint", type=Path)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--json", type=Path, required=True, help="the table; the picture lies beside it")
    p.set_defaults(run=_round_trip)


def is_seed_config(path: Path) -> bool:
    """Whether a configuration file names one of the seed systems."""
    from ..fit import read_config
    from .system import kind_of

    return kind_of(read_config(path)) != "studio"


def is_seed_model(path: Path | None) -> bool:
    """Whether a path is a checkpoint or a model's folder of a seed system."""
    if path is None:
        return False
    try:
        if path.is_dir():
            from .system import config_of_card

            config_of_card(path / "card.toml")
            return True
        return path.suffix == ".pt" and is_seed_checkpoint(path)
    except TrainingError:
        return False


def is_seed_checkpoint(path: Path) -> bool:
    """Whether a file is a checkpoint of a seed system; anything else is not."""
    from .fitting import load_checkpoint

    try:
        load_checkpoint(path)
    except TrainingError:
        return False
    return True


def _refuse(a: argparse.Namespace, *names: str) -> None:
    """Refuse options that the seed systems lack, which would be ignored otherwise."""
    given = [f"--{name}" for name in names if getattr(a, name)]
    if given:
        raise TrainingError(f"seed systems do not have {', '.join(given)}")


def fit(a: argparse.Namespace) -> None:
    """`soloist-train fit` for a seed system's configuration."""
    from ..fit import read_config
    from .fitting import fit_system

    _refuse(a, "init", "data", "tensorboard")
    if a.store is None:
        raise TrainingError("a seed system learns from --store, a folder of `waveforms`")
    fit_system(read_config(a.config), a.store, a.output, a.resume, a.stop)


def export(a: argparse.Namespace) -> None:
    """`soloist-train export` for a seed system's checkpoint."""
    from .export import export_system
    from .fitting import load_network
    from .scoring import read_scores

    _refuse(a, "ema")
    config, net = load_network(a.checkpoint)
    scores = read_scores(a.scores) if a.scores else []
    worst = export_system(config, net, a.output, a.fixtures, scores, a.version)
    print(f"wrote {a.output}; onnxruntime differs from torch by {worst:.1e} at most")


def evaluate(a: argparse.Namespace) -> None:
    """`soloist-train evaluate --model` for a seed system."""
    from .scoring import evaluate_system

    _refuse(a, "csv", "markdown", "mdb", "rendered", "songs")
    if a.data is None:
        raise TrainingError("a seed system is scored on the vocals of --data")
    evaluate_system(a.model, a.data, a.json)


def _waveforms(a: argparse.Namespace) -> None:
    from ..data import find_pieces, find_rendered
    from .waveforms import write_waveforms

    if not a.data and a.rendered is None:
        raise TrainingError("name music to write: --data FOLDER, --rendered FOLDER or both")
    pieces = [piece for root in a.data for piece in find_pieces(root, (1.0,))]
    pieces = [piece for piece in pieces if piece.kind != "validation"]
    pieces += list(find_rendered(a.rendered)) if a.rendered else []
    write_waveforms(pieces, a.output, a.rate, a.processes)


def _widths(a: argparse.Namespace) -> None:
    from ..fit import read_config
    from ..plots import pyplot
    from .widths import plot_widths, sweep

    pyplot()
    sweep(read_config(a.config), a.store, a.data, a.output, a.json, a.iterations)
    plot_widths(a.json, a.json.with_suffix(".png"))


def _round_trip(a: argparse.Namespace) -> None:
    from ..plots import pyplot
    from .round_trip import measure

    pyplot()
    for name, values in measure(a.checkpoint, a.data, a.json, a.json.with_suffix(".png")).items():
        print(f"{name:28} {values}")
