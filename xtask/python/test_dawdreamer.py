"""DawDreamer loads the bundled VST3; it does not compensate: the lag is the reported latency."""

from __future__ import annotations

import dawdreamer
import numpy as np
from checks import SAMPLE_RATE_HZ, lag_frames, load_mix, peak_dbfs, run, vst3_path

BUFFER_FRAMES = 512


def bounce(**parameters: str) -> tuple[np.ndarray, int]:
    """The mix through a fresh instance, uncompensated, and the latency that it reports."""
    mix = load_mix()
    engine = dawdreamer.RenderEngine(SAMPLE_RATE_HZ, BUFFER_FRAMES)
    player = engine.make_playback_processor("mix", mix)
    plugin = engine.make_plugin_processor("soloist", vst3_path())
    for name, value in parameters.items():
        set_by_text(plugin, name.replace("_", " "), value)
    engine.load_graph([(player, []), (plugin, ["mix"])])
    engine.render(mix.shape[1] / SAMPLE_RATE_HZ)
    return engine.get_audio()[:, : mix.shape[1]], plugin.get_latency_samples()


def set_by_text(plugin: object, name: str, text: str) -> None:
    """Sets a parameter to the value whose text is nearest: steps are tried in thousandths."""
    for parameter in plugin.get_parameters_description():
        if parameter["name"].lower() != name.lower():
            continue
        index = parameter["index"]
        for step in range(1001):
            plugin.set_parameter(index, step / 1000.0)
            shown = plugin.get_parameter_text(index)
            if shown.split(" ")[0] in (text, f"{text}.0"):
                return
        raise AssertionError(f"{name} never reads {text}; last {shown}")
    raise AssertionError(f"no parameter {name}")


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


if __name__ == "__main__":
    run([lag_is_latency_at_any_mix, lag_is_latency_in_bypass])
