"""Whole songs: forms, amplifiers, rooms, mastering, manifests, and the split of their sources."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soloist_train import amp, dynamics, instruments, patches, space, voice
from soloist_train.arrangement import comping, groove, plan_arrangement, played, riff
from soloist_train.bands import SAMPLE_RATE, SOURCES
from soloist_train.errors import TrainingError
from soloist_train.instruments import Library
from soloist_train.production import RenderConfig, master, open_library, produce, write_sources
from soloist_train.song import GENRES, Note

NOTES = [Note(0.1 + 0.2 * i, 0.15, 45 + i, 100) for i in range(4)]


def noise(seed: int, seconds: float = 1.0, level: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (level * rng.normal(size=(2, int(seconds * SAMPLE_RATE)))).astype(np.float32)


@pytest.mark.parametrize("genre", list(GENRES))
def test_every_genre_has_a_form_and_parts(genre: str) -> None:
    rng = np.random.default_rng(3)
    plan = plan_arrangement(rng, 10.0, genre, needed=("guitar", "piano"))
    assert len(plan.active) == len(plan.energy) == plan.bars and plan.bars * plan.bar_s >= 10
    assert {"guitar", "piano"} <= frozenset().union(*plan.active)
    starts = [plan.time_s(bar, step) for bar in range(plan.bars) for step in range(16)]
    assert np.all(np.diff(starts) > 0), "swing must keep the order of steps"
    for notes in (groove(plan, rng), riff(plan, rng, 40, 0.5), comping(plan, rng, 50, "open", 0.4)):
        assert all(n.start_s >= 0 and n.length_s > 0 and 0 <= n.pitch < 128 for n in notes)
        assert all(1 <= n.velocity < 128 for n in notes)


def test_a_plan_is_the_same_in_every_process() -> None:
    code = (
        "import numpy as np; from soloist_train.arrangement import plan_arrangement as p; "
        "print([[sorted(b) for b in p(np.random.default_rng(s), 30.0).active] for s in range(9)])"
    )
    plans = {
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed},
                       capture_output=True, check=True).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(plans) == 1


def test_a_source_plays_only_in_its_sections() -> None:
    plan = plan_arrangement(np.random.default_rng(8), 20.0, "pop")
    notes = [Note(bar * plan.bar_s + 0.1, 0.1, 60, 100) for bar in range(plan.bars)]
    kept = {int(n.start_s / plan.bar_s) for n in played(plan, notes, "vocals")}
    assert kept == {bar for bar in range(plan.bars) if "vocals" in plan.active[bar]}


@pytest.mark.parametrize("role", list(patches.ROLES))
@pytest.mark.parametrize("test", [False, True])
def test_own_synthesisers_are_heard_and_end(role: str, test: bool) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        audio, name = patches.perform(NOTES, rng, 4.0, role, 0.5, test)
        assert np.isfinite(audio).all() and np.abs(audio).max() > 0.01, name
        assert np.abs(audio[:, : int(0.09 * SAMPLE_RATE)]).max() == 0
        assert np.abs(audio[:, -SAMPLE_RATE // 4 :]).max() < 0.05 * np.abs(audio).max(), name


def test_engines_of_test_songs_are_not_those_of_training() -> None:
    assert not set(patches.ENGINES) & set(patches.TEST_ENGINES)
    used = {engine for choices in patches.ROLES.values() for engine, _ in choices}
    assert used == set(patches.ENGINES)
    assert not set(voice.VOICES) & set(voice.TEST_VOICES)


@pytest.mark.parametrize("kind", ["acoustic", "clean", "crunch", "distorted"])
def test_amplifiers_keep_length_and_drive_adds_harmonics(kind: str) -> None:
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = np.repeat(0.3 * np.sin(2 * np.pi * 220 * t)[None], 2, axis=0).astype(np.float32)
    out = amp.guitar_amp(tone, np.random.default_rng(0), kind, 0.5)
    assert out.shape == tone.shape and np.isfinite(out).all()
    power = np.abs(np.fft.rfft(out[0] * np.hanning(SAMPLE_RATE))) ** 2
    harmonics = sum(power[220 * k - 3 : 220 * k + 4].sum() for k in range(2, 20))
    share = harmonics / power.sum()
    assert share > 0.1 if kind == "distorted" else share < (1e-4 if kind == "acoustic" else 0.9)


def test_a_cabinet_passes_the_middle_and_stops_the_top() -> None:
    for seed in range(5):
        response = np.abs(np.fft.rfft(amp.cabinet(np.random.default_rng(seed)), 4096))
        hz = np.arange(len(response)) * SAMPLE_RATE / 4096
        middle = response[(hz > 200) & (hz < 3000)].mean()
        assert response[hz > 14000].max() < 0.05 * middle


@pytest.mark.parametrize("kind", space.ROOMS)
def test_rooms_ring_after_the_sound_and_die(kind: str) -> None:
    click = np.zeros((2, 6 * SAMPLE_RATE), dtype=np.float32)
    click[:, 100] = 1.0
    wet = space.reverb(click, np.random.default_rng(2), kind)
    assert wet.shape == click.shape and np.isfinite(wet).all()
    assert np.abs(wet[:, :100]).max() < 1e-4, "nothing sounds before its cause"
    energy = (wet**2).sum()
    assert energy > 0.1 and (wet[:, 5 * SAMPLE_RATE :] ** 2).sum() < 1e-3 * energy


def test_equalisers_do_what_their_names_say() -> None:
    click = np.zeros((1, 8192), dtype=np.float32)
    click[0, 0] = 1.0

    def gain_db(section: np.ndarray, hz: float) -> float:
        response = np.abs(np.fft.rfft(dynamics.equalise(click, [section])[0]))
        return float(20 * np.log10(response[round(hz * 8192 / SAMPLE_RATE)] + 1e-9))

    bell = dynamics.bell(1000, 6)
    assert gain_db(bell, 1000) == pytest.approx(6, abs=0.1) and abs(gain_db(bell, 15000)) < 0.2
    low = dynamics.shelf(300, -5, high=False)
    assert gain_db(low, 30) == pytest.approx(-5, abs=0.3) and abs(gain_db(low, 9000)) < 0.2
    high = dynamics.shelf(3000, 4, high=True)
    assert gain_db(high, 18000) == pytest.approx(4, abs=0.3) and abs(gain_db(high, 100)) < 0.2
    assert gain_db(dynamics.cut(1000, high=True), 100) < -35
    assert gain_db(dynamics.cut(1000, high=False), 10000) < -35


def test_limiter_and_ducking_hold_their_bounds() -> None:
    loud = noise(1, level=0.8)
    assert np.abs(loud * dynamics.limiter_gain(loud, 0.5)).max() <= 0.5 + 1e-6
    assert np.abs(loud * dynamics.clip_gain(loud, 0.5)).max() <= 0.5 + 1e-6
    gain = dynamics.duck_gain([0.5], SAMPLE_RATE, 0.8, 0.1)
    assert gain.min() == pytest.approx(0.2, abs=0.05) and gain[: SAMPLE_RATE // 3].min() == 1.0
    assert int(gain.argmin()) == pytest.approx(SAMPLE_RATE // 2, abs=250)


def test_active_level_ignores_silence() -> None:
    audio = noise(4, 2.0)
    audio[:, SAMPLE_RATE:] = 0
    assert dynamics.active_rms(audio) == pytest.approx(0.1, rel=0.02)
    assert dynamics.active_rms(dynamics.to_level(audio, -20)) == pytest.approx(0.1, rel=0.02)
    assert not dynamics.to_level(np.zeros_like(audio), -20).any()


def test_mastering_treats_all_stems_alike() -> None:
    stems = {source: noise(i) for i, source in enumerate(SOURCES)}
    together = master({"vocals": np.sum(list(stems.values()), axis=0)}, np.random.default_rng(5))
    mastered = master(stems, np.random.default_rng(5))
    mix = np.sum(list(mastered.values()), axis=0)
    np.testing.assert_allclose(mix, together["vocals"], atol=2e-4)
    assert np.abs(mix).max() <= 1.0


def kit(folder: Path, family: str, split: str, names: list[str]) -> dict[str, str]:
    own = folder / f"{family}-{split}"
    own.mkdir(parents=True)
    t = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    for i, name in enumerate(names):
        wave = 0.3 * np.sin(2 * np.pi * 110 * (i + 1) * t) * np.exp(-5 * t)
        soundfile.write(own / f"{name}.wav", wave, SAMPLE_RATE)
    return {"name": own.name, "family": family, "path": own.name, "licence": "CC0 1.0",
            "source": "made by this test", "split": split}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A manifest of folders of one-shots for both splits."""
    entries = []
    for split in ("train", "test"):
        entries.append(kit(tmp_path, "drums", split, ["Kick 1", "Snare 1", "HiHat Closed"]))
        for family in ("bass", "guitar", "piano"):
            entries.append(kit(tmp_path, family, split, ["A2", "C#4", "E5"]))
    (tmp_path / "MANIFEST.json").write_text(json.dumps(entries))
    return tmp_path


