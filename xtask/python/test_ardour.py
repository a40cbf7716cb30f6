"""Ardour loads the bundled VST3 on a track: bounce, save, open again, automation.

Its exporter renders as fast as it can and tells VST3 plugins nothing of it, so the results come too
late: with "When Late" at its default the delayed mix is exported, at "Wait" the stem is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ardour import ATTEMPTS, Ardour, is_installed
from checks import SAMPLE_RATE_HZ, lag_frames, load_mix, peak_dbfs, run
from test_pedalboard import bounce

DRUMS = 1
BASS = 2
REMOVE = 1
WAIT = 2
NULL_DBFS = -110.0
STRETCH_FRAMES = 1024
BLOCK_FRAMES = 8192


def with_ardour(test: Callable[[Ardour], None]) -> Callable[[], None]:
    """A test that is given Ardour in a folder of its own."""

    def wrapped() -> None:
        ardour = Ardour(Path(tempfile.mkdtemp(prefix="soloist-ardour-")))
        try:
            test(ardour)
        finally:
            ardour.close()

    wrapped.__doc__ = test.__doc__
    return wrapped


def alike(a: np.ndarray, b: np.ndarray, mix: np.ndarray) -> np.ndarray:
    """For each stretch of 1,024 frames: whether `a` is `b` to 25 dB below the mix."""

    def energy(signal: np.ndarray) -> np.ndarray:
        num_stretches = signal.shape[1] // STRETCH_FRAMES
        cut = signal[:, : num_stretches * STRETCH_FRAMES].astype(np.float64)
        return np.sum(cut.reshape(len(cut), -1, STRETCH_FRAMES) ** 2, axis=(0, 2))

    return energy(a - b) <= 10.0**-2.5 * energy(mix) + 1e-9


@with_ardour
def an_export_that_waits_is_the_bounce(ardour: Ardour) -> None:
    """Exports that wait are the stem and all but the stem, compensated, and sum to the mix"""
    mix = load_mix()
    folder, shown = ardour.session("isolate", mix, Instrument=DRUMS, When_Late=WAIT)
    assert shown["latency"] > SAMPLE_RATE_HZ, f"latency {shown['latency']} frames"
    isolated = ardour.export(folder)
    assert isolated.shape == mix.shape, f"{isolated.shape}, expected {mix.shape}"
    rest, _ = ardour.session("remove", mix, Instrument=DRUMS, Mode=REMOVE, When_Late=WAIT)
    # Now and then this exporter starts a block earlier or later, with any plugin and with none.
    for _ in range(ATTEMPTS):
        residual = peak_dbfs(isolated + ardour.export(rest) - mix)
        if residual <= NULL_DBFS:
            break
        isolated = ardour.export(folder)
    assert residual <= NULL_DBFS, f"they sum to the mix but for {residual:.1f} dBFS"
    # Ardour rolls on from before the mix, so that masks fall between those of a bounce of it alone.
    reference = bounce(instrument="Drums")
    ratio = np.sum(reference**2) / np.sum((isolated - reference) ** 2)
    assert ratio > 30.0, f"{10 * np.log10(ratio):.1f} dB like the bounce in another host"


@with_ardour
def an_export_that_does_not_wait_keeps_time(ardour: Ardour) -> None:
    """An export that does not wait has the delayed mix, without lag, where results are late"""
    mix = load_mix()
    folder, _ = ardour.session("late", mix, Instrument=DRUMS)
    exported = ardour.export(folder)
    assert lag_frames(mix, exported) == 0
    # The stem is not the bounce's bit for bit: Ardour rolls on from before the mix, so that masks
    # fall elsewhere. Which of the two is heard shows in the energy of what differs.
    late = alike(exported, mix, mix)
    on_time = alike(exported, bounce(instrument="Drums"), mix)
    share = np.mean(late | on_time)
    # Each change from one to the other is neither in up to two stretches; there may be two in each of
    # the network's steps of 32 stretches.
    assert share > 0.75, f"{share:.1%} of the stretches are either the mix or the stem"


@with_ardour
def automation_is_heard_at_its_time(ardour: Ardour) -> None:
    """Automation is heard at its time in the compensated output, with nothing else around it"""
    mix = load_mix()
    change = mix.shape[1] // 2
    folder, _ = ardour.session("automation", mix, Instrument=DRUMS, When_Late=WAIT)
    steps = [(0, DRUMS), (change, DRUMS), (change + 1, BASS), (mix.shape[1], BASS)]
    ardour.automate(folder, "Instrument", steps)
    sessions = [
        ardour.session(name, mix, Instrument=number, When_Late=WAIT)[0]
        for name, number in [("drums", DRUMS), ("bass", BASS)]
    ]
    # Now and then this exporter starts a block earlier or later, with any plugin and with none.
    for _ in range(ATTEMPTS):
        wholes = [ardour.export(session) for session in sessions]
        output = ardour.export(folder)
        # Frames that differ from drums all through, and from bass all through.
        others = [np.flatnonzero(np.any(output != whole, axis=0)) for whole in wholes]
        if all(len(other) > 0 for other in others) and abs(others[0][0] - change) <= BLOCK_FRAMES:
            break
    first, last = others[0][0], others[1][-1]
    assert abs(first - change) <= BLOCK_FRAMES, f"drums until {first}, automated at {change}"
    assert last < first + 0.02 * SAMPLE_RATE_HZ, f"bass from {last} on, drums until {first}"


@with_ardour
def a_session_opens_again(ardour: Ardour) -> None:
    """A session that is saved and opened again keeps its parameters and exports the same bytes"""
    mix = load_mix()
    folder, before = ardour.session("again", mix, Instrument=DRUMS, Mix=75.0, When_Late=WAIT)
    # Now and then this exporter starts a block earlier or later, with any plugin and with none: two
    # exports of the unopened session at least, of which one at least started as most do.
    firsts = [ardour.export(folder) for _ in range(2)]
    after = ardour.reopen(folder)
    assert after == before, f"{after}, expected {before}"
    exports = (ardour.export(folder) for _ in range(ATTEMPTS))
    is_same = (np.array_equal(export, first) for export in exports for first in firsts)
    assert any(is_same), "every other export differs"


if __name__ == "__main__":
    if not is_installed():
        raise SystemExit("Ardour 7 is not installed")
    run([
        an_export_that_waits_is_the_bounce,
        an_export_that_does_not_wait_keeps_time,
        automation_is_heard_at_its_time,
        a_session_opens_again,
    ])  # fmt: skip
