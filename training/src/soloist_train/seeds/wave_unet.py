"""`wave-unet`: the second seed's 1-D U-Net, a waveform's chunk in, the target's chunk out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..bands import HOP_SIZE, Float, istft, stft
from ..errors import TrainingError
from ..tables import from_table

CHANNELS = (16, 32, 64, 128, 256, 512)
INPUT, OUTPUT = "waveform", "waveform_estimate"
WINDOW_FRAMES = 64
WINDOW_SAMPLES = WINDOW_FRAMES * HOP_SIZE


@dataclass(frozen=True)
class WaveUNetConfig:
    """Shape of the network. Kernel and stride are not published; 5 is what its weights suggest.

    `chunk` samples go in and out. A stride of 2 halves 64 samples to one; at any chunk the
    network sees `receptive_field` samples and no more.
    """

    chunk: int = 64
    kernel: int = 5
    stride: int = 2
    slope: float = 0.2
    dropout: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a chunk that the strides do not divide."""
        least = self.stride ** len(CHANNELS)
        if self.chunk % least or self.chunk < least:
            raise TrainingError(
                f"chunk = {self.chunk}: six strides of {self.stride} need a multiple of {least}"
            )

    @staticmethod
    def from_dict(values: dict[str, Any]) -> WaveUNetConfig:
        """Build from a configuration table, refusing unknown keys."""
        return from_table(WaveUNetConfig, "model", values)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain values, for checkpoints."""
        return asdict(self)

    @property
    def receptive_field(self) -> int:
        """Samples of input that one deepest unit sees: what the mask can know of its context."""
        return 1 + (self.kernel - 1) * sum(self.stride**i for i in range(len(CHANNELS)))


class Down(nn.Module):
    """Strided 1-D convolution, batch norm (folded away at export), leaky ReLU."""

    def __init__(self, cin: int, cout: int, config: WaveUNetConfig) -> None:
        super().__init__()
        before = (config.kernel - config.stride + 1) // 2
        self.pad = (before, config.kernel - config.stride - before)
        self.conv = nn.Conv2d(cin, cout, (1, config.kernel), (1, config.stride))
        self.norm: nn.Module = nn.BatchNorm2d(cout)
        self.slope = config.slope

    def forward(self, x: Tensor) -> Tensor:
        """[1, cin, chunks, samples] to [1, cout, chunks, samples / stride]."""
        if x.shape[3] == self.conv.stride[1] and not torch.compiler.is_exporting():
            x = self._single(x)
        else:
            x = self.conv(functional.pad(x, self.pad))
        return functional.leaky_relu(self.norm(x), self.slope)

    def _single(self, x: Tensor) -> Tensor:
        """The same for chunks of `stride` samples, of which a single one is left.

        A matrix product without the taps that meet padding: half the work, and oneDNN's bfloat16
        convolution to a width of one reads memory that nobody wrote (NaN now and then).
        """
        _, cin, chunks, samples = x.shape
        taps = self.conv.weight[:, :, 0, self.pad[0] : self.pad[0] + samples]
        taps = taps.reshape(-1, cin * samples)
        rows = x[0].permute(1, 0, 2).reshape(chunks, cin * samples)
        return functional.linear(rows, taps, self.conv.bias).T[None, :, :, None]

    def fold(self) -> None:
        """Merge the batch norm's running statistics into the convolution."""
        self.conv = fuse_conv_bn_eval(self.conv.eval(), self.norm.eval())  # type: ignore[type-var]
        self.norm = nn.Identity()


class UpSample(nn.Module):
    """Transposed 1-D convolution that multiplies the samples by the stride."""

    def __init__(self, cin: int, cout: int, config: WaveUNetConfig) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(cin, cout, (1, config.kernel), (1, config.stride))
        self.before = (config.kernel - config.stride + 1) // 2
        self.stride = config.stride

    def forward(self, x: Tensor) -> Tensor:
        """[1, cin, chunks, samples] to [1, cout, chunks, samples * stride]."""
        if x.shape[3] == 1 and not torch.compiler.is_exporting():
            return self._single(x)
        length = x.shape[3] * self.stride
        return self.conv(x)[..., self.before : self.before + length]

    def _single(self, x: Tensor) -> Tensor:
        """The same for a single sample a chunk, see `Down._single`."""
        cin, cout = self.conv.weight.shape[:2]
        taps = self.conv.weight[:, :, 0, self.before : self.before + self.stride]
        rows = functional.linear(x[0, :, :, 0].T, taps.reshape(cin, cout * self.stride).T)
        out = rows.view(-1, cout, self.stride) + self.conv.bias[:, None]
        return out.transpose(0, 1)[None]


