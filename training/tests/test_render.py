"""The song generator: plans and parts by themselves, audio where its instruments are installed."""

import shutil

import numpy as np
import pytest

from soloist_train import synth
from soloist_train.bands import SAMPLE_RATE, SOURCES
from soloist_train.drumming import PATTERNS, drum_part
from soloist_train.parts import arpeggio_part, bass_part, chord_part, melody_part
from soloist_train.song import GENRES, STEPS, plan_song


@pytest.mark.parametrize("genre", list(GENRES))
def test_every_genre_has_playable_parts(genre: str) -> None:
    rng = np.random.default_rng(1)
    plan = plan_song(rng, 8.0, (), genre)
    assert plan.bars * plan.bar_s >= 8.0
    parts = [
        drum_part(plan, rng), bass_part(plan, rng), arpeggio_part(plan, rng, 52),
        chord_part(plan, rng, "strum", 48, 0.02), melody_part(plan, rng, 60),
    ]  # fmt: skip
    for notes in parts:
        assert notes
        assert all(0 <= n.pitch < 128 and 1 <= n.velocity < 128 for n in notes)
        assert all(n.start_s >= 0 and n.length_s > 0 for n in notes)
    assert max(n.pitch for n in parts[1]) < 64


def test_drum_patterns_are_one_bar_long() -> None:
    for patterns in PATTERNS.values():
        for pattern in patterns:
            assert all(len(steps) == STEPS and set(steps) <= set("xo.?")
                       for steps in pattern.values())  # fmt: skip


def test_plans_and_parts_are_the_same_for_the_same_seed() -> None:
    def notes() -> list[object]:
        rng = np.random.default_rng(9)
        plan = plan_song(rng, 10.0, ())
        return [*bass_part(plan, rng), *melody_part(plan, rng, 60), *drum_part(plan, rng)]

    assert notes() == notes()


def test_own_instruments_sound() -> None:
    rng = np.random.default_rng(2)
    plan = plan_song(rng, 3.0, (), "electronic")
    for audio in (
        synth.oscillate(bass_part(plan, rng), rng, 3.0),
        synth.beat_machine(drum_part(plan, rng), rng, 3.0),
    ):
        assert audio.shape == (2, 3 * SAMPLE_RATE)
        assert np.isfinite(audio).all() and np.abs(audio).max() > 0.05


def test_a_song_has_six_stems_and_is_reproducible() -> None:
    pytest.importorskip("pedalboard", reason="needs the `render` extra")
    pytest.importorskip("fluidsynth", reason="needs the `render` extra and libfluidsynth")
    pytest.importorskip("pyworld", reason="needs the `render` extra")
    if not set(synth.installed_fonts()) & set(synth.FONTS):
        pytest.skip("no soundfont is installed")
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    from soloist_train.render import PEAK, render_song

    stems, record = render_song(5, 4.0, "rock", everyone=True)
    again, _ = render_song(5, 4.0, "rock", everyone=True)
    assert list(stems) == list(SOURCES) and set(record["used"]) == set(SOURCES)
    assert np.abs(sum(stems.values())).max() == pytest.approx(PEAK, rel=1e-4)
    for source in SOURCES:
        assert np.abs(stems[source]).max() > 1e-3, source
        np.testing.assert_array_equal(stems[source], again[source])
