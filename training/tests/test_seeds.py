import json
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch

from soloist_train.bands import SAMPLE_RATE
from soloist_train.card import Score
from soloist_train.errors import TrainingError
from soloist_train.export import session
from soloist_train.seeds import mel, mel_unet, scoring, system, wave_unet
from soloist_train.seeds.examples import mel_statistics
from soloist_train.seeds.export import export_system
from soloist_train.seeds.fitting import SeedFit, load_network
from soloist_train.seeds.mixing import MixConfig, VocalMixer
from soloist_train.seeds.waveforms import Song, read_waveforms

MEL = {
    "system": {"kind": "mel-unet"},
    "model": {"base": 4, "levels": 2, "widest": 8},
    "fit": {"iterations": 4, "batch": 2, "length": 32, "l1": 0.1, "distance": 1.0, "log": 0.1,
            "save_every": 2, "report_every": 4},
    "card": {"name": "tiny", "version": "0.0.1", "description": "d", "license": "CC0-1.0",
             "authors": ["The Soloist authors"]},
}  # fmt: skip
WAVE = {
    **MEL,
    "system": {"kind": "wave-unet"},
    "model": {"chunk": 256},
    "fit": {"iterations": 4, "batch": 2, "length": 2048, "optimizer": "adam", "save_every": 2,
            "report_every": 4},
}  # fmt: skip


def song(seed: int, rate: int, kind: str = "musdb") -> Song:
    """Two seconds: a voice that glides, clicks, a low tone and a chord; left louder than right."""
    rng = np.random.default_rng(seed)
    t = np.arange(2 * rate) / rate
    hz = 200 + 50 * rng.random()
    waves = {
        "vocals": np.sin(2 * np.pi * hz * t + 3 * np.sin(2 * np.pi * 5 * t)),
        "drums": rng.normal(size=len(t)) * np.exp(-(t % 0.25) / 0.02),
        "bass": np.sin(2 * np.pi * 55 * t),
        "other": np.sin(2 * np.pi * 440 * t) + np.sin(2 * np.pi * 554 * t),
    }
    sides = np.array([0.8, 0.4])
    stems = {k: np.rint(2500 * w[:, None] * sides).astype(np.int16) for k, w in waves.items()}
    return Song(f"song {seed}", kind, True, stems)


