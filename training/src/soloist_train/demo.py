"""The demo song of the repository: a mix and its six true stems, small enough to be checked in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import butter, sosfiltfilt

from .bands import SAMPLE_RATE, SOURCES
from .render import render_song
from .synth import Audio

SEED = 14
"""Not among the seeds that training songs are rendered from (1000 and up)."""
SECONDS = 20.0
FADE_S = 1.5
PEAK = 0.85
"""Peak of the mix before it is coded: room below -1 dBFS for what Vorbis adds."""
LEVELS_DB = {"vocals": -16, "drums": -14, "bass": -17, "guitar": -19, "piano": -20, "other": -21}
TOP_HZ = {"vocals": 9e3, "drums": 12e3, "bass": 2e3, "guitar": 6e3, "piano": 6e3, "other": 6e3}
"""Low-pass of each stem: what is above says little here and would cost a fifth of the size."""
STEM_COMPRESSION = 1.0
MIX_COMPRESSION = 0.6
"""1 - Vorbis quality: stems small, the mix better."""

ABOUT = """# Demo song

`mix.ogg` is a song of {seconds:.0f} seconds that `soloist-train demo` rendered: {genre} at
{tempo:.0f} beats a minute, with a sung line, drums, bass, guitar, piano and more. The other files
are its true stems, `vocals`, `drums`, `bass`, `guitar`, `piano` and `other`: the mix is their sum
(up to the coding of the mix). The seed is {seed}, and no training song has it.

| stem | played by |
|---|---|
{players}

The song is composed by a program and is in the public domain: CC0 1.0. Its sounds come from the
FluidR3 GM soundfont (MIT), and from eSpeak NG sung through WORLD.

    soloist-train demo -o examples/demo
"""


def arrange(stems: dict[str, Audio]) -> dict[str, Audio]:
    """Low-pass all stems, fade them in (5 ms) and out, and bring the peak of their sum to PEAK."""
    samples = next(iter(stems.values())).shape[1]
    t = np.arange(samples) / SAMPLE_RATE
    fade = np.minimum(np.minimum(t / 0.005, (SECONDS - t) / FADE_S), 1.0).astype(np.float32)
    filters = {s: butter(8, hz, fs=SAMPLE_RATE, output="sos") for s, hz in TOP_HZ.items()}
    stems = {
        source: (sosfiltfilt(filters[source], audio) * fade).astype(np.float32)
        for source, audio in stems.items()
    }
    peak = float(np.abs(np.sum(list(stems.values()), axis=0)).max())
    return {source: audio * np.float32(PEAK / peak) for source, audio in stems.items()}


def _write(path: Path, audio: Audio, compression: float) -> Audio:
    """Write Vorbis and give what a reader will get."""
    # libsndfile's encoder overflows its stack on one long write: hand it a second at a time.
    with soundfile.SoundFile(
        path, "w", SAMPLE_RATE, 2, format="OGG", subtype="VORBIS", compression_level=compression
    ) as file:
        for start in range(0, audio.shape[1], SAMPLE_RATE):
            file.write(audio[:, start : start + SAMPLE_RATE].T)
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def render_demo(out: Path) -> None:
    """Write mix.ogg, six stems and README.md into a folder."""
    stems, record = render_song(SEED, SECONDS, "pop", LEVELS_DB, everyone=True, fonts=("fluid",))
    stems = arrange(stems)
    out.mkdir(parents=True, exist_ok=True)
    stored = [_write(out / f"{s}.ogg", stems[s], STEM_COMPRESSION) for s in SOURCES]
    _write(out / "mix.ogg", np.sum(stored, axis=0), MIX_COMPRESSION)
    players = "\n".join(f"| {source} | {record['used'][source]} |" for source in SOURCES)
    (out / "README.md").write_text(
        ABOUT.format(
            seconds=SECONDS,
            genre=record["genre"],
            tempo=record["tempo_bpm"],
            seed=SEED,
            players=players,
        )
    )
