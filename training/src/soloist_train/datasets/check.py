"""A dry run over data sets: what is there, and what is wrong with it, without writing anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import soxr
from tqdm import tqdm

from ..bands import SAMPLE_RATE, Float
from ..errors import TrainingError
from .audio import Recording, blocks, probe
from .detect import Dataset
from .piece import SHORTEST_S, SILENCE, Piece, Pull, sections, silent, stream_stems

LENGTH_TOLERANCE_S = 0.1
MISMATCH_DB = -10.0
"""Difference of a mixture file from the sum of the stems, relative to it, that is worth a word."""
UNCUT = ("solo", "validation")
"""Kinds that `prepare` takes no sections of."""
COMPARED_RATE = 2000
"""They are compared below 1 kHz, where coding noise of low bit rates is small."""


@dataclass
class Findings:
    """What a dry run says of one piece: errors would stop `prepare`, warnings would not."""

    name: str
    kind: str
    seconds: float = 0.0
    sources: list[str] = field(default_factory=list)
    rates: list[int] = field(default_factory=list)
    sections: int = 1
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return vars(self)


@dataclass(frozen=True)
class Cut:
    """Sections that `prepare` would be asked for."""

    start_s: float = 0.0
    count: int | None = None
    seconds: float = 30.0


def check_dataset(dataset: Dataset, cut: Cut, quick: bool, processes: int) -> list[Findings]:
    """Check all pieces of a data set; `quick` reads headers only."""
    pieces = list(dataset.pieces())
    with ProcessPoolExecutor(processes) as pool:
        jobs = [pool.submit(check_piece, piece, cut, quick) for piece in pieces]
        found = [job.result() for job in tqdm(jobs, unit="piece", desc=dataset.kind, leave=False)]
    _compare(found)
    return found


def _compare(found: Iterable[Findings]) -> None:
    """Warn of stems that most pieces of the data set have and one has not."""
    several = [f for f in found if len(f.sources) > 1]
    counts = Counter(source for f in several for source in f.sources)
    usual = [s for s, n in counts.items() if n > len(several) / 2]
    for findings in several:
        missing = [s for s in usual if s not in findings.sources]
        if missing:
            findings.warnings.append(f"no stem for {', '.join(missing)}, which most have")


def check_piece(piece: Piece, cut: Cut, quick: bool) -> Findings:
    """Check one piece."""
    findings = Findings(piece.name, piece.kind, sources=list(piece.files))
    findings.warnings += piece.problems
    if not piece.files:
        findings.errors, findings.warnings = findings.warnings or ["no stems"], []
        return findings
    _check_headers(piece, findings)
    if piece.kind == "reserved":  # never prepared, so nothing of it would stop `prepare`
        findings.warnings += findings.errors
        findings.errors = []
        return findings
    if findings.errors:
        return findings
    try:
        if (cut.count is not None or cut.start_s) and piece.kind not in UNCUT:
            parts = sections(piece, cut.start_s, cut.count or 1, cut.seconds)
            findings.sections = len(parts)
        if not quick:
            _check_audio(piece, findings)
    except TrainingError as error:
        findings.errors.append(str(error))
    return findings


def _check_headers(piece: Piece, findings: Findings) -> None:
    lengths: dict[str, float] = {}
    for _, recording in piece.recordings():
        name = _label(recording)
        try:
            info = probe(recording)
        except TrainingError as error:
            findings.errors.append(str(error))
            continue
        lengths[name] = info.seconds
        if info.rate not in findings.rates:
            findings.rates.append(info.rate)
        if info.channels > 2:
            findings.errors.append(f"{name} has {info.channels} channels, not one or two")
        if info.rate != SAMPLE_RATE:
            findings.warnings.append(f"{name} is at {info.rate} Hz: it will be resampled")
    findings.seconds = max(lengths.values(), default=0.0)
    for name, seconds in lengths.items():
        if findings.seconds - seconds > LENGTH_TOLERANCE_S:
            findings.warnings.append(
                f"{name} lasts {seconds:.2f} s and the longest stem {findings.seconds:.2f} s: "
                "silence will follow it"
            )


def _label(recording: Recording) -> str:
    stream = "" if recording.stream is None else f", stream {recording.stream}"
    return f"{recording.path.name}{stream}"


def _check_audio(piece: Piece, findings: Findings) -> None:
    """Decode everything, a block at a time: silence, values that are not finite, the mixture."""
    piece = replace(piece, start_s=0.0)
    peaks: dict[str, float] = {}
    samples = 0
    mixture = _MixtureCheck(piece.mixture) if piece.mixture else None
    for stems in stream_stems(piece):
        for source, audio in stems.items():
            peaks[source] = max(peaks.get(source, 0.0), float(np.abs(audio).max(initial=0.0)))
        total = np.sum(list(stems.values()), axis=0)
        samples += total.shape[1]
        if mixture:
            mixture.add(total)
    quiet = [source for source, peak in peaks.items() if peak <= SILENCE]
    if len(quiet) == len(peaks) or samples < SHORTEST_S * SAMPLE_RATE:
        raise silent(piece)
    findings.warnings += [f"{source} is silent: left out" for source in quiet]
    if mixture and mixture.difference_db() > MISMATCH_DB:
        findings.warnings.append(
            f"{_label(piece.mixture)} differs from the sum of the stems by "
            f"{mixture.difference_db():.0f} dB of its power: a stem is missing, or it was "
            "mastered; the sum is used"
        )


class _MixtureCheck:
    """Compares a mixture file with the sum of the stems, block by block."""

    def __init__(self, recording: Recording) -> None:
        self.mixture = Pull(blocks(recording))
        self.low = [soxr.ResampleStream(SAMPLE_RATE, COMPARED_RATE, 2, quality="LQ") for _ in "md"]
        self.power = [0.0, 0.0]

    def add(self, total: Float) -> None:
        given, _ = self.mixture.take(total.shape[1])
        for i, audio in enumerate((given, given - total)):
            low = self.low[i].resample_chunk(np.ascontiguousarray(audio.T))
            self.power[i] += float((low**2).sum(dtype=np.float64))

    def difference_db(self) -> float:
        mixture, difference = self.power
        return float(10 * np.log10((difference + 1e-9) / (mixture + 1e-9)))


PURPOSES = {"reserved": "reserved, never prepared", "validation": "for validation"}


def report(dataset: Dataset, found: list[Findings], verbose: bool) -> str:
    """A data set's findings as text: a line a song where it is asked for or something is wrong."""
    hours = sum(f.seconds for f in found) / 3600
    title = f"{dataset.title} (--kind {dataset.kind}) in {dataset.root}"
    lines = [f"{title}: {len(found)} pieces, {hours:.2f} h"]
    for purpose, text in PURPOSES.items():
        count = sum(f.kind == purpose for f in found)
        if count:
            lines.append(f"  {count} {text}")
    for f in found:
        if verbose or f.errors or f.warnings:
            rates = ", ".join(f"{rate} Hz" for rate in sorted(f.rates))
            parts = f", {f.sections} sections" if f.sections > 1 else ""
            sources = ", ".join(f.sources) or "nothing"
            purpose = f" ({PURPOSES[f.kind]})" if f.kind in PURPOSES else ""
            lines.append(f"  {f.name}: {f.seconds:.1f} s, {rates}: {sources}{parts}{purpose}")
        lines += [f"    error: {text}" for text in f.errors]
        lines += [f"    warning: {text}" for text in f.warnings]
    return "\n".join(lines)
