"""The layers that the studio network is made of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


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
        # Batched, since torch.matmul transposes and copies all activations for a shared matrix.
        batch, channels, bands, frames = x.shape
        flat = x.permute(0, 2, 3, 1).reshape(batch, bands, frames * channels)
        squeeze, expand = (m.to(x.dtype).expand(batch, -1, -1) for m in (self.squeeze, self.expand))
        flat = torch.baddbmm(flat, expand, torch.relu(torch.bmm(squeeze, flat)))
        return flat.view(batch, bands, frames, channels).permute(0, 3, 1, 2)


class Patch(ConvNorm):
    """Strided convolution over patches of bands and frames that overlap by half, norm and ReLU."""

    def __init__(self, cin: int, cout: int, patch: tuple[int, int]) -> None:
        super().__init__(cin, cout)
        kernel, margin = patch_kernel(patch)
        self.conv = nn.Conv2d(cin, cout, kernel, stride=patch, padding=margin, bias=False)


def patch_kernel(patch: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Kernel and padding with which patches of this size overlap by half; a side of 1 sees its
    neighbours."""
    kernel = (2 * patch[0] if patch[0] > 1 else 3, 2 * patch[1] if patch[1] > 1 else 3)
    return kernel, (max(patch[0] // 2, 1), max(patch[1] // 2, 1))


class Past(ConvNorm):
    """Convolution of three cells of time, `step` apart, of which the newest is the present."""

    def __init__(self, width: int, step: int) -> None:
        super().__init__(width, width)
        self.step = step
        self.conv = nn.Conv2d(width, width, (1, 3), dilation=(1, step), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, width, 1, frames], same shape out."""
        return super().forward(nn.functional.pad(x, (2 * self.step, 0)))


class Memory(nn.Module):
    """Residual branch in which all bands and channels of a cell of time meet, and look back.

    All else in the network sees a neighbourhood, or one channel of all bands. Here a cell's whole
    spectrum becomes one vector of `width`, as in Open-Unmix (F.-R. Stöter et al., "Open-Unmix: A
    Reference Implementation for Music Source Separation", 2019), and convolutions whose dilation
    grows by `steps` compare it with the past (S. Bai, J. Z. Kolter, V. Koltun, "An Empirical
    Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling", 2018). With
    the past only: a live stream waits for whatever of the future a network looks at.

    It begins as nothing, `widen` being zero, so that a network without can be fitted on with it.
    """

    def __init__(
        self, channels: int, bands: int, narrow: int, width: int, steps: Sequence[int],
        dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.narrow = nn.Conv2d(channels, narrow, 1, bias=False)
        self.squeeze = ConvNorm(narrow, width)
        self.squeeze.conv = nn.Conv2d(narrow, width, (bands, 1), bias=False)
        self.past = nn.ModuleList([Past(width, step) for step in steps])
        self.drop = nn.Dropout2d(dropout)
        self.expand = nn.ConvTranspose2d(width, narrow, (bands, 1))
        self.widen = nn.Conv2d(narrow, channels, 1, bias=False)
        with torch.no_grad():
            self.widen.weight.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, bands, frames], same shape out."""
        h = self._squeezed(self.narrow(x))
        for past in self.past:
            h = h + past(h)
        return x + self.widen(torch.relu(self._expanded(self.drop(h))))

    def _squeezed(self, x: Tensor) -> Tensor:
        """Spectra [batch, narrow, bands, frames] to vectors [batch, width, 1, frames]."""
        if torch.compiler.is_exporting():
            return self.squeeze(x)
        # A matrix product: convolutions as tall as their input take a multiple of its time.
        conv = self.squeeze.conv
        spectra = x.permute(0, 3, 2, 1).flatten(2)
        h = nn.functional.linear(spectra, conv.weight.transpose(1, 2).flatten(1), conv.bias)
        return torch.relu(self.squeeze.norm(h.transpose(1, 2).unsqueeze(2)))

    def _expanded(self, x: Tensor) -> Tensor:
        """Vectors [batch, width, 1, frames] to spectra [batch, narrow, bands, frames]."""
        if torch.compiler.is_exporting():
            return self.expand(x)
        weight = self.expand.weight.squeeze(3).transpose(1, 2)  # [width, bands, narrow]
        spectra = x.squeeze(2).transpose(1, 2) @ weight.flatten(1)
        spectra = spectra.unflatten(2, weight.shape[1:]).permute(0, 3, 2, 1)
        bias = self.expand.bias
        assert bias is not None
        spectra = spectra + bias.to(spectra.dtype)[:, None, None]
        return spectra.contiguous(memory_format=torch.channels_last)
