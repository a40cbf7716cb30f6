"""The focus control's mapping and its measures."""

from __future__ import annotations

import numpy as np
import pytest

from soloist_train.focus import bleed_and_artefacts, focused


def test_masks_to_a_power_sum_to_one_and_zero_changes_no_bit() -> None:
    rng = np.random.default_rng(0)
    masks = rng.dirichlet(np.ones(6), size=(2, 8, 5)).astype(np.float32).transpose(3, 0, 1, 2)
    assert focused(masks, 0.0) is masks
    for focus, power in ((-1.0, 0.25), (0.5, 2.0), (1.0, 4.0)):
        found = focused(masks, focus)
        np.testing.assert_allclose(found.sum(axis=0), 1.0, atol=1e-6)
        exact = masks.astype(np.float64) ** power
        np.testing.assert_allclose(found, exact / exact.sum(axis=0), atol=1e-6)


def test_bleed_and_artefacts_by_their_definitions() -> None:
    rng = np.random.default_rng(1)
    s = np.linalg.qr(rng.normal(size=(8000, 5)))[0].T.reshape(5, 2, 4000) * 100
    truth = dict(zip(("vocals", "drums", "bass", "other"), s.astype(np.float32), strict=False))
    # 20 dB of bleed and 30 dB of what is in no stem.
    estimate = (s[0] + 0.1 * s[1] + 10**-1.5 * s[4]).astype(np.float32)
    found = bleed_and_artefacts(truth, {t: estimate for t in truth})
    sir, sar = found["vocals"]
    assert sir == pytest.approx(20.0, abs=0.01)
    assert sar == pytest.approx(30.0 + 10 * np.log10(1.01), abs=0.01)
