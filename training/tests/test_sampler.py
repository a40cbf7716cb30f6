"""The sampler: SFZ text to regions, regions to sound, and files that mean harm."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from soloist_train import sampler, sfz
from soloist_train.bands import SAMPLE_RATE
from soloist_train.errors import TrainingError
from soloist_train.song import Note

HZ = 441.0
"""100 samples a period at the sample rate."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a sine of one second at HZ, and one of half the level."""
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    (tmp_path / "Samples").mkdir()
    for name, gain in (("loud", 0.5), ("soft", 0.25)):
        wave = gain * np.sin(2 * np.pi * HZ * t)
        soundfile.write(tmp_path / "Samples" / f"{name}.wav", wave, SAMPLE_RATE, subtype="FLOAT")
    return tmp_path


def regions(folder: Path, text: str) -> list[sfz.Region]:
    (folder / "it.sfz").write_text(text)
    return sfz.parse(folder / "it.sfz")


def pitch_hz(audio: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(audio[0] * np.hanning(audio.shape[1])))
    return float(np.argmax(spectrum)) * SAMPLE_RATE / audio.shape[1]


def play(regions: list[sfz.Region], *notes: Note, seconds: float = 1.0) -> np.ndarray:
    return sampler.play(notes, regions, seconds, np.random.default_rng(0))


def test_headers_inherit_and_comments_defines_and_includes_are_expanded(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "low.sfz").write_text(
        "<region> sample=loud.wav hikey=$TOP /* a\nb */ tune=50"
    )
    found = regions(
        folder,
        """// a comment with key=1
        #define $TOP 59
        <control> default_path=Samples\\ note_offset=0
        <global> ampeg_release=0.5 <group> lovel=10 volume=-6
        #include "sub/low.sfz"
        <group> <region> key=c4 sample=LOUD.WAV""",
    )
    low, high = found
    assert (low.lokey, low.hikey, low.lovel, low.volume_db, low.tune) == (0, 59, 10, -6, 0.5)
    assert (high.lokey, high.hikey, high.keycenter, high.lovel) == (60, 60, 60, 0)
    assert low.release == high.release == 0.5
    assert low.sample == high.sample == (folder / "Samples/loud.wav").resolve()


@pytest.mark.parametrize("semitones", [-12, 0, 7])
def test_a_note_sounds_at_its_pitch_and_ends(folder: Path, semitones: int) -> None:
    own = regions(folder, "<region> sample=Samples/loud.wav pitch_keycenter=69 ampeg_release=0.05")
    audio = play(own, Note(0.1, 0.3, 69 + semitones, 127))
    first, last = int(0.1 * SAMPLE_RATE), int(0.4 * SAMPLE_RATE)
    assert pitch_hz(audio[:, first:last]) == pytest.approx(HZ * 2 ** (semitones / 12), rel=0.01)
    assert np.abs(audio[:, :first]).max() == 0
    assert np.abs(audio[:, first:last]).max() == pytest.approx(0.5, rel=0.01)
    assert np.abs(audio[:, last + int(0.06 * SAMPLE_RATE) :]).max() < 1e-3


def test_velocity_chooses_layers_and_scales(folder: Path) -> None:
    own = regions(
        folder,
        "<global> key=60 amp_veltrack=0 <region> sample=Samples/soft.wav hivel=63"
        " <region> sample=Samples/loud.wav lovel=64",
    )
    assert np.abs(play(own, Note(0, 0.5, 60, 40))).max() == pytest.approx(0.25, rel=0.01)
    assert np.abs(play(own, Note(0, 0.5, 60, 100))).max() == pytest.approx(0.5, rel=0.01)
    tracked = regions(folder, "<region> sample=Samples/loud.wav key=60")
    assert np.abs(play(tracked, Note(0, 0.5, 60, 64))).max() == pytest.approx(
        0.5 * (64 / 127) ** 2, rel=0.01
    )


def test_round_robin_random_and_switches_choose_regions(folder: Path) -> None:
    turns = "".join(
        f"<region> sample=Samples/{name}.wav key=60 seq_length=2 seq_position={i} "
        for i, name in enumerate(("soft", "loud"), 1)
    )
    notes = [Note(i * 0.2, 0.1, 60, 127) for i in range(4)]
    voices = sampler.choose(notes, regions(folder, turns), np.random.default_rng(0))
    assert [v.region.sample.stem for v in voices] == ["soft", "loud", "soft", "loud"]
    chance = "<region> sample=Samples/soft.wav key=60 hirand=0.5 " \
             "<region> sample=Samples/loud.wav key=60 lorand=0.5"  # fmt: skip
    voices = sampler.choose(notes * 50, regions(folder, chance), np.random.default_rng(0))
    assert len(voices) == 200 and 60 < sum(v.region.sample.stem == "soft" for v in voices) < 140
    switched = (
        "<global> sw_lokey=20 sw_hikey=22 sw_default=21 key=60 "
        "<region> sw_last=21 sample=Samples/soft.wav <region> sw_last=20 sample=Samples/loud.wav"
    )
    voices = sampler.choose(notes, regions(folder, switched), np.random.default_rng(0))
    assert {v.region.sample.stem for v in voices} == {"soft"}


