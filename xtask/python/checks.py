"""What both Python hosts share: the mix, lags, and a runner that counts."""

from __future__ import annotations

import os
import sys
import traceback
import wave
from collections.abc import Callable

import numpy as np

SAMPLE_RATE_HZ = 44_100


def vst3_path() -> str:
    """The bundled VST3 under test."""
    return os.environ["SOLOIST_VST3"]


def load_mix() -> np.ndarray:
    """The excerpt of the demo mix, float32 of shape (channels, frames), full scale 1.0."""
    with wave.open(os.environ["SOLOIST_MIX"]) as file:
        assert file.getsampwidth() == 2, "the excerpt is stored as 16-bit integers"
        assert file.getframerate() == SAMPLE_RATE_HZ
        channels = file.getnchannels()
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    return (samples.reshape(-1, channels).T / 32768.0).astype(np.float32)


def lag_frames(reference: np.ndarray, late: np.ndarray) -> int:
    """By how many frames `late` lags: the peak of the cross-correlation of the channel sums."""
    a, b = reference.sum(axis=0).astype(np.float64), late.sum(axis=0).astype(np.float64)
    assert np.any(a) and np.any(b), "one of the recordings is silent"
    size = 1 << (len(a) + len(b) - 1).bit_length()
    product = np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size))
    peak = int(np.argmax(np.abs(np.fft.irfft(product, size))))
    return peak if peak < size // 2 else peak - size


def peak_dbfs(signal: np.ndarray) -> float:
    """The largest sample, in dBFS."""
    return float(20.0 * np.log10(np.max(np.abs(signal)) + 1e-30))


def run(tests: list[Callable[[], None]]) -> None:
    """Runs every test, prints its first docstring line, and ends the program."""
    failed = 0
    for test in tests:
        title = (test.__doc__ or test.__name__).strip().splitlines()[0]
        try:
            test()
            print(f"ok      {title}", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED  {title}", flush=True)
            traceback.print_exc(file=sys.stdout)
    print(f"{len(tests) - failed} passed, {failed} failed", flush=True)
    sys.stdout.flush()
    sys.stderr.flush()
    # Some hosts' libraries crash while Python takes itself apart: that is not our plugin's doing.
    os._exit(1 if failed else 0)
