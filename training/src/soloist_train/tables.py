"""Tables of a configuration file as dataclasses."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import TrainingError

Config = TypeVar("Config")
_WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def from_table(kind: type[Config], table: str, values: dict[str, Any]) -> Config:
    """An instance of the dataclass `kind` from the table `[table]`, refusing unknown keys, values
    of another type than the field's, and tables that lack a key without a default."""
    known = fields(kind)  # type: ignore[arg-type]
    unknown = set(values) - {field.name for field in known}
    if unknown:
        raise TrainingError(f"unknown keys in [{table}]: {', '.join(sorted(unknown))}")
    needed = {f.name for f in known if f.default is MISSING and f.default_factory is MISSING}
    if needed - set(values):
        raise TrainingError(f"[{table}] lacks {', '.join(sorted(needed - set(values)))}")
    hints = get_type_hints(kind)
    for name, value in values.items():
        if not _fits(value, hints[name]):
            raise TrainingError(
                f"[{table}] {name}: expected {_in_words(hints[name])}, found {value!r}"
            )
    return kind(**values)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value of a TOML file may stand for a field of this type."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in inner)
    if origin in (tuple, list):
        return isinstance(value, list | tuple) and all(_fits(v, inner[0]) for v in value)
    if origin in (dict, Mapping):
        return isinstance(value, Mapping) and all(_fits(v, inner[1]) for v in value.values())
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _in_words(hint: Any) -> str:
    """A field's type for people."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_in_words(part) for part in inner if part is not type(None))
    if origin in (tuple, list):
        return f"a list, each {_in_words(inner[0])}"
    if origin in (dict, Mapping):
        return f"a table, each value {_in_words(inner[1])}"
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))
