"""Random effect chains for each source, from amplifiers to rooms."""

from __future__ import annotations

from typing import Any

import numpy as np

from .bands import SAMPLE_RATE
from .errors import TrainingError
from .synth import Audio


def _board() -> Any:
    try:
        import pedalboard
    except ImportError as error:
        raise TrainingError("rendering needs the `render` extra of soloist-train") from error
    return pedalboard


def apply(audio: Audio, chain: list[Any]) -> Audio:
    """Run stereo audio [2, samples] through a chain, without a change of length or delay."""
    if not chain:
        return audio
    return _board().Pedalboard(chain)(audio, SAMPLE_RATE).astype(np.float32)


def tone(rng: np.random.Generator, low_cut_hz: float = 0.0) -> list[Any]:
    """Random equaliser: shelves and one peak, and a high-pass where a source has no bass."""
    pb = _board()
    chain = [
        pb.LowShelfFilter(float(rng.uniform(80, 300)), float(rng.normal(0, 3))),
        pb.HighShelfFilter(float(rng.uniform(2500, 9000)), float(rng.normal(0, 3.5))),
        pb.PeakFilter(float(np.exp(rng.uniform(5.5, 8.5))), float(rng.normal(0, 3)), 0.8),
    ]
    if low_cut_hz:
        chain.append(pb.HighpassFilter(low_cut_hz))
    return chain


def amplifier(rng: np.random.Generator, drive: str) -> list[Any]:
    """A guitar's way to the desk, by `drive`: acoustic, clean, crunch or distorted."""
    pb = _board()
    chain: list[Any] = [pb.HighpassFilter(float(rng.uniform(60, 130)))]
    if drive in ("crunch", "distorted"):
        drive_db = rng.uniform(14, 24) if drive == "crunch" else rng.uniform(26, 42)
        chain += [
            pb.Distortion(float(drive_db)),
            pb.LowpassFilter(float(rng.uniform(4000, 7000))),
            pb.PeakFilter(float(rng.uniform(1200, 3500)), float(rng.uniform(0, 5)), 0.9),
        ]
    elif drive == "clean":
        chain += [pb.Compressor(-24, 3), pb.LowpassFilter(float(rng.uniform(5500, 12000)))]
        if rng.random() < 0.3:
            chain.append(pb.Chorus(rate_hz=float(rng.uniform(0.4, 2)), mix=0.4))
        if rng.random() < 0.15:
            chain.append(pb.Phaser(rate_hz=float(rng.uniform(0.2, 1)), mix=0.5))
    return chain


def dynamics(rng: np.random.Generator, chance: float = 0.6) -> list[Any]:
    """A compressor, by chance; drums and voices of records are seldom without."""
    if rng.random() > chance:
        return []
    pb = _board()
    return [
        pb.Compressor(
            float(rng.uniform(-30, -14)), float(rng.uniform(2, 6)), float(rng.uniform(1, 20)),
            float(rng.uniform(60, 250)),
        )
    ]  # fmt: skip


def space(rng: np.random.Generator, amount: float, echo_s: float = 0.0) -> list[Any]:
    """A room of random size; `amount` 0..1 scales its level, `echo_s` adds a delay in tempo."""
    pb = _board()
    wet = float(np.clip(rng.normal(amount, amount / 2), 0.0, 0.6))
    chain: list[Any] = []
    if echo_s:
        chain.append(pb.Delay(echo_s, feedback=float(rng.uniform(0.1, 0.4)), mix=0.18))
    if wet > 0.02:
        chain.append(
            pb.Reverb(
                room_size=float(rng.uniform(0.1, 0.85)), damping=float(rng.uniform(0.2, 0.9)),
                wet_level=wet, dry_level=1.0 - 0.5 * wet, width=float(rng.uniform(0.5, 1)),
            )
        )  # fmt: skip
    return chain


def place(audio: Audio, pan: float) -> Audio:
    """Balance stereo audio: pan -1 (left) .. 1 (right), constant power."""
    angle = (pan + 1) * np.pi / 4
    gains = np.array([[np.cos(angle)], [np.sin(angle)]], dtype=np.float32) * np.float32(2**0.5)
    if abs(pan) > 0.3:
        audio = np.repeat(audio.mean(axis=0, keepdims=True), 2, axis=0)
    return audio * gains


def level(audio: Audio, rms_db: float) -> Audio:
    """Scale so that the louder moments (95th percentile of 50 ms blocks) have an RMS in dBFS."""
    block = SAMPLE_RATE // 20
    count = audio.shape[1] // block
    blocks = audio[:, : count * block].reshape(2, count, block)
    rms = float(np.percentile(np.sqrt((blocks**2).mean(axis=(0, 2))), 95))
    if rms < 1e-6:
        return audio
    return audio * np.float32(10 ** (rms_db / 20) / rms)
