"""Export a checkpoint as ONNX with its card, after checking onnxruntime against torch."""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor, nn
from torch.export import Dim

from . import bands, half
from .card import Card, Score, render_card, studio_system
from .checkpoint import Checkpoint
from .errors import TrainingError
from .fixtures import fixture_audio, write_fixtures
from .model import IN_CHANNELS, StudioNet
from .predict import softmax_masks
from .reach import check_context, time_reach
from .scores import read_table

TOLERANCE = 1e-4
"""Largest difference of logits between torch and onnxruntime."""
HALF_TOLERANCE = 0.03
"""Largest change of a mask by weights of 16 bits, on the fixtures' signal."""
MAX_WINDOW_MULTIPLES = 64
"""Longest window of the graph, in FRAME_MULTIPLE frames (about 48 s)."""
MOST_MS = 250.0
"""Time of one core that a whole window may take, for the plugin's Studio mode."""
TIMED_RUNS = 15


def session(path: Path, threads: int = 1) -> ort.InferenceSession:
    """An onnxruntime session on the CPU."""
    if not path.is_file():
        raise TrainingError(f"no network at {path}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no base but this
        raise TrainingError(f"onnxruntime cannot load {path}: {error}") from error


def export_onnx(net: StudioNet, path: Path) -> None:
    """Write the network with its batch norms folded; the frame count stays dynamic."""
    export_folded(net.folded(), path)


def export_folded(net: StudioNet, path: Path) -> None:
    """Write a network whose batch norms are folded already."""
    example = torch.zeros(1, IN_CHANNELS, bands.NUM_BANDS, 4 * bands.FRAME_MULTIPLE)
    frames = bands.FRAME_MULTIPLE * Dim("t", min=2, max=MAX_WINDOW_MULTIPLES)
    write_graph(net, example, path, ("features", "mask_logits"), {3: frames})


def write_graph(
    net: nn.Module, example: Tensor, path: Path, names: tuple[str, str], dynamic: dict[int, Any]
) -> None:
    """Write a network of one input and one output (`names`), opset 18; `dynamic` says which axes
    of the input vary, and within what."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            (example,),
            str(path),
            dynamo=True,
            opset_version=18,
            external_data=False,
            input_names=[names[0]],
            output_names=[names[1]],
            dynamic_shapes=(dynamic,),
            verbose=False,
        )
    _strip(path)


def _strip(path: Path) -> None:
    """Remove the exporter's notes: they hold this machine's paths and say nothing to a reader."""
    model = onnx.load(path)
    for part in (model, model.graph, *model.graph.node):
        del part.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def check_parity(net: StudioNet, path: Path) -> float:
    """Largest difference of logits between torch and onnxruntime, at three window lengths."""
    run = session(path)
    rng = np.random.default_rng(0)
    worst = 0.0
    # The engine's first windows are as short as can be.
    for frames in (bands.FRAME_MULTIPLE, 2 * bands.FRAME_MULTIPLE, bands.WINDOW_FRAMES):
        x = rng.normal(size=(1, IN_CHANNELS, bands.NUM_BANDS, frames)).astype(np.float32)
        with torch.inference_mode():
            expected = net.eval()(torch.from_numpy(x)).numpy()
        found = run.run(["mask_logits"], {"features": x})[0]
        worst = max(worst, float(np.abs(found - expected).max()))
    if not worst <= TOLERANCE:
        raise TrainingError(
            f"onnxruntime differs from torch by {worst:.2e}; at most {TOLERANCE:.0e} is allowed"
        )
    return worst


def _features() -> bands.Float:
    """Features [1, 3, bands, frames] of the fixtures' test signal."""
    return bands.features(bands.stft(fixture_audio()))[None]


def export_half(net: StudioNet, path: Path) -> tuple[float, float]:
    """Write the network with weights stored as fp16; computation stays fp32.

    Gives the differences of logits from torch with the same rounded weights (checked as for any
    export), and of masks from the unrounded network on the fixtures' signal (refused where above
    HALF_TOLERANCE; whether both score the same is for `evaluate` to say).
    """
    rounded = net.folded()
    half.round_weights(rounded)
    export_folded(rounded, path)
    onnx.save(half.store_as_half(onnx.load(path)), path)
    worst = check_parity(rounded, path)
    features = _features()
    with torch.inference_mode():
        expected = softmax_masks(net.eval()(torch.from_numpy(features)).numpy()[0])
    found = softmax_masks(session(path).run(["mask_logits"], {"features": features})[0][0])
    change = float(np.abs(found - expected).max())
    if not change <= HALF_TOLERANCE:
        raise TrainingError(
            f"weights of 16 bits change masks by up to {change:.3f}; at most {HALF_TOLERANCE} is "
            "allowed: export without --half"
        )
    return worst, change


def read_scores(path: Path) -> list[Score]:
    """Scores as `soloist-train evaluate --json` wrote them."""
    return read_table(
        path,
        lambda table: [
            Score(table["data"], table["metric"], source, float(value))
            for source, value in table["median_db"].items()
        ],
    )


@dataclass(frozen=True)
class Exported:
    """What an export measured: differences from torch, and of fp16 masks from fp32 ones."""

    worst: float
    half_change: float | None = None
    window_ms: float | None = None
    """Processor time of a whole window here, on one thread."""

    def __str__(self) -> str:
        """A sentence for people."""
        text = f"onnxruntime differs from torch by {self.worst:.1e} at most"
        if self.half_change is not None:
            text += f"; weights of 16 bits change masks by {self.half_change:.1e} at most"
        if self.window_ms is not None:
            text += f"; {bands.WINDOW_FRAMES} frames take {self.window_ms:.0f} ms of one core here"
            if self.window_ms > MOST_MS:
                text += f", more than the {MOST_MS:.0f} ms that the plugin's Studio mode has"
        return text


def export(
    checkpoint: Checkpoint,
    folder: Path,
    fixtures: Path | None = None,
    scores: Path | None = None,
    version: str | None = None,
    ema: float | None = None,
    store_half: bool = False,
) -> Exported:
    """Write model.onnx and card.toml (and fixtures); `ema` chooses among averaged weights."""
    about = checkpoint.config.get("card", {})
    missing = {"name", "version", "description", "license", "authors"} - set(about)
    if missing:
        raise TrainingError(f"the configuration's [card] lacks {', '.join(sorted(missing))}")
    for item in about.get("training_data", []):
        if not {"name", "license"} <= set(item):
            raise TrainingError(f"[[card.training_data]] needs name and license, found {item}")
    read = read_scores(scores) if scores else []
    net = checkpoint.network(ema)
    net.check_whole()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    if store_half:
        found = Exported(*export_half(net, path))
    else:
        export_onnx(net, path)
        found = Exported(check_parity(net, path))
    card = Card(
        name=about["name"],
        version=version or about["version"],
        description=about["description"] + ("; weights stored as fp16" if store_half else ""),
        license=about["license"],
        authors=about["authors"],
        training_data=about.get("training_data", []),
        scores=read,
    )
    context = time_reach(net).context
    if context is not None:
        check_context(session(path), context)
    (folder / "card.toml").write_text(render_card(card, path, studio_system(context)))
    if fixtures is not None:
        write_fixtures(session(path), fixtures)
    return replace(found, window_ms=window_ms(path))


def window_ms(model: Path, frames: int = bands.WINDOW_FRAMES) -> float:
    """Processor time of one run over `frames` on one thread, in ms: median of TIMED_RUNS after two
    that warm up."""
    run = session(model, threads=1)
    shape = (1, IN_CHANNELS, bands.NUM_BANDS, frames)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    times = []
    for _ in range(2 + TIMED_RUNS):
        started = time.process_time()
        run.run(["mask_logits"], {"features": x})
        times.append(1e3 * (time.process_time() - started))
    return float(np.median(times[2:]))
