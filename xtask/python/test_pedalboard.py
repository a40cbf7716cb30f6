"""Pedalboard loads the bundled VST3; it compensates latency, so the lag that is left is 0."""

from __future__ import annotations

import numpy as np
import pedalboard
from checks import SAMPLE_RATE_HZ, lag_frames, load_mix, peak_dbfs, run, vst3_path

# The rounding of a 32-bit float at full scale lies near -144 dBFS.
NULL_DBFS = -110.0


def load(product: str = "Soloist", **parameters: object) -> pedalboard.VST3Plugin:
    """A fresh instance. A misspelt name would be ignored silently, so it is refused here."""
    plugin = pedalboard.load_plugin(vst3_path(), plugin_name=product)
    for name, value in parameters.items():
        set_parameter(plugin, name, value)
    return plugin


def set_parameter(plugin: pedalboard.VST3Plugin, name: str, value: object) -> None:
    """Sets a parameter whose name, less its unit, is this."""
    matching = [known for known in plugin.parameters if known.split("_(")[0] == name]
    matching = matching or [known for known in plugin.parameters if known.startswith(name)]
    assert matching, f"no parameter {name} among {list(plugin.parameters)}"
    setattr(plugin, matching[0], value)


def bounce(buffer_frames: int = 8192, product: str = "Soloist", **parameters: object) -> np.ndarray:
    """The mix through a fresh instance."""
    plugin = load(product, **parameters)
    return plugin(load_mix(), SAMPLE_RATE_HZ, buffer_size=buffer_frames)


def names_are_the_plugins_own() -> None:
    """The parameters are found under their names"""
    names = list(load().parameters)
    for name in ("instrument", "mode", "mix", "output_gain", "bypass"):
        assert any(known.startswith(name) for known in names), f"{name} is not among {names}"


def no_lag_at_any_mix() -> None:
    """No lag is left at mix 0, 50 and 100 %"""
    mix = load_mix()
    for amount in (0.0, 50.0, 100.0):
        output = bounce(instrument="Drums", mix=amount)
        assert output.shape == mix.shape, f"shape {output.shape}, expected {mix.shape}"
        lag = lag_frames(mix, output)
        assert lag == 0, f"lag of {lag} frames at mix {amount} %"


def bypass_is_the_input() -> None:
    """In bypass and at mix 0 % the compensated output is the input"""
    mix = load_mix()
    for parameters in ({"bypass": True}, {"mix": 0.0}):
        residual = peak_dbfs(bounce(**parameters) - mix)
        assert residual <= NULL_DBFS, f"{parameters}: residual {residual:.1f} dBFS"


def something_is_separated() -> None:
    """Isolated and removed drums differ from the mix and sum to it"""
    mix = load_mix()
    isolated = bounce(instrument="Drums", mode="Isolate")
    removed = bounce(instrument="Drums", mode="Remove")
    assert peak_dbfs(isolated - mix) > -40.0, "the isolated drums are the mix"
    residual = peak_dbfs(isolated + removed - mix)
    assert residual <= NULL_DBFS, f"the two sum to the mix but for {residual:.1f} dBFS"


def blocks_do_not_matter() -> None:
    """The bounce is bit-identical for any buffer size"""
    reference = bounce(instrument="Drums")
    for buffer_frames in (64, 512, 4096):
        other = bounce(buffer_frames, instrument="Drums")
        assert np.array_equal(reference, other), f"buffers of {buffer_frames} frames differ"


def the_bundle_holds_both_plugins() -> None:
    """Soloist Multi, whose stem outputs this host leaves inactive, gives what Soloist gives"""
    names = pedalboard.VST3Plugin.get_plugin_names_for_file(vst3_path())
    assert names == ["Soloist", "Soloist Multi"], f"the bundle lists {names}"
    main = bounce(product="Soloist Multi", instrument="Drums")
    assert np.array_equal(main, bounce(instrument="Drums")), "the main bus is another"


def automation_is_heard_from_its_block_on() -> None:
    """A change between two blocks is heard from there on, before and after it nothing else"""
    mix = load_mix()
    plugin = load(instrument="Drums")
    change = mix.shape[1] // 2
    parts = [plugin(mix[:, :change], SAMPLE_RATE_HZ, buffer_size=512, reset=False)]
    set_parameter(plugin, "instrument", "Bass")
    parts.append(plugin(mix[:, change:], SAMPLE_RATE_HZ, buffer_size=512, reset=False))
    output = np.concatenate(parts, axis=1)
    # Played on and not reset, this host takes off the front what is missing at the end, which is
    # less than the latency by what it held back for whole buffers.
    latency = plugin.reported_latency_samples
    output = output[:, latency - (mix.shape[1] - output.shape[1]) :]
    num_frames = output.shape[1]
    assert num_frames > mix.shape[1] - latency - 8192, f"{num_frames} frames"
    drums, bass = bounce(instrument="Drums"), bounce(instrument="Bass")
    heard = change - latency
    over = heard + int(0.02 * SAMPLE_RATE_HZ)
    assert np.array_equal(output[:, :heard], drums[:, :heard]), "drums until the change"
    assert np.array_equal(output[:, over:], bass[:, over:num_frames]), "bass from 20 ms after it"


def a_saved_state_gives_the_same_bytes() -> None:
    """A fresh instance with the saved state has its parameters and bounces the same bytes"""
    saved = load(instrument="Guitar", mode="Remove", mix=80.0, focus=40.0, output_gain=-3.0)
    # Values and states that a host sets while it processes reach a plugin in its next block.
    first = saved(load_mix(), SAMPLE_RATE_HZ)
    state, expected = saved.raw_state, values(saved)
    restored = load()
    assert values(restored) != expected, "the saved values are the defaults"
    restored.raw_state = state
    again = restored(load_mix(), SAMPLE_RATE_HZ)
    assert values(restored) == expected, f"{values(restored)}, expected {expected}"
    assert np.array_equal(again, first), "the bounce is another"
    assert restored.raw_state == state, "the state is another"


def values(plugin: pedalboard.VST3Plugin) -> dict[str, float]:
    """What the plugin can be set to; the rest are meters."""
    return {
        name: parameter.raw_value
        for name, parameter in plugin.parameters.items()
        if name not in ("load", "late_blocks")
    }


if __name__ == "__main__":
    run(
        [
            names_are_the_plugins_own,
            the_bundle_holds_both_plugins,
            no_lag_at_any_mix,
            bypass_is_the_input,
            something_is_separated,
            blocks_do_not_matter,
            automation_is_heard_from_its_block_on,
            a_saved_state_gives_the_same_bytes,
        ]
    )
