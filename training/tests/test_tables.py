"""What a configuration file may hold: anything else is an error in words, whatever it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from soloist_train.errors import TrainingError
from soloist_train.fit import FitConfig, read_config
from soloist_train.model import ModelConfig
from soloist_train.music import DataConfig
from soloist_train.search import SearchConfig


@pytest.mark.parametrize(
    ("kind", "table", "sentence"),
    [
        (FitConfig, {"stages": [{"iterations": 5}]}, r"\[\[fit.stages\]\] lacks rate"),
        (FitConfig, {"iterations": "many"}, r"\[fit\] iterations: expected a whole number, found"),
        (FitConfig, {"iterations": 1.5}, "expected a whole number, found 1.5"),
        (FitConfig, {"threads": True}, "expected a whole number, found True"),
        (FitConfig, {"rate": "fast"}, "rate: expected a number, found 'fast'"),
        (FitConfig, {"ema": "0.9"}, "ema: expected a number or a list, each a number"),
        (FitConfig, {"ema": ["a"]}, "ema: expected a number or a list"),
        (ModelConfig, {"base": "64"}, r"\[model\] base: expected a whole number"),
        (ModelConfig, {"memory": 2}, "memory: expected a list, each a whole number"),
        (SearchConfig, {"space": {"fit.rate": 3}}, "space: expected a table"),
        (DataConfig, {"folders": "music"}, "folders: expected a list, each a text"),
    ],
)
def test_values_of_another_type_are_refused(kind: Any, table: dict, sentence: str) -> None:
    with pytest.raises(TrainingError, match=sentence):
        kind.from_dict(table)


def test_what_toml_writes_otherwise_is_taken() -> None:
    config = FitConfig.from_dict({"rate": 1, "ema": [0.9, 0.99], "log": 0})
    assert config.rate == 1 and config.rates == (0.9, 0.99)
    assert ModelConfig.from_dict({"memory": [1, 2]}).memory == [1, 2]


def test_a_configuration_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"\xff\xfe[fit]")
    with pytest.raises(TrainingError, match="is not a readable configuration"):
        read_config(path)
