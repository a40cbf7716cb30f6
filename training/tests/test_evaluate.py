"""Scores, their tables and pictures, on tiny made-up songs."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import tiny_stems

from soloist_train import evaluate as evaluation
from soloist_train import metrics
from soloist_train.bands import SAMPLE_RATE, SOURCES
from soloist_train.cli import main
from soloist_train.errors import TrainingError
from soloist_train.scores import Scores
from soloist_train.testsets import guitar_songs, own_songs, rendered_songs

museval = pytest.importorskip("museval", reason="needs the `evaluate` extra")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two songs as `render` writes them; the second has no piano."""
    folder = tmp_path_factory.mktemp("rendered")
    for seed in (1, 2):
        song = folder / f"{seed:06}"
        song.mkdir()
        (song / "song.json").write_text("{}")
        for source, audio in tiny_stems(seed).items():
            silent = seed == 2 and source == "piano"
            soundfile.write(song / f"{source}.flac", audio.T * (not silent), SAMPLE_RATE)
    return folder


def test_plain_and_scale_invariant_sdr_by_their_definitions() -> None:
    rng = np.random.default_rng(0)
    s = rng.normal(size=(2, 4000)).astype(np.float32)
    noise = rng.normal(size=s.shape).astype(np.float32)
    noise -= s * (noise * s).sum() / (s * s).sum()
    noise *= np.sqrt((s**2).sum() / (noise**2).sum()) / 10
    assert metrics.plain_sdr(s, s + noise) == pytest.approx(20.0, abs=1e-3)
    assert metrics.si_sdr(s, 0.5 * (s + noise)) == pytest.approx(20.0, abs=1e-3)
    assert metrics.plain_sdr(s, 0.5 * s) == pytest.approx(6.02, abs=0.01)
    assert metrics.si_sdr(s, 0.5 * s) > 60


