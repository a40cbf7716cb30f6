"""Opens the bundled plugin's editor in DawDreamer while it renders.

Says `open` before the window comes, and runs until it is ended.
"""

from __future__ import annotations

import threading

import dawdreamer
import numpy as np
from checks import SAMPLE_RATE_HZ, load_mix, vst3_path
from test_dawdreamer import BUFFER_FRAMES, index_of, set_by_text

REPEATS = 100


def main() -> None:
    """Never returns: nobody closes the window."""
    mix = np.tile(load_mix(), REPEATS)
    engine = dawdreamer.RenderEngine(SAMPLE_RATE_HZ, BUFFER_FRAMES)
    player = engine.make_playback_processor("mix", mix)
    plugin = engine.make_plugin_processor("soloist", vst3_path())
    # DawDreamer renders as fast as it can, and does not say so.
    plugin.set_parameter(index_of(plugin, "When Late"), 1.0)
    set_by_text(plugin, "Instrument", "Vocals")
    engine.load_graph([(player, []), (plugin, ["mix"])])
    play = lambda: engine.render(mix.shape[1] / SAMPLE_RATE_HZ)  # noqa: E731
    threading.Thread(target=play, daemon=True).start()
    print("open", flush=True)
    plugin.open_editor()


if __name__ == "__main__":
    main()
