"""Tables of a configuration file as dataclasses."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from .errors import TrainingError

Config = TypeVar("Config")


def from_table(kind: type[Config], table: str, values: dict[str, Any]) -> Config:
    """An instance of the dataclass `kind` from the table `[table]`, refusing unknown keys."""
    unknown = set(values) - {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown:
        raise TrainingError(f"unknown keys in [{table}]: {', '.join(sorted(unknown))}")
    return kind(**values)