def tone(hz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    t = np.arange(int(rate * seconds)) / rate
    return np.sin(2 * np.pi * hz * t).astype(np.float32)


# --- analysis ---------------------------------------------------------------------------------


def test_slaney_scale_at_its_defining_points() -> None:
    assert mel.hz_to_mel(np.array([200.0, 1000.0, 6400.0])) == pytest.approx([3.0, 15.0, 42.0])
    hz = np.array([0.0, 999.0, 1001.0, 11025.0])
    assert mel.mel_to_hz(mel.hz_to_mel(hz)) == pytest.approx(hz)


def test_window_of_the_seed_has_640_frames() -> None:
    assert mel.Analysis().frames(mel.WINDOW_SAMPLES) == mel.WINDOW_FRAMES


def test_full_scale_tone_at_a_band_centre_has_its_level() -> None:
    analysis = mel.Analysis()
    bin_hz = mel.SAMPLE_RATE / mel.FFT_SIZE
    k = round(float(mel.band_hz()[301]) / bin_hz)
    level = mel.features(analysis.stft(tone(k * bin_hz, mel.SAMPLE_RATE)[None]), analysis)[0]
    level_db = level[:, 20] * mel.STD_DB + mel.MEAN_DB
    weights = mel.filters(analysis).toarray()[300, k - 1 : k + 2]
    # A sine's Hann line: amplitude 1/2 at its bin and 1/4 at the two beside it.
    expected = 10 * np.log10(weights @ np.array([1 / 16, 1 / 4, 1 / 16]))
    assert int(level[:, 20].argmax()) in (299, 300, 301)
    assert level_db[300] == pytest.approx(expected, abs=0.05)


def test_features_do_not_depend_on_the_rate() -> None:
    spectra = []
    for rate in (22050, 44100):
        analysis = mel.Analysis(rate)
        audio = sum(tone(hz, rate) for hz in (110, 523, 2100, 7900)) * np.float32(0.2)
        audio = np.stack([audio, audio * np.float32(0.5)])
        spectra.append(mel.features(analysis.stft(audio), analysis)[0][:, 5:35])
    loud = spectra[0] > spectra[0].max() - 2.0
    assert np.abs(spectra[0] - spectra[1])[loud].max() < 0.02


def test_istft_inverts_stft_at_any_rate() -> None:
    audio = np.random.default_rng(0).normal(size=(2, 30_001)).astype(np.float32)
    for rate in (22050, 44100, 48000):
        analysis = mel.Analysis(rate)
        assert np.abs(analysis.istft(analysis.stft(audio), 30_001) - audio).max() < 1e-5


def test_band_mask_is_the_amplitude_ratio_at_most_one_and_zero_at_the_floor() -> None:
    mix = np.zeros((mel.NUM_BANDS, 3), np.float32)
    estimate = mix.copy()
    estimate[:, 0] = -6.0206 / mel.STD_DB
    estimate[:, 1] = 0.3
    estimate[:, 2] = mel.SILENCE_FEATURE
    mask = mel.band_mask(mix, estimate)
    assert mask[0] == pytest.approx([0.5, 1.0, 0.0], abs=1e-4)


def test_expanded_mask_meets_band_centres_and_carries_on_above() -> None:
    analysis = mel.Analysis(44100)
    ramp = np.linspace(0, 1, mel.NUM_BANDS, dtype=np.float32)[:, None]
    full = mel.expand_mask(ramp, analysis)[:, 0]
    at = np.interp(analysis.bin_hz(), mel.band_hz()[1:-1], ramp[:, 0])
    assert np.abs(full - at).max() < 1e-5
    assert full[-1] == 1.0


def test_linear_power_gives_the_mel_power_back() -> None:
    analysis = mel.Analysis()
    spectrum = analysis.stft(np.random.default_rng(1).normal(size=(1, 9000)).astype(np.float32))[0]
    power = analysis.power(spectrum)
    found = mel.linear_power(power, analysis)
    again = mel.filters(analysis) @ found
    assert found.min() >= 0
    assert np.median(np.abs(10 * np.log10(again / power))) < 0.5


def test_griffin_lim_keeps_the_levels_of_a_chord() -> None:
    audio = sum(tone(hz, mel.SAMPLE_RATE, 0.6) for hz in (220, 660, 1500)) * np.float32(0.1)
    analysis = mel.Analysis()
    x = mel.features(analysis.stft(audio[None]), analysis)[0]
    back = mel.invert(x, len(audio), iterations=24)
    y = mel.features(analysis.stft(back[None]), analysis)[0]
    heard = x > x.max() - 20 / mel.STD_DB
    assert np.abs(x - y)[heard].mean() * mel.STD_DB < 2.0


# --- networks ---------------------------------------------------------------------------------


def test_mel_loss_counts_the_error_of_the_masked_mix() -> None:
    rng = np.random.default_rng(0)
    mix, vocals = rng.normal(size=(2, 20_000)).astype(np.float32)
    x, s, statistics = (torch.from_numpy(v)[None] for v in mel_statistics(mix + vocals, vocals))
    ideal = (statistics[:, 1] / statistics[:, 0]).clamp(1e-4, 1)
    best = x + torch.log10(ideal) * 20 / mel.STD_DB
    only = {"l1": 0.0, "distance": 0.0, "log": 1.0}
    at_best = mel_unet.mel_loss(best, x, s, statistics, only)
    for other in (x, x - 0.2, best + 0.1, best - 0.1):
        assert mel_unet.mel_loss(other, x, s, statistics, only) > at_best
    # Without a mask the error is what is not vocals: |X|^2 - 2 Re(S conj X) + |S|^2.
    whole = statistics[:, 0] - 2 * statistics[:, 1] + statistics[:, 2]
    scale = statistics[:, 2].sum() * 0.05 + statistics[:, 0].sum() * 0.002 + 1e-7
    expected = float(torch.log(whole.sum() + scale))
    assert float(mel_unet.mel_loss(x, x, s, statistics, only)) == pytest.approx(expected, 1e-4)


def test_mel_estimate_is_never_above_the_mix_nor_below_the_floor() -> None:
    net = mel_unet.MelUNet(mel_unet.MelUNetConfig(base=4, levels=2)).eval()
    x = torch.randn(1, 1, mel.NUM_BANDS, 32)
    out = net(x)
    assert out.shape == x.shape
    assert (out <= x.clamp_min(mel.SILENCE_FEATURE)).all() and (out >= mel.SILENCE_FEATURE).all()


@pytest.mark.parametrize("stride", [2, 4])
def test_receptive_field_is_what_the_deepest_unit_sees(stride: int) -> None:
    config = wave_unet.WaveUNetConfig(chunk=4 * 4096, stride=stride)
    net = wave_unet.WaveUNet(config).eval()
    x = torch.randn(1, 1, 1, config.chunk, requires_grad=True)
    y = x
    for down in net.down:
        y = down(y)
    y[0, :, 0, y.shape[3] // 2].sum().backward()
    seen = torch.nonzero(x.grad[0, 0, 0]).flatten()
    assert int(seen[-1] - seen[0]) + 1 == config.receptive_field


def test_single_samples_by_matrix_product_equal_the_convolution() -> None:
    net = wave_unet.WaveUNet(wave_unet.WaveUNetConfig(chunk=64)).eval()
    x = torch.randn(5, 1, 64)
    with torch.inference_mode():
        quick = net(x)
        with patch("torch.compiler.is_exporting", return_value=True):
            plain = net(x)
    assert (quick - plain).abs().max() < 1e-5


def test_chunks_of_a_batch_do_not_see_each_other() -> None:
    net = wave_unet.WaveUNet(wave_unet.WaveUNetConfig(chunk=256)).eval()
    x = torch.randn(4, 1, 256)
    with torch.inference_mode():
        assert (net(x)[1:2] - net(x[1:2])).abs().max() < 1e-5


def test_chunk_that_six_strides_do_not_divide_is_refused() -> None:
    with pytest.raises(TrainingError, match="multiple of 64"):
        wave_unet.WaveUNetConfig(chunk=100)


def test_soft_mask_is_the_clamped_real_part() -> None:
    X = np.array([2 + 0j, 1j, 1 + 1j, 0])
    S = np.array([1 + 5j, -1j, 4 + 4j, 3])
    assert wave_unet.soft_mask(X, S).tolist() == [0.5, 0.0, 1.0, 0.0]


def test_true_vocals_as_estimate_give_them_back_nearly() -> None:
    truth = {k: (v.T / 16000).astype(np.float32) for k, v in song(1, SAMPLE_RATE).stems.items()}
    mix = np.sum(list(truth.values()), axis=0)
    for oracle in (scoring.mel_oracle, scoring.wave_oracle):
        assert scoring.plain_sdr(truth["vocals"], oracle(mix, truth["vocals"])) > 8


# --- mixing and fitting -----------------------------------------------------------------------


def test_examples_are_the_same_for_the_same_seed_and_differ_for_others() -> None:
    songs = [song(1, 22050), song(2, 22050), song(3, 22050, "rendered")]
    mixer = VocalMixer(songs, MixConfig(), 8000)
    a, b, c = (mixer.example(np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1])
    assert not np.array_equal(a[0], c[0])
    assert a[0].shape == a[1].shape == (8000,)


def test_song_as_it_is_has_its_vocals_in_the_mix() -> None:
    plain = MixConfig(remix=0.0, gain_db=0.0, speed=0.0, tilt=0.0, drop=0.0, silent_start=0.0)
    mix, vocals = VocalMixer([song(1, 22050)], plain, 8000).example(np.random.default_rng(0))
    fit = float(vocals @ mix / (vocals @ vocals))
    assert fit == pytest.approx(1.0, abs=0.1)


def test_unknown_kinds_and_channels_are_refused() -> None:
    with pytest.raises(TrainingError, match="expected one of studio, mel-unet, wave-unet"):
        system.kind_of({"system": {"kind": "magic"}})
    with pytest.raises(TrainingError, match="expected one of left, random, middle"):
        MixConfig.from_dict({"channel": "up"})


@pytest.mark.parametrize(("config", "rate"), [(MEL, 22050), (WAVE, 44100)])
def test_resumed_fit_equals_one_that_was_not_interrupted(
    config: dict, rate: int, tmp_path: Path
) -> None:
    songs = [song(1, rate), song(2, rate)]
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = SeedFit(config, songs, tmp_path / "whole")
    whole.run()
    SeedFit(config, songs, tmp_path / "parts").run(stop=2)
    again = SeedFit(config, songs, tmp_path / "parts")
    again.resume()
    again.run()
    for a, b in zip(whole.net.parameters(), again.net.parameters(), strict=True):
        assert torch.equal(a, b)


def test_published_set_up_learns_the_left_channel_and_validates_on_the_right(
    tmp_path: Path,
) -> None:
    config = {
        **WAVE,
        "model": {"chunk": 64},
        "fit": {"epochs": 2, "songs": ["song 1", "song 2"], "batch": 512, "report_every": 1,
                "optimizer": "adam", "rate": 1e-3, "constant_rate": True, "ema": 0.0},
    }  # fmt: skip
    run = SeedFit(config, [song(1, 44100), song(2, 44100), song(3, 44100)], tmp_path)
    chunks = 2 * (2 * 44100 // 64)
    assert run.examples.mixes.shape == (chunks, 1, 64)
    assert run.examples.iterations == 2 * (chunks // 512)
    right, left = np.abs(run.examples.validation[0]).max(), np.abs(run.examples.mixes).max()
    assert right == pytest.approx(left / 2, rel=0.01)
    seen = np.concatenate([run.examples.batch(i)["input"].numpy() for i in range(chunks // 512)])
    assert len(np.unique(seen[:, 0], axis=0)) > 0.9 * len(seen)
    run.run()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(lines) == run.examples.iterations
    assert all(line["validation_error"] > 0 for line in lines)


@pytest.mark.parametrize(("config", "rate"), [(MEL, 22050), (WAVE, 44100)])
def test_export_agrees_with_torch_and_says_so_in_its_card(
    config: dict, rate: int, tmp_path: Path
) -> None:
    import tomllib

    SeedFit(config, [song(1, rate)], tmp_path).run(stop=2)
    config, net = load_network(tmp_path / "last.pt")
    scores = [Score("data", "SDR", "vocals", 1.234)]
    worst = export_system(config, net, tmp_path / "model", tmp_path / "fixtures", scores)
    assert worst <= 1e-4
    card = tomllib.loads((tmp_path / "model" / "card.toml").read_text())
    assert card["audio"] == {"sample_rate": rate, "channels": 1, "sources": ["vocals"]}
    assert card["output"]["remainder"] == "other"
    assert card["scores"][0]["value_db"] == 1.23
    run = session(tmp_path / "model" / "model.onnx")
    assert run.get_inputs()[0].name == card["input"]["name"]
    assert run.get_outputs()[0].name == card["output"]["name"]
    files = list((tmp_path / "fixtures").iterdir())
    assert sum(f.stat().st_size for f in files) < 1_500_000
    audio = np.stack([tone(300, 44100), tone(500, 44100)])
    card_config, card_run = scoring.load(tmp_path / "model")
    assert system.kind_of(card_config) == system.kind_of(config)
    vocals = system.separate_vocals(card_config, card_run, audio)
    by_torch = system.separate_vocals(config, system.run_torch(net), audio)
    assert vocals.shape == audio.shape
    # 16-bit weights move the masks a little.
    assert np.abs(vocals - by_torch).max() < 0.01


def test_other_checkpoints_and_stores_are_refused(tmp_path: Path) -> None:
    torch.save({"config": {}}, tmp_path / "other.pt")
    with pytest.raises(TrainingError, match="not a checkpoint of a seed system"):
        load_network(tmp_path / "other.pt")
    with pytest.raises(TrainingError, match="run `soloist-train waveforms` first"):
        read_waveforms(tmp_path, 22050)


# --- scores -----------------------------------------------------------------------------------


def test_score_of_vocals_is_musevals() -> None:
    pytest.importorskip("museval")
    from soloist_train.evaluate import score_track

    truth = {k: (v.T / 16000).astype(np.float32) for k, v in song(5, SAMPLE_RATE).stems.items()}
    truth["drums"][:, SAMPLE_RATE:] = 0.0  # museval leaves out that second
    noise = np.random.default_rng(0).normal(size=truth["vocals"].shape).astype(np.float32)
    estimate = truth["vocals"] + 0.01 * noise
    estimates = {k: estimate if k == "vocals" else v + 0.01 * noise for k, v in truth.items()}
    expected = score_track(truth, estimates)["vocals"]
    assert scoring.museval_sdr(truth, estimate) == pytest.approx(expected, abs=1e-6)
