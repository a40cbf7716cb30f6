"""A tiny search and a tiny cross-validation, killed and gone on with."""

import json
from pathlib import Path

import pytest
from conftest import tiny_stems

from soloist_train.batches import hold_out, shuffled_songs, song_of
from soloist_train.errors import TrainingError
from soloist_train.fit import Fit, read_config
from soloist_train.folds import cross_validate, fold_songs
from soloist_train.search import SearchConfig, search, trial_config
from soloist_train.store import Clip, quantise, read_store

TINY = Path(__file__).parents[1] / "configs" / "tiny.toml"
SPACE = {"fit.rate": {"low": 1e-4, "high": 1e-2, "log": True}, "mix.drop": {"choices": [0.0, 0.2]}}


def tiny(**search: object) -> dict:
    raw = read_config(TINY)
    raw["fit"] |= {"iterations": 2, "save_every": 1, "validate_every": 2, "batch": 1}
    raw["search"] = {"iterations": 2, "checks": 2, "holdout": 1, "startup": 1, **search}
    raw["search"].setdefault("space", SPACE)
    return raw


@pytest.fixture
def clips(store: Path) -> list[Clip]:
    """The store's clips, with the mdb song at another speed too."""
    found = read_store(store)
    (song,) = (c for c in found if c.kind == "mdb")
    return [*found, Clip(song.name, "mdb", True, True, song.stems)]


def test_all_versions_of_a_song_are_held_out_together(clips: list[Clip]) -> None:
    names = shuffled_songs(clips)
    assert sorted(names) == ["mdb 2", "musdb 3"]  # rendered songs only where there are no others
    training, held_out = hold_out(clips, ["mdb 2"])
    assert [c.name for c in held_out] == ["mdb 2"]
    assert all(c.name != "mdb 2" for c in training) and len(training) == len(clips) - 2
    with pytest.raises(TrainingError, match="no whole songs named x"):
        hold_out(clips, ["x"])
    rendered = [c for c in clips if c.kind == "rendered"]
    assert sorted(shuffled_songs(rendered)) == ["rendered 0", "rendered 1"]


def test_the_version_at_the_songs_own_speed_is_judged() -> None:
    versions = []
    for seconds in (1.1, 0.9, 1.0):
        stems = {"drums": quantise(tiny_stems(1, seconds)["drums"])}
        versions.append(Clip("x", "mdb", True, True, stems))
    assert hold_out(versions, ["x"])[1] == [versions[2]]


def test_variants_and_other_data_sets_have_the_same_song(clips: list[Clip]) -> None:
    assert song_of("mdb 80sRock") == song_of("Music Delta - 80s Rock")
    assert song_of("A (Live) (+0.31 semitones, tempo 1.020, mp3 96 kbit/s)") == song_of("A (Live)")
    assert song_of("A (Live)") != song_of("A")
    name = "{} (-1.20 semitones, tempo 0.950)"
    songs = [c for c in clips if c.kind in ("mdb", "musdb")]
    changed = [Clip(name.format(c.name), c.kind, c.split, c.complete, c.stems) for c in songs]
    assert shuffled_songs([*changed, *clips]) == shuffled_songs(clips)
    training, (judged,) = hold_out([*changed, *clips], ["musdb 3"])
    assert judged.name == "musdb 3" and not any("musdb 3" in c.name for c in training)


def test_a_search_goes_on_and_writes_what_it_found(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optuna", reason="needs the `search` extra")
    step, steps = Fit.step, []

    def killed(self: Fit) -> float:
        steps.append(1)
        if len(steps) == 4:
            raise KeyboardInterrupt  # in the second trial
        return step(self)

    monkeypatch.setattr(Fit, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        search(tiny(), clips, tmp_path, trials=3)
    table = search(tiny(), clips, tmp_path, trials=3)
    assert len(steps) <= 2 + 2 + 4
    assert table.count("\n| ") == 3 and "fit.rate" in table
    best = json.loads((tmp_path / "best.json").read_text())
    assert 1e-4 <= best["fit.rate"] <= 1e-2 and best["mix.drop"] in (0.0, 0.2)
    assert search(tiny(), clips, tmp_path, trials=3) == table  # nothing left to do


def test_trials_never_see_the_validation_clips(clips: list[Clip], tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="needs the `search` extra")
    search(tiny(), clips, tmp_path, trials=1)
    (line, *_) = (tmp_path / "trial-000" / "log.jsonl").read_text().splitlines()
    assert json.loads(line)["median_sdr_db"] == {} and "mean" in json.loads(line)["holdout_sdr_db"]


def test_a_metric_that_no_song_has_is_refused(clips: list[Clip], tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="needs the `search` extra")
    with pytest.raises(TrainingError, match="no kazoo among the scores: vocals"):
        search(tiny(metric="kazoo"), clips, tmp_path, trials=1)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"space": {}}, "needs a space"),
        ({"space": {"rate": {"low": 1, "high": 2}}}, "table.key"),
        ({"space": {"fit.rate": {"low": 1}}}, "low and high"),
        ({"holdout": 0}, "at least 1"),
        ({"speed": 1}, "unknown keys"),
    ],
)
def test_bad_searches_are_refused(table: dict, sentence: str) -> None:
    with pytest.raises(TrainingError, match=sentence):
        SearchConfig.from_dict({"space": SPACE, **table})


def test_trial_values_land_in_their_tables() -> None:
    config = SearchConfig.from_dict(tiny()["search"])
    raw = trial_config(tiny(), config, {"fit.rate": 0.5, "model.base": 8})
    assert raw["fit"]["rate"] == 0.5 and raw["model"]["base"] == 8 and "search" not in raw
    with pytest.raises(TrainingError, match="unknown keys"):
        trial_config(tiny(), config, {"fit.speed": 1})


def test_folds_deal_every_song_once_and_go_on(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dealt = fold_songs(clips, 2, seed=0)
    assert sorted(name for fold in dealt for name in fold) == ["mdb 2", "musdb 3"]
    table = cross_validate(tiny(), clips, tmp_path, folds=2)
    assert "| fold 2 | 1 |" in table and "±" in table.splitlines()[-1]
    results = json.loads((tmp_path / "folds.json").read_text())
    assert [list(r["songs"]) for r in results] == dealt
    monkeypatch.setattr(Fit, "step", lambda self: pytest.fail("a fold that is done ran again"))
    assert cross_validate(tiny(), clips, tmp_path, folds=2) == table
    with pytest.raises(TrainingError, match="2 to 2 are possible"):
        fold_songs(clips, 3, seed=0)
