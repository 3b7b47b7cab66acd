"""Builds ResNet-18 for small images, the classifier of the two-sample test (Appendix D.3).

Before the stages there is a 3x3 convolution with stride 1 and no pooling. Weights are initialized
as PyTorch does by default.
"""

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from scaling.errors import UsageError

BLOCKS = 2  # per stage of a ResNet-18
CLASSES = 2  # real images and samples


def build(image_channels: int, side: int, stages: int = 4, channels: int = 64) -> nn.Sequential:
    """Builds a network from images in [0, 1], (B, image_channels, side, side), to logits (B, 2).

    `channels` is the width of the first stage; each later stage doubles it and halves the side.
    Raises UsageError if fewer than 2x2 pixels would be left, where a batch of one image could not
    be normalized.
    """
    most = (side - 1).bit_length()
    if stages > most:
        raise UsageError(
            f"stages={stages} is too many for images of side {side}. "
            f"Give at most --set stages={most}."
        )
    widths = [channels << stage for stage in range(stages)]
    layers: list[nn.Module] = [
        nn.Conv2d(image_channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        *_stage(channels, channels, 1),
    ]
    for inputs, outputs in zip(widths, widths[1:], strict=False):
        layers += _stage(inputs, outputs, 2)
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], CLASSES)]
    return nn.Sequential(*layers, *head)


def _stage(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    later = (BasicBlock(outputs, outputs) for _ in range(BLOCKS - 1))
    return [BasicBlock(inputs, outputs, stride, _shortcut(inputs, outputs, stride)), *later]


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module | None:
    """Returns a module that gives the block's input the shape of its output, if they differ."""
    if inputs == outputs and stride == 1:
        return None
    return nn.Sequential(Subsampled(inputs, outputs, stride), nn.BatchNorm2d(outputs))


class Subsampled(nn.Conv2d):
    """Computes a 1x1 convolution of every `every`-th pixel, equal to one with that stride.

    oneDNN 3.12, in torch 2.14, writes past its memory in the weight gradient of strided 1x1
    convolutions of few channels (uxlfoundation/oneDNN issue 6035), so pixels are selected first.
    """

    def __init__(self, inputs: int, outputs: int, every: int) -> None:
        super().__init__(inputs, outputs, 1, bias=False)
        self.every = every

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x[:, :, :: self.every, :: self.every])
