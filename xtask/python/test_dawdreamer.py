"""DawDreamer loads the bundled VST3; it does not compensate: the lag is the reported latency."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import dawdreamer
import numpy as np
from checks import SAMPLE_RATE_HZ, lag_frames, load_mix, peak_dbfs, run, vst3_path

BUFFER_FRAMES = 512


def bounce(
    prepare: Callable[[dawdreamer.PluginProcessor], object] = lambda plugin: None,
    finish: Callable[[dawdreamer.PluginProcessor], object] = lambda plugin: None,
    **parameters: str,
) -> tuple[np.ndarray, int]:
    """The mix through a fresh instance, uncompensated, and the latency that it reports.

    `prepare` is given the instance when the parameters are set, `finish` after the bounce.
    """
    mix = load_mix()
    engine = dawdreamer.RenderEngine(SAMPLE_RATE_HZ, BUFFER_FRAMES)
    player = engine.make_playback_processor("mix", mix)
    plugin = engine.make_plugin_processor("soloist", vst3_path())
    for name, value in parameters.items():
        set_by_text(plugin, name.replace("_", " "), value)
    prepare(plugin)
    engine.load_graph([(player, []), (plugin, ["mix"])])
    engine.render(mix.shape[1] / SAMPLE_RATE_HZ)
    finish(plugin)
    return engine.get_audio()[:, : mix.shape[1]], plugin.get_latency_samples()


def index_of(plugin: dawdreamer.PluginProcessor, name: str) -> int:
    """The place of a parameter."""
    for parameter in plugin.get_parameters_description():
        if parameter["name"].lower() == name.lower():
            return int(parameter["index"])
    raise AssertionError(f"no parameter {name}")


def set_by_text(plugin: dawdreamer.PluginProcessor, name: str, text: str) -> None:
    """Sets a parameter to the value whose text is nearest: steps are tried in thousandths."""
    index = index_of(plugin, name)
    for step in range(1001):
        plugin.set_parameter(index, step / 1000.0)
        shown = plugin.get_parameter_text(index)
        if shown.split(" ")[0] in (text, f"{text}.0"):
            return
    raise AssertionError(f"{name} never reads {text}; last {shown}")


def lag_is_latency_at_any_mix() -> None:
    """The lag is the reported latency at mix 0, 50 and 100 %"""
    mix = load_mix()
    for amount in ("0", "50", "100"):
        output, latency = bounce(instrument="Drums", mix=amount)
        lag = lag_frames(mix, output)
        assert latency > 0, "no latency is reported"
        assert lag == latency, f"lag {lag}, reported {latency} frames, at mix {amount} %"


def lag_is_latency_in_bypass() -> None:
    """The lag is the reported latency in bypass, and the output the input"""
    mix = load_mix()
    output, latency = bounce(bypass="On")
    lag = lag_frames(mix, output)
    assert lag == latency, f"lag {lag}, reported {latency} frames"
    frames = min(output.shape[1], mix.shape[1]) - latency
    residual = peak_dbfs(output[:, latency : latency + frames] - mix[:, :frames])
    assert residual <= -110.0, f"residual {residual:.1f} dBFS"


def automation_is_heard_from_its_block_on() -> None:
    """Automation is heard from its block on, before and after it nothing else"""
    mix = load_mix()
    drums, _ = bounce(instrument="Drums")
    bass, _ = bounce(instrument="Bass")

    def automate(plugin: object) -> None:
        set_by_text(plugin, "instrument", "Bass")
        index = index_of(plugin, "instrument")
        after = plugin.get_parameter(index)
        set_by_text(plugin, "instrument", "Drums")
        curve = np.full(mix.shape[1], plugin.get_parameter(index), np.float32)
        curve[mix.shape[1] // 2 :] = after
        assert plugin.set_automation(index, curve), "the automation was refused"

    output, _ = bounce(prepare=automate)
    change = mix.shape[1] // 2
    block = change - change % BUFFER_FRAMES
    over = block + BUFFER_FRAMES + int(0.02 * SAMPLE_RATE_HZ)
    assert np.array_equal(output[:, :block], drums[:, :block]), "drums until the change"
    assert np.array_equal(output[:, over:], bass[:, over:]), "bass from 20 ms after it on"


def a_saved_state_gives_the_same_bytes() -> None:
    """A fresh instance with the saved state bounces the same bytes"""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "state")
        # What a host sets reaches a plugin in its next block: the state is saved after one.
        first, _ = bounce(
            finish=lambda plugin: plugin.save_state(path), instrument="Guitar", mix="80"
        )
        again, _ = bounce(prepare=lambda plugin: plugin.load_state(path))
    assert np.array_equal(first, again), "the bounce is another"
    plain, _ = bounce()
    assert not np.array_equal(first, plain), "the saved values are the defaults"


if __name__ == "__main__":
    run([
        lag_is_latency_at_any_mix,
        lag_is_latency_in_bypass,
        automation_is_heard_from_its_block_on,
        a_saved_state_gives_the_same_bytes,
    ])  # fmt: skip