class WaveUNet(nn.Module):
    """Six strided convolutions down, six transposed ones up; the last is the mask.

    Output = input x mask, sample by sample. The mask has no activation: none is published, and
    a mask that may be negative reaches samples at which target and mix differ in sign.

    The chunks of a batch lie along the height of 2-D convolutions with kernels one high: the same
    sums as 1-D convolutions of a batch, which are three times as slow on short chunks.
    """

    def __init__(self, config: WaveUNetConfig) -> None:
        super().__init__()
        self.config = config
        down = (1, *CHANNELS)
        self.down = nn.ModuleList(
            [Down(down[i], down[i + 1], config) for i in range(len(CHANNELS))]
        )
        outs = (*reversed(CHANNELS[:-1]), 1)
        ins = (CHANNELS[-1], *(2 * c for c in outs[:-1]))
        self.up = nn.ModuleList([UpSample(i, o, config) for i, o in zip(ins, outs, strict=True)])
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, waveform: Tensor) -> Tensor:
        """Mix [batch, 1, chunk] to the target [batch, 1, chunk]."""
        skips: list[Tensor] = []
        x = waveform.transpose(0, 1).unsqueeze(0)  # [1, 1, chunks, samples]
        for down in self.down:
            x = down(x)
            skips.append(x)
        skips.pop()
        for place, up in enumerate(self.up[:-1]):
            x = torch.relu(up(x))
            if place in (0, 2):
                x = self.dropout(x)
            x = torch.cat([x, skips.pop()], dim=1)
        return waveform * self.up[-1](x)[0].transpose(0, 1)

    def folded(self) -> WaveUNet:
        """A copy for inference: batch norms merged into the convolutions."""
        copy = WaveUNet(self.config)
        copy.load_state_dict(self.state_dict())
        copy.eval()
        for module in copy.modules():
            if isinstance(module, Down):
                module.fold()
        return copy


def estimate_waveform(net: Any, audio: Float, chunk: int) -> Float:
    """Estimate [channels, samples] of a mix: each channel on its own, in consecutive chunks.

    `net` is a callable on [n, 1, chunk]; the last chunk is filled up with zeros.
    """
    channels, samples = audio.shape
    length = -(-samples // chunk) * chunk
    padded = np.zeros((channels, length), dtype=np.float32)
    padded[:, :samples] = audio
    pieces = padded.reshape(-1, 1, chunk)
    step = max(2 * WINDOW_SAMPLES // chunk, 1)
    found = [net(pieces[i : i + step]) for i in range(0, len(pieces), step)]
    return np.concatenate(found).reshape(channels, length)[:, :samples]


def soft_mask(mix: np.ndarray, estimate: np.ndarray) -> Float:
    """Mask of a mix's STFT X from an estimate's S, any shape: Re(S conj X) / |X|^2 in [0, 1]."""
    power = mix.real.astype(np.float64) ** 2 + mix.imag.astype(np.float64) ** 2
    cross = (estimate * mix.conj()).real.astype(np.float64)
    ratio = np.divide(cross, power, out=np.zeros_like(power), where=power > 0.0)
    return np.clip(ratio, 0.0, 1.0).astype(np.float32)


def separate_vocals(net: Any, audio: Float, chunk: int) -> Float:
    """Vocals [2, samples] of a mix at 44.1 kHz by the soft mask of the network's estimate."""
    X = stft(audio)
    mask = soft_mask(X, stft(estimate_waveform(net, audio, chunk)))
    return istft(X * mask, audio.shape[1])
