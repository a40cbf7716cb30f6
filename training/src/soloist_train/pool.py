"""Many jobs in several processes; one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from tqdm import tqdm

from .errors import TrainingError


def run_all(
    function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], processes: int, unit: str,
    task: str,
) -> None:  # fmt: skip
    """Call `function` with the arguments of each job; `task` is a verb's past participle.

    Raises TrainingError at the end that tells each thing that was wrong once.
    """
    errors = []
    with ProcessPoolExecutor(processes) as pool:
        futures = [pool.submit(function, *job) for job in jobs]
        for future in tqdm(as_completed(futures), total=len(futures), unit=unit, desc=task):
            try:
                future.result()
            except TrainingError as error:
                errors.append(str(error))
    if errors:
        raise TrainingError(
            f"{len(errors)} of {len(jobs)} {unit}s could not be {task}:\n  "
            + "\n  ".join(sorted(set(errors)))
        )
