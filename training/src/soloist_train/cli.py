"""The command line: `soloist-train COMMAND`, from music to a model in the plugin."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from .errors import TrainingError


def _render(a: argparse.Namespace) -> None:
    from .production import RenderConfig, render_songs

    config = RenderConfig(a.seconds, a.split, tuple(a.instruments), tuple(a.needed))
    render_songs(a.output, a.songs, a.seed, config, a.processes)


def _datasets(a: argparse.Namespace) -> None:
    from .datasets import find_datasets
    from .datasets.check import Cut, check_dataset, report

    cut = Cut(a.start, a.sections, a.section_seconds)
    errors, plain = 0, []
    for folder in a.folders:
        for dataset in find_datasets(folder, a.kind):
            found = check_dataset(dataset, cut, a.quick, a.processes)
            print(report(dataset, found, not a.brief))
            errors += sum(len(f.errors) for f in found)
            plain.append({"kind": dataset.kind, "folder": str(dataset.root),
                          "pieces": [f.as_dict() for f in found]})  # fmt: skip
    if a.json:
        a.json.parent.mkdir(parents=True, exist_ok=True)
        a.json.write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n")
    if errors:
        raise TrainingError(f"{errors} found that would stop `prepare`; see above")


def _prepare(a: argparse.Namespace) -> None:
    from .augment import Ranges
    from .data import Versions, find_pieces, find_rendered, prepare, versions

    if not a.data and a.rendered is None:
        raise TrainingError("name music to prepare: --data FOLDER, --rendered FOLDER or both")
    pieces = [p for root in a.data for p in find_pieces(root, tuple(a.speeds), a.kind)]
    pieces += list(find_rendered(a.rendered)) if a.rendered else []
    ranges = Ranges(a.semitones, a.tempo, a.codec)
    how = Versions(a.start, a.sections, a.section_seconds, a.variants, a.seed, ranges)
    prepare(list(versions(pieces, how)), a.output, a.processes)


def _fit(a: argparse.Namespace) -> None:
    from .fit import fit, tune_allocator
    from .seeds import commands as seeds

    tune_allocator()
    if seeds.is_seed_config(a.config):
        seeds.fit(a)
        return
    fit(a.config, a.store, a.output, a.resume, a.stop, a.init, a.tensorboard, a.data)


def _average(a: argparse.Namespace) -> None:
    from .averaging import average
    from .store import read_store

    average(a.checkpoints, read_store(a.store), a.output, a.batches, a.shares)


def _prune(a: argparse.Namespace) -> None:
    from .checkpoint import Checkpoint
    from .prune import prune
    from .store import read_store

    whole = Checkpoint.load(a.checkpoint)
    pruned = prune(whole, read_store(a.store), a.widest, a.batches, a.zoom)
    pruned.save(a.output)


def _restore(a: argparse.Namespace) -> None:
    from .restore import restore
    from .schedule import read_config
    from .store import read_store

    restored = restore(a.model, read_config(a.config), read_store(a.store), a.batches)
    restored.save(a.output)


def _join(a: argparse.Namespace) -> None:
    from .checkpoint import Checkpoint
    from .zooms import join

    joined = join(Checkpoint.load(a.checkpoint), [Checkpoint.load(z) for z in a.zooms], a.share)
    joined.save(a.output)


def _heads(a: argparse.Namespace) -> None:
    from .checkpoint import Checkpoint
    from .heads import lift, songs, survey, table
    from .store import read_store

    by = dict(_lift(text) for text in a.lift)
    if bool(by) != (a.output is not None):
        raise TrainingError("--lift and --output go together")
    checkpoint = Checkpoint.load(a.checkpoint)
    if by:
        checkpoint = lift(checkpoint, by)
        checkpoint.save(a.output)
    net = checkpoint.network()
    print(table(survey(net, songs(read_store(a.store), a.clips), net.config.part)))


def _lift(text: str) -> tuple[str, float]:
    source, _, value = text.partition("=")
    try:
        return source, float(value)
    except ValueError:
        raise TrainingError(f"--lift {text}: expected a source and a number, as piano=4") from None


def _search(a: argparse.Namespace) -> None:
    from .fit import read_config, tune_allocator
    from .search import search
    from .store import read_store

    tune_allocator()
    print(search(read_config(a.config), read_store(a.store), a.output, a.trials))


def _folds(a: argparse.Namespace) -> None:
    from .fit import read_config, tune_allocator
    from .folds import cross_validate
    from .store import read_store

    tune_allocator()
    print(cross_validate(read_config(a.config), read_store(a.store), a.output, a.folds, a.seed))


def _export(a: argparse.Namespace) -> None:
    from .checkpoint import Checkpoint
    from .export import export
    from .seeds import commands as seeds

    if seeds.is_seed_checkpoint(a.checkpoint):
        seeds.export(a)
        return
    checkpoint = Checkpoint.load(a.checkpoint)
    found = export(checkpoint, a.output, a.fixtures, a.scores, a.version, a.ema, a.half)
    print(f"wrote {a.output}; {found}")


def _fixtures(a: argparse.Namespace) -> None:
    from .export import session
    from .fixtures import write_fixtures
    from .predict import network_file

    write_fixtures(session(network_file(a.model)), a.output)


def _test_set(a: argparse.Namespace) -> Any:
    from .testsets import guitar_songs, musdb_validation, own_songs, rendered_songs

    if a.rendered is not None:
        return rendered_songs(a.rendered)
    if a.songs is not None:
        return own_songs(a.songs, a.kind)
    return guitar_songs(a.data) if a.mdb else musdb_validation(a.data)


def _evaluate(a: argparse.Namespace) -> None:
    from .evaluate import evaluate, report
    from .seeds import commands as seeds

    if seeds.is_seed_model(a.model):
        seeds.evaluate(a)
        return
    scores = evaluate(_test_set(a), a.model, a.estimates, a.oracle)
    print(report(scores))
    for path in (a.json, a.csv, a.markdown):
        if path:
            scores.write(path)


def _context(a: argparse.Namespace) -> None:
    from . import context
    from .plots import pyplot

    pyplot()  # before hours of measuring, not after
    frames = context.card_context(a.model)
    rows = context.study(a.model, frames, _test_set(a), a.output / "context.json")
    context.plot(rows, frames, a.output / "context.png")
    print(context.table(rows))


def _focus(a: argparse.Namespace) -> None:
    from . import focus

    rows = focus.measure(a.model, _test_set(a))
    print(focus.table(rows))
    if a.json:
        a.json.parent.mkdir(parents=True, exist_ok=True)
        a.json.write_text(json.dumps(rows, indent=1) + "\n")


def _mixtures(a: argparse.Namespace) -> None:
    from .evaluate import write_mixtures

    write_mixtures(_test_set(a), a.output)


def _plots(a: argparse.Namespace) -> None:
    from . import plots
    from .testsets import rendered_songs

    if not (a.runs or a.scores or a.model):
        raise TrainingError("nothing to draw: name --runs, --scores, or --model with --rendered")
    if a.runs:
        plots.learning_curves(a.runs, a.output / "learning-curves.png")
    if a.scores:
        plots.box_plots(a.scores, a.output / "scores.png")
    if a.model:
        if a.rendered is None:
            raise TrainingError("spectrograms are of a rendered song: name --rendered FOLDER")
        name, read = next(iter(rendered_songs(a.rendered).tracks.items()))
        plots.spectrograms(a.model, read(), a.output / f"stems-{name}.png")


def _demo(a: argparse.Namespace) -> None:
    from .demo import render_demo

    render_demo(a.output)


def parser() -> argparse.ArgumentParser:
    """The argument parser with all subcommands."""
    from .seeds import commands as seeds

    top = argparse.ArgumentParser(prog="soloist-train", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    cores = os.cpu_count() or 1

    p = commands.add_parser("render", help="render random songs as six stems each")
    p.add_argument("-o", "--output", type=Path, required=True)
    p.add_argument("--songs", type=int, default=160)
    p.add_argument("--seconds", type=float, default=30.0)
    p.add_argument("--seed", type=int, default=1000, help="seed of the first song")
    p.add_argument(
        "--instruments",
        type=Path,
        nargs="*",
        default=[],
        metavar="DIR",
        help="folders of sampled instruments, each with its MANIFEST.json",
    )
    p.add_argument(
        "--split",
        choices=["train", "test"],
        default="train",
        help="test: only instruments, voices and synthesisers that training never hears",
    )
    p.add_argument(
        "--needed", nargs="*", default=[], metavar="SOURCE", help="sources that every song has"
    )
    p.add_argument("--processes", type=int, default=cores)
    p.set_defaults(run=_render)

    p = commands.add_parser("datasets", help="list what is in folders of music, and what is wrong")
    p.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    p.add_argument("--quick", action="store_true", help="read headers only, decode nothing")
    p.add_argument("--brief", action="store_true", help="only pieces with something wrong")
    p.add_argument("--json", type=Path, help="also write the findings here")
    p.add_argument("--processes", type=int, default=cores)
    _add_reading(p)
    p.set_defaults(run=_datasets)

    p = commands.add_parser("prepare", help="write the compact STFTs that `fit` learns from")
    p.add_argument("--data", type=Path, nargs="+", default=[], metavar="FOLDER",
                   help="data sets, or folders of them (docs/datasets.md)")  # fmt: skip
    p.add_argument("--rendered", type=Path, help="songs of `soloist-train render`")
    _add_reading(p)
    p.add_argument("--variants", type=int, default=0,
                   help="of each real piece: other pitches and tempi, codecs")  # fmt: skip
    p.add_argument("--seed", type=int, default=0, help="of the variants")
    p.add_argument("--semitones", type=float, default=2.0, help="largest change of a pitch")
    p.add_argument("--tempo", type=float, default=0.15, help="largest change of a tempo")
    p.add_argument("--codec", type=float, default=0.5, help="chance of a lossy codec")
    p.add_argument("--speeds", type=float, nargs="+", default=[1.0, 0.91, 1.1])
    p.add_argument("-o", "--output", type=Path, required=True)
    p.add_argument("--processes", type=int, default=cores)
    p.set_defaults(run=_prepare)

    p = commands.add_parser("fit", help="fit a network")
    p.add_argument("config", type=Path)
    p.add_argument("--store", type=Path, help="folder of `soloist-train prepare`")
    p.add_argument("--data", type=Path, nargs="+", default=[], metavar="FOLDER",
                   help="music to prepare first, in place of a store")  # fmt: skip
    p.add_argument("-o", "--output", type=Path, required=True, help="checkpoints and log")
    p.add_argument("--resume", action="store_true", help="go on from the output's last.pt")
    p.add_argument("--init", type=Path, help="checkpoint whose weights to begin with")
    p.add_argument("--stop", type=int, help="leave the schedule at this iteration")
    p.add_argument("--tensorboard", action="store_true", help="write OUTPUT/tensorboard")
    p.set_defaults(run=_fit)

    p = commands.add_parser("average", help="mean of checkpoints' weights, batch norms measured")
    p.add_argument("checkpoints", type=Path, nargs="+")
    p.add_argument("--store", type=Path, required=True, help="what the norms are measured on")
    p.add_argument("-o", "--output", type=Path, required=True, help="checkpoint to write")
    p.add_argument("--shares", type=float, nargs="+", help="one a checkpoint; all alike without")
    p.add_argument("--batches", type=int, default=60,
                   help="to measure batch norms on; 0: the mean of their statistics")  # fmt: skip
    p.set_defaults(run=_average)

    p = commands.add_parser("prune", help="leave out the channels that a network needs least")
    p.add_argument("checkpoint", type=Path)
    p.add_argument("--widest", type=int, required=True, help="channels of a level that are left")
    p.add_argument("--zoom", type=int, help="of this zoom (from 0), and of nothing else")
    p.add_argument("--store", type=Path, required=True, help="prepared clips")
    p.add_argument("--batches", type=int, default=16, help="random mixes to judge by (16)")
    p.add_argument("-o", "--output", type=Path, required=True)
    p.set_defaults(run=_prune)

    p = commands.add_parser("restore", help="make a checkpoint to fit on from of an exported model")
    p.add_argument("model", type=Path, help="a model folder (models/studio) or an .onnx file")
    p.add_argument("--config", type=Path, required=True, help="that it was fitted with")
    p.add_argument("--store", type=Path, required=True, help="prepared clips")
    p.add_argument("--batches", type=int, default=60, help="to measure batch norms on (60)")
    p.add_argument("-o", "--output", type=Path, required=True)
    p.set_defaults(run=_restore)

    p = commands.add_parser("join", help="put networks of parts of the spectrum into a whole one")
    p.add_argument("checkpoint", type=Path, help="network of all bands")
    p.add_argument("zooms", type=Path, nargs="+", help="networks with [model] first_band and bands")
    p.add_argument("--share", type=float, default=0.75, help="of a zoom's logits at first (0.75)")
    p.add_argument("-o", "--output", type=Path, required=True)
    p.set_defaults(run=_join)

    p = commands.add_parser("heads", help="whether each source's masks are of the right size")
    p.add_argument("checkpoint", type=Path)
    p.add_argument("--store", type=Path, required=True, help="songs to look at")
    p.add_argument("--clips", type=int, default=40, help="so many of them, evenly; 0: all")
    p.add_argument("--lift", action="append", default=[], metavar="SOURCE=LOGIT",
                   help="add a constant to a source's logits, to fit on")  # fmt: skip
    p.add_argument("-o", "--output", type=Path, help="checkpoint to write, with --lift")
    p.set_defaults(run=_heads)

    p = commands.add_parser("search", help="search hyperparameters with Optuna; goes on if killed")
    p.add_argument("config", type=Path, help="with a [search] table (docs/training.md)")
    p.add_argument("--store", type=Path, required=True)
    p.add_argument("-o", "--output", type=Path, required=True, help="search.db, search.md, trials")
    p.add_argument("--trials", type=int, default=20, help="of the whole study")
    p.set_defaults(run=_search)

    p = commands.add_parser("folds", help="k-fold cross-validation over songs; goes on if killed")
    p.add_argument("config", type=Path)
    p.add_argument("--store", type=Path, required=True)
    p.add_argument("-o", "--output", type=Path, required=True, help="folds.json, folds.md, fits")
    p.add_argument("--folds", type=int, default=5)
    p.add_argument("--seed", type=int, default=0, help="of how songs are dealt to folds")
    p.set_defaults(run=_folds)

    p = commands.add_parser("export", help="write model.onnx, card.toml and fixtures")
    p.add_argument("checkpoint", type=Path)
    p.add_argument("-o", "--output", type=Path, required=True)
    p.add_argument("--fixtures", type=Path, help="folder for the engine's parity test")
    p.add_argument("--scores", type=Path, help="file of `soloist-train evaluate --json`")
    p.add_argument("--version", help="in place of the configuration's")
    p.add_argument("--half", action="store_true", help="store weights as fp16")
    p.add_argument("--ema", type=float, help="which rate's averaged weights; else the first's")
    p.set_defaults(run=_export)

    p = commands.add_parser("fixtures", help="write a model's fixtures for the engine's tests")
    p.add_argument("model", type=Path, help="folder of a model, or an .onnx file")
    p.add_argument("-o", "--output", type=Path, required=True)
    p.set_defaults(run=_fixtures)

    p = commands.add_parser("evaluate", help="score a model, a folder of estimates or an oracle")
    _add_test_set(p)
    what = p.add_mutually_exclusive_group(required=True)
    what.add_argument("--model", type=Path, help="folder of a model, or a checkpoint")
    what.add_argument("--estimates", type=Path, help="<track name>/<stem>.wav")
    what.add_argument("--oracle", choices=["mixture", "ratio", "phase-sensitive"])
    for ending in ("json", "csv", "markdown"):
        p.add_argument(f"--{ending}", type=Path, help=f"also write the scores here, as {ending}")
    p.set_defaults(run=_evaluate)

    p = commands.add_parser(
        "context", help="quality and cost against window, lookahead and emission; goes on if killed"
    )
    _add_test_set(p)
    p.add_argument("--model", type=Path, required=True, help="folder of a model")
    p.add_argument("-o", "--output", type=Path, required=True, help="for context.json and .png")
    p.set_defaults(run=_context)

    p = commands.add_parser("focus", help="what sharper and softer masks do to bleed and artefacts")
    _add_test_set(p)
    p.add_argument("--model", type=Path, required=True, help="folder of a model")
    p.add_argument("--json", type=Path, help="also write the numbers here")
    p.set_defaults(run=_focus)

    p = commands.add_parser("plots", help="pictures of runs, scores and stems")
    p.add_argument("--runs", type=Path, nargs="+", help="folders of `fit`: learning curves")
    p.add_argument("--scores", type=Path, nargs="+", help="files of `evaluate --json`: box plots")
    p.add_argument("--model", type=Path, help="spectrograms of the first song in --rendered")
    p.add_argument("--rendered", type=Path)
    p.add_argument("-o", "--output", type=Path, required=True, help="folder of the PNG files")
    p.set_defaults(run=_plots)

    p = commands.add_parser("mixtures", help="write a test set's mixtures as float WAV")
    _add_test_set(p)
    p.add_argument("-o", "--output", type=Path, required=True)
    p.set_defaults(run=_mixtures)

    p = commands.add_parser("demo", help="render the demo song")
    p.add_argument("-o", "--output", type=Path, required=True)
    p.set_defaults(run=_demo)
    seeds.add(commands)
    return top


def _add_test_set(p: argparse.ArgumentParser) -> None:
    """Options that choose the tracks to score on."""
    from .datasets import LAYOUTS

    where = p.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, help="music with MUSDB18's validation list")
    where.add_argument("--rendered", type=Path, help="test songs of `render`, six sources")
    where.add_argument("--songs", type=Path, help="songs with their stems, in any layout known")
    p.add_argument("--kind", choices=list(LAYOUTS), help="the songs' layout; else it is detected")
    p.add_argument("--mdb", action="store_true", help="the two guitar songs in DATA/mdb instead")


def _add_reading(p: argparse.ArgumentParser) -> None:
    """Options of the commands that read data sets."""
    from .datasets import LAYOUTS

    p.add_argument("--kind", choices=list(LAYOUTS), help="the folders' layout; else it is detected")
    p.add_argument("--start", type=float, default=0.0, help="first second of a song that is used")
    p.add_argument("--sections", type=int, help="sections of a song, evenly spaced; else all of it")
    p.add_argument("--section-seconds", type=float, default=30.0)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 1 with a sentence on stderr where the input cannot be used."""
    a = parser().parse_args(arguments)
    try:
        a.run(a)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
