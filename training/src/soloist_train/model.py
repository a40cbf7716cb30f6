"""The studio network: a 2-D U-Net over patches of bands and frames that gives mask logits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .bands import FRAME_MULTIPLE, NUM_BANDS, SOURCES
from .errors import TrainingError
from .layers import BandMix, ConvNorm, Memory, Patch, Up, patch_kernel
from .tables import from_table

IN_CHANNELS = 3
OUT_CHANNELS = 2 * len(SOURCES)


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the network; `base` channels at the finest level, doubled at each coarser one."""

    first_band: int = 0
    """The lowest band that the network sees and makes masks of."""
    bands: int = NUM_BANDS
    """How many bands it sees and makes masks of."""
    zooms: tuple[ModelConfig, ...] = ()
    """Networks that look closer at parts of these bands (`zooms.py`)."""
    base: int = 64
    levels: int = 3
    """Times that cells are halved in bands and frames below the patches."""
    widest: int = 256
    patch_bands: int = 4
    """Bands that the stem joins into one cell of the finest level."""
    patch_frames: int = 2
    """Frames that the stem joins; patch_frames * 2**levels divides FRAME_MULTIPLE."""
    mix_ratio: int = 2
    """Cells of a frame at a level over hidden units of its band mix."""
    dropout: float = 0.0
    """Chance that a channel of a stage is left out while fitting."""
    memory: tuple[int, ...] = ()
    """Levels whose stages remember: each ends in a Memory, on the way down and on the way up."""
    memory_channels: int = 32
    """Channels that each band of a cell hands to a Memory and gets back from it."""
    memory_width: int = 256
    """Hidden units of a Memory."""
    memory_steps: tuple[int, ...] = (1, 2, 4, 8)
    """Dilations, in cells, of a Memory's convolutions over the past."""

    def check(self) -> None:
        """Refuse shapes that no mix of NUM_BANDS bands and FRAME_MULTIPLE frames fits."""
        bands, frames = self.patch_bands << self.levels, self.patch_frames << self.levels
        if min(self.base, self.levels, self.patch_bands, self.patch_frames, self.mix_ratio) < 1:
            raise TrainingError("[model] base, levels, patches and mix_ratio must be at least 1")
        if self.bands % bands or FRAME_MULTIPLE % frames:
            raise TrainingError(
                f"[model] {self.levels} levels of patches of {self.patch_bands} x "
                f"{self.patch_frames}: expected a divisor of {self.bands} bands and "
                f"{FRAME_MULTIPLE} frames, found {bands} x {frames}"
            )
        if any(side > 1 and side % 2 for side in (self.patch_bands, self.patch_frames)):
            raise TrainingError("[model] patches overlap by half: their sides must be even, or 1")
        if self.first_band < 0 or self.bands < 1 or self.part.stop > NUM_BANDS:
            raise TrainingError(
                f"[model] bands {self.first_band} to {self.part.stop}: expected 0 to {NUM_BANDS}"
            )
        for zoom in self.zooms:
            if zoom.first_band < self.first_band or zoom.part.stop > self.part.stop:
                raise TrainingError(
                    f"[[model.zooms]] bands {zoom.first_band} to {zoom.part.stop}: expected "
                    f"{self.first_band} to {self.part.stop}"
                )
            if zoom.zooms:
                raise TrainingError("[[model.zooms]] a zoom has no zooms of its own")
        if not 0 <= self.dropout < 1:
            raise TrainingError(f"[model] dropout = {self.dropout}: expected 0 to below 1")
        if any(not 0 <= level <= self.levels for level in self.memory):
            raise TrainingError(f"[model] memory = {self.memory}: levels are 0 to {self.levels}")
        if min(self.memory_channels, self.memory_width, *self.memory_steps) < 1:
            raise TrainingError(
                "[model] memory_channels, memory_width and memory_steps must be at least 1"
            )

    @property
    def part(self) -> slice:
        """The bands that the network sees."""
        return slice(self.first_band, self.first_band + self.bands)

    def channels(self, level: int) -> int:
        """Channels at a level."""
        return min(self.base * 2**level, self.widest)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> ModelConfig:
        """Build from a configuration table, refusing unknown keys."""
        values = dict(values)
        values["zooms"] = tuple(ModelConfig.from_dict(zoom) for zoom in values.get("zooms", ()))
        config = from_table(ModelConfig, "model", values)
        config.check()
        return config

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain values, for checkpoints."""
        return asdict(self)


class Stage(nn.Module):
    """One level's work on features of one width: a residual 3x3 convolution, then a band mix, and
    at some levels a memory."""

    def __init__(self, channels: int, bands: int, config: ModelConfig, remembers: bool) -> None:
        super().__init__()
        self.conv = ConvNorm(channels, channels)
        self.mix = BandMix(bands, config.mix_ratio)
        self.memory: nn.Module = nn.Identity()
        if remembers:
            shape = (config.memory_channels, config.memory_width, config.memory_steps)
            self.memory = Memory(channels, bands, *shape, config.dropout)
        self.drop = nn.Dropout2d(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, bands, frames], same shape out."""
        return self.drop(self.memory(self.mix(x + self.conv(x))))