def test_six_sources_of_rendered_songs_with_oracle_and_mixture(
    rendered: Path, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = rendered_songs(rendered)
    scores = evaluation.evaluate(test, None, None, "phase-sensitive")
    assert set(scores.tracks["000001"]) == set(SOURCES)
    assert set(scores.tracks["000002"]) == set(SOURCES) - {"piano"}
    for metric in metrics.METRICS:
        own = scores.overall(metric)
        ratio, mixture = (scores.references[k].overall(metric) for k in ("ratio", "mixture"))
        assert set(own) == {*SOURCES, "mean"}
        assert own["mean"] > ratio["mean"] > mixture["mean"], metric
    # The references come from the cache the next time, and are the same.
    assert len(list(own_cache.rglob("*.json"))) == 4
    before = scores.references["ratio"].overall()
    kinds = []
    real = evaluation.oracle_estimator
    monkeypatch.setattr(evaluation, "oracle_estimator", lambda k: kinds.append(k) or real(k))
    again = evaluation.evaluate(test, None, None, "ratio")
    assert kinds == ["ratio"]  # the system itself, not the references
    assert again.references["ratio"].overall() == again.overall() == before


def test_tables_hold_every_score_beside_its_references(rendered: Path, tmp_path: Path) -> None:
    scores = evaluation.evaluate(rendered_songs(rendered), None, None, "ratio")
    for ending in ("json", "csv", "md"):
        scores.write(tmp_path / f"scores.{ending}")
    table = json.loads((tmp_path / "scores.json").read_text())
    assert table["data"] == "2 rendered test songs" and table["metric"].startswith("museval SDR")
    assert table["median_db"]["guitar"] == round(scores.medians()["guitar"], 3)
    assert set(table["references"]) == {"ratio", "mixture"} and "tracks_db" in table["SI-SDR"]
    rows = list(csv.DictReader((tmp_path / "scores.csv").open()))
    assert len(rows) == 3 * 11 and all(float(r["mixture_db"]) < 5 for r in rows)
    assert rows[0]["score_db"] == rows[0]["ratio_db"]
    text = (tmp_path / "scores.md").read_text()
    assert text.count("| 000002 |") == 3 and "SI-SDR of whole tracks" in text
    assert "mean of tracks" in evaluation.report(scores)
    with pytest.raises(TrainingError, match=r"\.csv"):
        scores.write(tmp_path / "scores.xls")


def test_the_two_guitar_songs_are_the_reserved_ones(tmp_path: Path) -> None:
    for song in ("Rock", "Zeppelin", "Shadows"):
        folder = tmp_path / "mdb" / song
        folder.mkdir(parents=True)
        for name in ("drum-set", "clean-electric-guitar", "clean-electric-guitar-2"):
            soundfile.write(folder / f"{name}.ogg", tiny_stems(4)["guitar"][0], SAMPLE_RATE)
    test = guitar_songs(tmp_path)
    assert sorted(test.tracks) == ["mdb Shadows", "mdb Zeppelin"]
    scores = evaluation.evaluate(test, None, None, "ratio")
    assert scores.known_targets() == ["drums", "guitar"]


def test_estimates_of_the_wrong_length_or_kind_are_refused(rendered: Path, tmp_path: Path) -> None:
    test = rendered_songs(rendered)
    folder = tmp_path / "000001"
    folder.mkdir()
    for source, audio in tiny_stems(1).items():
        cut = audio[:, :-1] if source == "bass" else audio
        soundfile.write(folder / f"{source}.wav", cut.T, SAMPLE_RATE)
    with pytest.raises(TrainingError, match=r"bass\.wav has 88199 samples; its track 88200"):
        evaluation.evaluate(test, None, tmp_path, None)
    (folder / "guitar.wav").unlink()
    soundfile.write(folder / "bass.wav", tiny_stems(1)["bass"].T, SAMPLE_RATE)
    with pytest.raises(TrainingError, match="no estimates of guitar, piano"):
        evaluation.evaluate(test, None, tmp_path, None)


def test_pictures_are_small_and_not_empty(rendered: Path, tmp_path: Path) -> None:
    plots = pytest.importorskip("soloist_train.plots")
    pytest.importorskip("matplotlib", reason="needs the `plots` extra")
    from PIL import Image

    from soloist_train.checkpoint import Checkpoint
    from soloist_train.fit import read_config
    from soloist_train.model import ModelConfig, StudioNet

    raw = read_config(Path(__file__).parents[1] / "configs" / "tiny.toml")
    state = StudioNet(ModelConfig.from_dict(raw["model"])).state_dict()
    Checkpoint(raw, state, state, {}, 1).save(tmp_path / "net.pt")
    log = tmp_path / "run" / "log.jsonl"
    log.parent.mkdir()
    records = [{"iteration": i, "loss": 1 / i, "median_sdr_db": {"vocals": i, "mean": i},
                "holdout_sdr_db": {"mean": i / 2}} for i in (1, 2, 3)]  # fmt: skip
    log.write_text("".join(json.dumps(r) + "\n" for r in records))
    scores = evaluation.evaluate(rendered_songs(rendered), None, None, "mixture")
    scores.write(tmp_path / "mixture.json")
    plots.learning_curves([log.parent], tmp_path / "curves.png")
    plots.learning_curves([log.parent, log], tmp_path / "both.png")
    plots.box_plots([tmp_path / "mixture.json"], tmp_path / "boxes.png")
    truth = rendered_songs(rendered).tracks["000001"]()
    plots.spectrograms(tmp_path / "net.pt", truth, tmp_path / "stems.png", seconds=1.5)
    for name in ("curves", "both", "boxes", "stems"):
        path = tmp_path / f"{name}.png"
        assert 2_000 < path.stat().st_size <= plots.MAX_BYTES
        picture = np.asarray(Image.open(path).convert("L"))
        assert picture.shape[1] > 300 and picture.std() > 10
    with pytest.raises(TrainingError, match="no scores"):
        plots.box_plots([log], tmp_path / "x.png")


def test_no_audible_track_is_an_error() -> None:
    with pytest.raises(TrainingError, match="no track"):
        Scores("nothing", SOURCES).overall()


def test_seconds_by_the_definition_are_musevals() -> None:
    rng = np.random.default_rng(7)
    truth = rng.normal(size=(2, 4 * SAMPLE_RATE + 500)).astype(np.float32)
    truth[:, SAMPLE_RATE : 2 * SAMPLE_RATE] = 0
    estimate = (0.7 * truth + 0.2 * rng.normal(size=truth.shape)).astype(np.float32)
    estimate[:, 3 * SAMPLE_RATE :] = 0
    found, expected = metrics.sdr_frames(truth, estimate), metrics.museval_frames(truth, estimate)
    assert list(np.isnan(found)) == [False, True, False, True]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_museval_that_finds_no_ffmpeg_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """museval imports stempeg, which raises RuntimeError on a machine without ffmpeg."""
    package = tmp_path / "museval"
    package.mkdir()
    (package / "__init__.py").write_text('raise RuntimeError("ffmpeg could not be found")\n')
    monkeypatch.syspath_prepend(tmp_path)
    for name in [n for n in sys.modules if n.split(".")[0] == "museval"]:
        monkeypatch.delitem(sys.modules, name)
    second = np.ones((2, SAMPLE_RATE), dtype=np.float32)
    with pytest.raises(TrainingError, match="museval cannot be used: ffmpeg could not be found"):
        metrics.museval_frames(second, second)


def test_a_folder_of_own_songs_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Six stems as six, and as four where one of the songs does not know guitars apart."""
    for seed, name in enumerate(("One", "Two")):
        for source, audio in tiny_stems(seed).items():
            path = tmp_path / "songs" / name / f"{source}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, audio.T, SAMPLE_RATE)
    of = ["evaluate", "--songs", str(tmp_path / "songs"), "--oracle", "mixture"]
    assert main([*of, "--json", str(tmp_path / "six.json")]) == 0
    table = json.loads((tmp_path / "six.json").read_text())
    assert table["data"] == "2 songs of songs"
    assert set(table["tracks_db"]) == {"songs One", "songs Two"}
    assert set(table["median_db"]) == {*SOURCES, "mean"}
    (tmp_path / "songs" / "Two" / "guitar.wav").unlink()
    assert main([*of, "--json", str(tmp_path / "four.json")]) == 0
    table = json.loads((tmp_path / "four.json").read_text())
    assert set(table["median_db"]) == {"vocals", "drums", "bass", "other", "mean"}
    sums = own_songs(tmp_path / "songs").tracks["songs One"]()
    parts = tiny_stems(0)
    expected = parts["guitar"] + parts["piano"] + parts["other"]
    np.testing.assert_allclose(sums["other"], expected, atol=1e-4)
    (tmp_path / "empty").mkdir()
    assert main(["evaluate", "--songs", str(tmp_path / "empty"), "--oracle", "mixture"]) == 1
    assert str(tmp_path / "empty") in capsys.readouterr().err