def test_release_samples_start_when_the_note_ends_and_groups_choke(folder: Path) -> None:
    text = "<region> sample=Samples/soft.wav key=60 trigger=release"
    audio = play(regions(folder, text), Note(0.0, 0.5, 60, 127))
    assert np.abs(audio[:, : SAMPLE_RATE // 2]).max() == 0 and np.abs(audio).max() > 0.2
    text = (
        "<region> sample=Samples/loud.wav key=46 off_by=1 loop_mode=one_shot "
        "<region> sample=Samples/soft.wav key=42 group=1 end=10 loop_mode=one_shot"
    )
    audio = play(regions(folder, text), Note(0, 0.1, 46, 127), Note(0.3, 0.1, 42, 127))
    assert np.abs(audio[:, int(0.25 * SAMPLE_RATE) : int(0.3 * SAMPLE_RATE)]).max() > 0.4
    assert np.abs(audio[:, int(0.33 * SAMPLE_RATE) :]).max() < 0.01


def test_a_loop_sounds_longer_than_its_sample(folder: Path) -> None:
    loop = (
        "<region> sample=Samples/loud.wav key=60 loop_mode=loop_continuous "
        "loop_start=10000 loop_end=19999"
    )
    audio = play(regions(folder, loop), Note(0, 2.8, 60, 127), seconds=3.0)
    late = audio[:, int(2.2 * SAMPLE_RATE) : int(2.7 * SAMPLE_RATE)]
    assert np.abs(late).max() == pytest.approx(0.5, rel=0.01)
    assert pitch_hz(late) == pytest.approx(HZ, rel=0.01)


def test_the_loop_of_a_wav_file_is_read(folder: Path) -> None:
    path = folder / "Samples" / "loud.wav"
    body = path.read_bytes()
    chunk = np.array([0, 0, 0, 57, 0, 0, 0, 1, 0, 0, 0, 10000, 19999, 0, 0], "<u4").tobytes()
    body += b"smpl" + np.uint32(len(chunk)).tobytes() + chunk
    path.write_bytes(body[:4] + np.uint32(len(body) - 8).tobytes() + body[8:])
    assert sampler.riff_loop(path) == ((10000, 19999), 57.0)


def test_hostile_files_are_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.wav"
    soundfile.write(outside, np.zeros(100), SAMPLE_RATE)
    with pytest.raises(TrainingError, match="outside"):
        regions(folder, f"<region> sample={'../' * 12}{outside.relative_to('/')}")
    with pytest.raises(TrainingError, match="nested too deep"):
        regions(folder, '#include "it.sfz"')
    with pytest.raises(TrainingError, match="no region"):
        regions(folder, "<region> sample=missing.wav <region> nonsense ===== \x00")
    (folder / "noise.wav").write_bytes(bytes(range(256)) * 10)
    own = regions(folder, "<region> sample=noise.wav pitch_keycenter=1e99 tune=1e30")
    with pytest.raises(TrainingError, match="not readable"):
        play(own, Note(0, 1, 60, 100))


def test_no_text_brings_the_sampler_down(folder: Path) -> None:
    rng = np.random.default_rng(7)
    names = ["lokey", "hikey", "key", "pitch_keycenter", "lovel", "offset", "end", "loop_start",
             "loop_end", "tune", "volume", "pan", "ampeg_attack", "ampeg_release", "ampeg_sustain",
             "amp_veltrack", "cutoff", "fil_veltrack", "seq_length", "lorand", "delay", "off_by",
             "loop_mode", "trigger", "xfin_lovel", "amplitude_oncc7", "sw_last"]  # fmt: skip
    values = ["-1", "0", "1e8", "-1e8", "1e999", "nan", "c9", "h2", "", "127", "0.5", "one_shot",
              "loop_continuous", "release", "=", "$X"]  # fmt: skip
    for _ in range(150):
        opcodes = [f"{rng.choice(names)}={rng.choice(values)}" for _ in range(6)]
        text = "<region> sample=Samples/loud.wav " + " ".join(opcodes)
        try:
            own = regions(folder, text)
        except TrainingError:
            continue
        audio = play(own, Note(0.0, 0.1, 60, 127), Note(0.1, 0.1, 1, 1), seconds=0.3)
        assert np.isfinite(audio).all() and np.abs(audio).max() < 1e3, text


def test_notes_are_folded_into_an_instruments_range() -> None:
    notes = [Note(0, 1, pitch, 90) for pitch in (20, 50, 100)]
    assert [n.pitch for n in sampler.fold(notes, 40, 60)] == [44, 50, 52]
    assert sampler.fold(notes[:1], 45, 50) == []