class StudioNet(nn.Module):
    """U-Net over patches of the features, with `levels` halvings and skip additions.

    The stem joins 4 bands x 2 frames into one cell of many channels and the head deals the masks
    out again, so nothing but these two works at full resolution: there a convolution of few
    channels waits for memory, here one of many keeps the matrix units busy. Additions instead of
    concatenations halve the decoder's work.

    Its `zooms` are networks of their own over parts of the bands, as in N. Takahashi and
    Y. Mitsufuji, "Multi-scale Multi-band DenseNets for Audio Source Separation", 2017: low bands
    are few but hold most of the energy, so that patches that serve the whole spectrum are too
    coarse for them. In its part a zoom's logits take a share of this network's place, learned for
    each source, channel and band.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        c = [config.channels(level) for level in range(config.levels + 1)]
        patch = (config.patch_bands, config.patch_frames)
        levels = range(1, config.levels + 1)

        def stage(level: int) -> Stage:
            cells = config.bands // config.patch_bands >> level
            return Stage(c[level], cells, config, level in config.memory)

        self.stem = Patch(IN_CHANNELS, c[0], patch)
        self.inner = stage(0)
        self.down = nn.ModuleList([ConvNorm(c[i - 1], c[i], stride=2) for i in levels])
        self.encode = nn.ModuleList([stage(i) for i in levels])
        self.up = nn.ModuleList([Up(c[i], c[i - 1]) for i in levels])
        self.decode = nn.ModuleList([stage(i - 1) for i in levels])
        kernel, margin = patch_kernel(patch)
        self.head = nn.ConvTranspose2d(c[0], OUT_CHANNELS, kernel, stride=patch, padding=margin)
        with torch.no_grad():
            self.head.weight *= 0.3  # begin near equal masks
        self.zooms = nn.ModuleList([StudioNet(zoom) for zoom in config.zooms])
        self.shares = nn.ParameterList(
            [nn.Parameter(torch.full((OUT_CHANNELS, zoom.bands, 1), 0.5)) for zoom in config.zooms]
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features [batch, 3, bands, frames] to mask logits [batch, 12, bands, frames].

        Output channel = source * 2 + channel (left 0, right 1).
        """
        logits = self._own_logits(features)
        for zoom, share in zip(self.zooms, self.shares, strict=True):
            first = zoom.config.first_band - self.config.first_band
            last = first + zoom.config.bands
            closer = zoom(features[:, :, first:last])
            own = logits[:, :, first:last]
            mixed = own + share * (closer - own)
            parts = [logits[:, :, :first], mixed, logits[:, :, last:]]
            logits = torch.cat([part for part in parts if part.shape[2]], dim=2)
        return logits

    def _own_logits(self, features: Tensor) -> Tensor:
        """The logits of this network's own U-Net, without its zooms."""
        x = self.inner(self.stem(features))
        skips: list[Tensor] = []
        for down, encode in zip(self.down, self.encode, strict=True):
            skips.append(x)
            x = encode(down(x))
        for up, decode in zip(reversed(self.up), reversed(self.decode), strict=True):
            x = decode(torch.relu(up(x) + skips.pop()))
        return self.head(x)

    def check_whole(self) -> None:
        """Refuse a network of a part of the spectrum, which serves as another's zoom only."""
        if self.config.part != slice(0, NUM_BANDS):
            raise TrainingError(
                f"the network is of bands {self.config.first_band} to {self.config.part.stop} "
                f"alone, expected 0 to {NUM_BANDS}: put it into one with `soloist-train join`"
            )

    def folded(self) -> StudioNet:
        """A copy for inference: batch norms merged into the convolutions."""
        copy = StudioNet(self.config)
        copy.load_state_dict(self.state_dict())
        fold_norms(copy)
        return copy


def fold_norms(net: nn.Module) -> None:
    """Put a network in evaluation mode and merge its batch norms into the convolutions."""
    net.eval()
    for module in net.modules():
        if isinstance(module, ConvNorm | Up):
            module.fold()


def silent_memories(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The memories among a network's weights, giving nothing: what a network without them lacks."""
    memories = {name: value for name, value in state.items() if ".memory." in name}
    return {n: torch.zeros_like(v) if ".widen." in n else v for n, v in memories.items()}


def num_parameters(net: nn.Module) -> int:
    """Trainable parameters of a network."""
    return sum(p.numel() for p in net.parameters())