def test_folders_of_one_shots_become_instruments(folder: Path) -> None:
    drums, bass = instruments.read_manifest(folder)[:2]
    assert sorted(r.lokey for r in instruments.regions(drums)) == [36, 38, 42]
    low, middle, high = sorted(instruments.regions(bass), key=lambda r: r.lokey)
    assert [r.keycenter for r in (low, middle, high)] == [45, 61, 76]
    assert low.hikey + 1 == middle.lokey and middle.hikey + 1 == high.lokey
    audio, _ = instruments.play(
        drums, [Note(0, 0.1, 40, 100)], 1.0, np.random.default_rng(0), "drums"
    )
    assert np.abs(audio).max() > 0.1, "an electric snare is played by the snare there is"


def test_a_library_holds_one_split_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instruments, "system_fonts", list)
    library = open_library(RenderConfig(4.0, "test", (folder,)))
    assert {i.split for i in library.instruments} == {"test"} and len(library.instruments) == 4
    entries = json.loads((folder / "MANIFEST.json").read_text())
    entries.append({**entries[0], "split": "test"})
    (folder / "MANIFEST.json").write_text(json.dumps(entries))
    with pytest.raises(TrainingError, match="both splits"):
        Library.open("train", folder)


def test_a_folder_of_songs_stays_in_its_split(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instruments, "system_fonts", list)
    config = RenderConfig(4.0, "train", (folder,))
    sources = tmp_path / "SOURCES.json"
    for _ in range(2):
        write_sources(sources, open_library(config))
    assert {e["split"] for e in json.loads(sources.read_text())} == {"train"}
    entries = json.loads((folder / "MANIFEST.json").read_text())
    for entry in entries:
        entry["split"] = "test" if entry["split"] == "train" else "train"
    (folder / "MANIFEST.json").write_text(json.dumps(entries))
    with pytest.raises(TrainingError, match="bass-train, drums-train"):
        write_sources(sources, open_library(config))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"family": "kazoo"}, "kazoo"), ({"path": "gone"}, "exist"), ({"licence": None}, "licence"),
     ({"split": "dev"}, "dev"), ({"presets": [1]}, "pairs")],
)  # fmt: skip
def test_bad_manifests_are_named(folder: Path, change: dict[str, object], message: str) -> None:
    entries = json.loads((folder / "MANIFEST.json").read_text())
    entries[2] |= change
    (folder / "MANIFEST.json").write_text(json.dumps(entries))
    with pytest.raises(TrainingError, match=message):
        instruments.read_manifest(folder)
    (folder / "MANIFEST.json").write_text("{")
    with pytest.raises(TrainingError, match="readable"):
        instruments.read_manifest(folder)


def test_songs_are_reproducible_and_their_sources_are_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyworld", reason="needs the `render` extra")
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    monkeypatch.setattr(instruments, "system_fonts", list)
    for split in ("train", "test"):
        library = open_library(RenderConfig(5.0, split, (folder,)))
        stems, record = produce(11, 5.0, library, needed=SOURCES)
        again, _ = produce(11, 5.0, library, needed=SOURCES)
        assert list(stems) == list(SOURCES)
        other = "test" if split == "train" else "train"
        for source in SOURCES:
            np.testing.assert_array_equal(stems[source], again[source])
            assert stems[source].shape == (2, 5 * SAMPLE_RATE), source
            assert np.isfinite(stems[source]).all() and np.abs(stems[source]).max() > 1e-3, source
            assert not any(other in name for name in record["used"][source])
        assert 0.1 < np.abs(np.sum(list(stems.values()), axis=0)).max() <= 1.0
