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
    """What the card says beyond the facts that its system fixes."""

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


System = Mapping[str, Mapping[str, object]]
"""What the engine must know of a network, by table: audio, analysis, input, output, window."""


def studio_system(context: int | None = None) -> System:
    """The tables of a network on the `bands` analysis; `context` as `reach.time_reach` finds it."""
    window: dict[str, object] = {
        "frames": bands.WINDOW_FRAMES,
        "dynamic": True,
        "multiple": bands.FRAME_MULTIPLE,
    }
    if context is not None:
        window["context"] = context
    return {
        "audio": {
            "sample_rate": bands.SAMPLE_RATE,
            "channels": 2,
            "sources": list(bands.SOURCES),
        },
        "analysis": {
            "representation": "bands",
            "fft_size": bands.FFT_SIZE,
            "hop_size": bands.HOP_SIZE,
            "window": "hann-periodic",
        },
        "analysis.bands": {
            "scale": "mel-htk",
            "count": bands.NUM_BANDS,
            "channels": ["left", "right", "side"],
            "floor_db": bands.FLOOR_DB,
            "mean_db": bands.MEAN_DB,
            "std_db": bands.STD_DB,
        },
        "input": {"name": "features", "axes": ["batch", "channel", "band", "frame"]},
        "output": {
            "name": "mask_logits",
            "axes": ["batch", "source-channel", "band", "frame"],
            "kind": "mask",
            "activation": "softmax",
        },
        "window": window,
    }


def render_card(card: Card, onnx: Path, system: System | None = None) -> str:
    """The text of card.toml for the network in `onnx`; a `studio` network unless told."""
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
    ]
    tables += [_table(f"[{name}]", values) for name, values in (system or studio_system()).items()]
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
