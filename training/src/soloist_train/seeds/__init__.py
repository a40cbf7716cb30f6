"""The seed systems as Soloist builds them: `mel-unet` (H. Sosa), `wave-unet` (Agarwal, Gupta)."""

from __future__ import annotations

KINDS = ("mel-unet", "wave-unet")
"""Values of `[system] kind` in a configuration that this package fits."""
