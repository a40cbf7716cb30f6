"""The records of a run: log.jsonl, TensorBoard, and the signals that ask it to stop."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from .errors import TrainingError

LOG = "log.jsonl"


class Journal:
    """log.jsonl, one record a validation, and TensorBoard's scalars if they are asked for."""

    def __init__(self, out: Path, tensorboard: bool, iteration: int) -> None:
        self.path = out / LOG
        self._cut(iteration)
        self.writer: Any = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise TrainingError(
                    "TensorBoard needs the `tensorboard` extra of soloist-train"
                ) from error
            folder = str(out / "tensorboard")
            self.writer = SummaryWriter(folder, purge_step=iteration or None)

    def _cut(self, iteration: int) -> None:
        """Drop what was logged after the checkpoint that the run goes on from, and half lines."""
        if not self.path.is_file():
            return
        kept = []
        for line in self.path.read_text().splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                break
            if record["iteration"] > iteration:
                break
            kept.append(line + "\n")
        partial = self.path.with_suffix(".partial")
        partial.write_text("".join(kept))
        partial.replace(self.path)

    def record(self, record: dict[str, Any]) -> None:
        """Append a record and see it to the disk, before the checkpoint that counts it in."""
        with self.path.open("a") as log:
            log.write(json.dumps(record) + "\n")
            log.flush()
            os.fsync(log.fileno())
        for group in ("median_sdr_db", "holdout_sdr_db"):
            self.scalars(record["iteration"], {f"{group}/{k}": v for k, v in
                                               record.get(group, {}).items()})  # fmt: skip

    def scalars(self, iteration: int, values: dict[str, float]) -> None:
        """Scalars of one iteration, for TensorBoard alone."""
        if self.writer is not None:
            for name, value in values.items():
                self.writer.add_scalar(name, value, iteration)

    def close(self) -> None:
        """Flush what TensorBoard has buffered."""
        if self.writer is not None:
            self.writer.close()


def read_log(run: Path) -> list[dict[str, Any]]:
    """The records of a run's folder."""
    path = run / LOG if run.is_dir() else run
    if not path.is_file():
        raise TrainingError(f"no log at {path}")
    try:
        return [json.loads(line) for line in path.read_text().splitlines()]
    except json.JSONDecodeError as error:
        raise TrainingError(f"{path} is not a log of `soloist-train fit`: {error}") from error


class StopSignals:
    """Within `with`, SIGTERM and the first SIGINT only set `received`, so that a run can save."""

    def __init__(self) -> None:
        self.received: str | None = None
        self._old: dict[int, Any] = {}

    def _note(self, number: int, _: FrameType | None) -> None:
        self.received = signal.Signals(number).name
        if number == signal.SIGINT:  # a second Ctrl-C ends at once
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def __enter__(self) -> StopSignals:
        """Take the signals over; elsewhere than in the main thread they stay as they are."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._old[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Give the signals back."""
        for number, handler in self._old.items():
            signal.signal(number, handler)
