"""The studio network: a small 2-D U-Net over bands and frames that gives mask logits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .bands import NUM_BANDS, SOURCES
from .tables import from_table

IN_CHANNELS = 3
OUT_CHANNELS = 2 * len(SOURCES)


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the network; `base` channels at the finest level, doubled at each coarser one."""

    base: int = 16
    levels: int = 5
    """Times that bands and frames are halved; frames come in multiples of 2**levels."""
    widest: int = 128
    mix_from: int = 1
    """First level (0 = finest) that also mixes all bands of a frame."""
    mix_ratio: int = 4
    """Bands at a level over hidden units of its band mix."""
    encoder_from: int = 3
    """First level whose encoder has a second convolution."""

    def channels(self, level: int) -> int:
        """Channels at a level."""
        return min(self.base * 2**level, self.widest)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> ModelConfig:
        """Build from a configuration table, refusing unknown keys."""
        return from_table(ModelConfig, "model", values)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain values, for checkpoints."""
        return asdict(self)


class ConvNorm(nn.Module):
    """3x3 convolution, batch norm (folded away at export) and, unless `linear`, ReLU."""

    def __init__(self, cin: int, cout: int, stride: int = 1, linear: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(cout)
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """[batch, cin, bands, frames] to [batch, cout, bands / stride, frames / stride]."""
        x = self.norm(self.conv(x))
        return x if self.linear else torch.relu(x)

    def fold(self) -> None:
        """Merge the batch norm's running statistics into the convolution."""
        self.conv = fuse_conv_bn_eval(self.conv.eval(), self.norm.eval())  # type: ignore[type-var]
        self.norm = nn.Identity()


class Up(nn.Module):
    """2x2 transposed convolution that doubles bands and frames, and batch norm.

    Without the norm the sums on the way up grow from level to level, the masks saturate early in
    a fit and stop learning.
    """

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(cin, cout, 2, stride=2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, cin, bands, frames] to [batch, cout, 2 bands, 2 frames]."""
        return self.norm(self.conv(x))

    def fold(self) -> None:
        """Merge the batch norm's running statistics into the convolution."""
        conv, norm = self.conv.eval(), self.norm.eval()
        self.conv = fuse_conv_bn_eval(conv, norm, transpose=True)  # type: ignore[type-var]
        self.norm = nn.Identity()


class BandMix(nn.Module):
    """Residual bottleneck over the band axis: every band of a frame sees every other one.

    Convolutions see a neighbourhood; a note's harmonics and a drum's whole spectrum lie far
    apart. The two matrices are shared by all channels and frames.
    """

    def __init__(self, bands: int, ratio: int) -> None:
        super().__init__()
        hidden = max(bands // ratio, 8)
        self.squeeze = nn.Parameter(torch.randn(hidden, bands) / bands**0.5)
        self.expand = nn.Parameter(torch.randn(bands, hidden) * 0.1 / hidden**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, bands, frames], same shape out."""
        if torch.compiler.is_exporting():
            return x + self.expand @ torch.relu(self.squeeze @ x)
        # In channels-last memory [batch, bands, frames * channels] is a view: no copy is made.
        batch, channels, bands, frames = x.shape
        flat = x.permute(0, 2, 3, 1).reshape(batch, bands, frames * channels)
        flat = torch.matmul(self.expand, torch.relu(torch.matmul(self.squeeze, flat)))
        return x + flat.view(batch, bands, frames, channels).permute(0, 3, 1, 2)


class Stage(nn.Module):
    """One level's work on features of one width: a residual 3x3 convolution, then a band mix."""

    def __init__(self, channels: int, bands: int, mix_ratio: int) -> None:
        super().__init__()
        self.conv = ConvNorm(channels, channels)
        self.mix = BandMix(bands, mix_ratio) if mix_ratio else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, bands, frames], same shape out."""
        return self.mix(x + self.conv(x))


class StudioNet(nn.Module):
    """U-Net of `levels` halvings with skip additions.

    Additions instead of concatenations halve the decoder's work, which buys the second
    convolutions of the encoder and the band mixes. At the finest level, where every operation
    costs as much as a whole coarse stage, there is only the stem, the skip and the head.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        c = [config.channels(level) for level in range(config.levels + 1)]
        bands = [NUM_BANDS >> level for level in range(config.levels + 1)]
        mix = [config.mix_ratio if i >= config.mix_from else 0 for i in range(config.levels + 1)]
        self.stem = ConvNorm(IN_CHANNELS, c[0])
        levels = range(1, config.levels + 1)
        self.down = nn.ModuleList([ConvNorm(c[i - 1], c[i], stride=2) for i in levels])
        self.encode = nn.ModuleList(
            [
                Stage(c[i], bands[i], mix[i]) if i >= config.encoder_from else nn.Identity()
                for i in levels
            ]
        )
        self.up = nn.ModuleList([Up(c[i], c[i - 1]) for i in levels])
        self.decode = nn.ModuleList(
            [Stage(c[i - 1], bands[i - 1], mix[i - 1]) if i > 1 else nn.Identity() for i in levels]
        )
        self.head = nn.Conv2d(c[0], OUT_CHANNELS, 3, padding=1)
        with torch.no_grad():
            self.head.weight *= 0.3  # begin near equal masks

    def forward(self, features: Tensor) -> Tensor:
        """Features [batch, 3, bands, frames] to mask logits [batch, 12, bands, frames].

        Output channel = source * 2 + channel (left 0, right 1).
        """
        x = self.stem(features)
        skips: list[Tensor] = []
        for down, encode in zip(self.down, self.encode, strict=True):
            skips.append(x)
            x = encode(down(x))
        for up, decode in zip(reversed(self.up), reversed(self.decode), strict=True):
            x = decode(torch.relu(up(x) + skips.pop()))
        return self.head(x)

    def folded(self) -> StudioNet:
        """A copy for inference: batch norms merged into the convolutions."""
        copy = StudioNet(self.config)
        copy.load_state_dict(self.state_dict())
        copy.eval()
        for module in copy.modules():
            if isinstance(module, ConvNorm | Up):
                module.fold()
        return copy


def num_parameters(net: nn.Module) -> int:
    """Trainable parameters of a network."""
    return sum(p.numel() for p in net.parameters())
