"""The model card (card.toml) that the engine and its users read beside the network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import bands


@dataclass(frozen=True)
class Score:
    """One measured number: `value_db` of `metric` for `source` (or `mean`) on `data`."""

    data: str
    metric: str
    source: str
    value_db: float


@dataclass(frozen=True)
class Card:
    """What the card says beyond the facts that `bands` fixes."""

    name: str
    version: str
    description: str
    license: str
    authors: Sequence[str]
    training_data: Sequence[Mapping[str, str]] = ()
    scores: Sequence[Score] = field(default_factory=tuple)


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _value(value: object) -> str:
    """A TOML value; JSON's strings, numbers and arrays of strings are also TOML's."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _table(header: str, values: Mapping[str, object]) -> str:
    return "\n".join([header, *(f"{key} = {_value(value)}" for key, value in values.items()), ""])


def render_card(card: Card, onnx: Path) -> str:
    """The text of card.toml for the network in `onnx`."""
    tables = [
        "schema = 1\n",
        _table(
            "[model]",
            {
                "name": card.name,
                "version": card.version,
                "description": card.description,
                "license": card.license,
                "authors": list(card.authors),
                "file": onnx.name,
                "sha256": sha256(onnx),
            },
        ),
        _table(
            "[audio]",
            {"sample_rate": bands.SAMPLE_RATE, "channels": 2, "sources": list(bands.SOURCES)},
        ),
        _table(
            "[analysis]",
            {
                "representation": "bands",
                "fft_size": bands.FFT_SIZE,
                "hop_size": bands.HOP_SIZE,
                "window": "hann-periodic",
            },
        ),
        _table(
            "[analysis.bands]",
            {
                "scale": "mel-htk",
                "count": bands.NUM_BANDS,
                "channels": ["left", "right", "side"],
                "floor_db": bands.FLOOR_DB,
                "mean_db": bands.MEAN_DB,
                "std_db": bands.STD_DB,
            },
        ),
        _table("[input]", {"name": "features", "axes": ["batch", "channel", "band", "frame"]}),
        _table(
            "[output]",
            {
                "name": "mask_logits",
                "axes": ["batch", "source-channel", "band", "frame"],
                "kind": "mask",
                "activation": "softmax",
            },
        ),
        _table(
            "[window]",
            {"frames": bands.WINDOW_FRAMES, "dynamic": True, "multiple": bands.FRAME_MULTIPLE},
        ),
    ]
    tables += [
        _table("[[training_data]]", {"name": item["name"], "license": item["license"]})
        for item in card.training_data
    ]
    tables += [
        _table(
            "[[scores]]",
            {
                "data": s.data,
                "metric": s.metric,
                "source": s.source,
                "value_db": round(float(s.value_db), 2),
            },
        )
        for s in card.scores
    ]
    return "\n".join(tables)
