"""How mixes are drawn: chances, weights, silence, and the same mixes for the same seed."""

from pathlib import Path

import numpy as np
import pytest

from soloist_train.errors import TrainingError
from soloist_train.mix import WEIGHTS, MixConfig, Mixer
from soloist_train.statistics import HEADS
from soloist_train.store import Clip, read_store

SONGS = {"real_song": 1.0, "real_remix": 0.0, "rendered_song": 0.0, "any_remix": 0.0}


def config(**values: object) -> MixConfig:
    return MixConfig.from_dict(values)


def test_the_same_seed_draws_the_same_example(store: Path) -> None:
    clips = read_store(store)
    for seed in range(8):
        one, other = (
            Mixer(clips, config(silence=0.3), 64).example(np.random.default_rng((1, seed)))
            for _ in range(2)
        )
        assert one.split == other.split
        for name, array in vars(one.statistics).items():
            np.testing.assert_array_equal(array, getattr(other.statistics, name))


def test_clips_in_memory_and_on_disk_mix_alike(store: Path) -> None:
    stored = read_store(store)
    loaded = [
        Clip(c.name, c.kind, c.split, c.complete,
             {s: stem.crop(0, stem.frames) for s, stem in c.stems.items()})
        for c in stored
    ]  # fmt: skip
    for seed in range(6):
        one, other = (
            Mixer(clips, config(), 64).example(np.random.default_rng(seed)).statistics
            for clips in (stored, loaded)
        )
        np.testing.assert_array_equal(one.mix, other.mix)


def drawn(mixer: Mixer, pool: str, times: int = 400) -> dict[str, float]:
    rng = np.random.default_rng(0)
    kinds = [mixer.pools[pool].draw(rng, real=False).kind for _ in range(times)]
    return {kind: kinds.count(kind) / times for kind in set(kinds)}


def test_weights_decide_which_clips_serve(store: Path) -> None:
    clips = read_store(store)  # two rendered, one mdb, one musdb
    share = drawn(Mixer(clips, config(), 64), "drums")
    total = 2 * WEIGHTS["rendered"] + WEIGHTS["mdb"] + WEIGHTS["musdb"]
    assert share["mdb"] == pytest.approx(WEIGHTS["mdb"] / total, abs=0.08)
    share = drawn(Mixer(clips, config(weights={"mdb": 0.0, "rendered": 5.0}), 64), "drums")
    assert share.keys() == {"rendered", "musdb"}  # the table changes the kinds that it names
    assert share["musdb"] == pytest.approx(1 / 11, abs=0.05)
    mixer = Mixer(clips, config(**SONGS, song_weights={"musdb": 0.0}), 64)
    rng = np.random.default_rng(0)
    assert all(mixer.example(rng).split for _ in range(10))  # only the mdb song is left


def test_unnamed_kinds_are_real_music_of_weight_one(store: Path) -> None:
    clips = [c for c in read_store(store) if c.kind == "mdb"]
    mine = [Clip("x", "folder", c.split, c.complete, c.stems) for c in clips]
    mixer = Mixer(mine + clips, config(**SONGS), 64)
    assert mixer.modes == ["real_song"]
    assert drawn(mixer, "bass")["folder"] == pytest.approx(1 / 3, abs=0.08)


def test_stems_of_songs_are_silenced_by_chance(store: Path) -> None:
    clips = [c for c in read_store(store) if c.kind == "rendered"]
    songs = {**SONGS, "real_song": 0.0, "rendered_song": 1.0}

    def sounding(silence: float) -> list[int]:
        mixer = Mixer(clips, config(**songs, silence=silence), 64)
        found = []
        for seed in range(30):
            own = mixer.example(np.random.default_rng(seed)).statistics.own
            found.append(sum(bool(own[h].any()) for h in range(len(HEADS) - 1)))
        return found

    assert sounding(0.0) == [6] * 30
    some = sounding(0.5)
    assert 2 < np.mean(some) < 4 and min(some) >= 1
    assert sounding(1.0) == [1] * 30


def test_augmentation_can_be_turned_off(store: Path) -> None:
    clips = [c for c in read_store(store) if c.kind == "mdb"]
    plain = config(**SONGS, touched=0.0, swap=0.0, gain_db=0.0, silent_start=0.0)
    mixer = Mixer(clips, plain, 64)
    ratios = []
    for seed in range(5):
        statistics = mixer.example(np.random.default_rng(seed)).statistics
        ratios.append(statistics.own[1].sum() / statistics.own[2].sum())
    changed = Mixer(clips, config(**SONGS, touched=1.0, silent_start=0.0), 64)
    wild = [
        s.own[1].sum() / s.own[2].sum()
        for s in (changed.example(np.random.default_rng(i)).statistics for i in range(5))
    ]
    assert np.std(np.log(wild)) > 3 * np.std(np.log(ratios))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [({"wights": {}}, "unknown keys in .mix.: wights"),
     ({"weights": 3}, "weights is 3; a table is expected"),
     ({"weights": {"mdb": -1}}, "weights holds -1; at least 0 is needed"),
     ({"drop": -0.5}, "drop holds -0.5; at least 0 is needed"),
     ({"drop": "x"}, "drop: expected a number, found 'x'")],
)  # fmt: skip
def test_useless_configurations_are_refused(values: dict, sentence: str) -> None:
    with pytest.raises(TrainingError, match=sentence):
        MixConfig.from_dict(values)
