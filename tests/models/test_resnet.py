"""The classifier: its published parameter count, and ResNet-18 with another stem."""

import pytest
import torch
import torch.nn.functional as F
from torchvision.models import resnet18

from scaling.errors import UsageError
from scaling.models.resnet import build


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def test_the_classifier_has_the_parameters_of_the_published_cifar_resnet():
    # kuangliu/pytorch-cifar, ResNet-18 with 10 classes instead of 2: 11,173,962
    with torch.device("meta"):
        assert parameters(build(3, 32)) == 11_173_962 - 8 * 513
        assert parameters(build(1, 32)) == 11_173_962 - 8 * 513 - 2 * 9 * 64


def test_the_classifier_equals_torchvisions_resnet18_with_another_stem():
    torch.manual_seed(0)
    theirs = resnet18(num_classes=2)
    theirs.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    theirs.maxpool = torch.nn.Identity()
    mine = build(3, 32)
    pairs = zip(mine.state_dict().values(), theirs.state_dict().values(), strict=True)
    with torch.no_grad():
        for here, there in pairs:
            here.copy_(there)
    x = torch.rand(3, 3, 32, 32)
    torch.testing.assert_close(mine(x), theirs(x))  # with the batch's statistics
    torch.testing.assert_close(mine.eval()(x), theirs.eval()(x))  # with running statistics


def test_two_stages_equal_their_formula():
    torch.manual_seed(0)
    model = build(1, 8, stages=2, channels=4).eval()
    weights = model.state_dict()
    for name, value in weights.items():
        if "running" in name or name.endswith(("weight", "bias")) and value.dim() == 1:
            value.uniform_(0.5, 1.5)

    def normalized(x, name):
        mean, variance = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        scale = weights[f"{name}.weight"] / (variance + 1e-5).sqrt()
        return (x - mean[:, None, None]) * scale[:, None, None] + weights[f"{name}.bias"][
            :, None, None
        ]

    def block(x, name, stride):
        inner = F.conv2d(x, weights[f"{name}.conv1.weight"], stride=stride, padding=1)
        inner = normalized(inner, f"{name}.bn1").relu()
        inner = normalized(
            F.conv2d(inner, weights[f"{name}.conv2.weight"], padding=1), f"{name}.bn2"
        )
        if stride == 2:
            x = F.conv2d(x, weights[f"{name}.downsample.0.weight"], stride=2)
            x = normalized(x, f"{name}.downsample.1")
        return (inner + x).relu()

    x = images = torch.rand(5, 1, 8, 8)
    x = normalized(F.conv2d(x, weights["0.weight"], padding=1), "1").relu()
    for name, stride in (("3", 1), ("4", 1), ("5", 2), ("6", 1)):
        x = block(x, name, stride)
    expected = x.mean((2, 3)) @ weights["9.weight"].T + weights["9.bias"]
    torch.testing.assert_close(model(images), expected)


def test_no_1x1_convolution_has_a_stride():
    """oneDNN 3.12 writes past its memory in the gradients of those (its issue 6035)."""
    convolutions = [m for m in build(3, 32).modules() if isinstance(m, torch.nn.Conv2d)]
    small = [m for m in convolutions if m.kernel_size == (1, 1)]
    assert len(small) == 3 and all(m.stride == (1, 1) for m in small)


@pytest.mark.parametrize(("side", "most"), [(2, 1), (8, 3), (12, 4), (32, 5)])
def test_too_many_stages_are_refused(side, most):
    build(1, side, stages=most, channels=1)(torch.rand(1, 1, side, side))
    with pytest.raises(UsageError, match=f"at most --set stages={most}"):
        build(1, side, stages=most + 1, channels=1)
