"""Encoders and decoders: counts and shapes of the tables, and layers by hand."""

import pytest
import torch
import torch.nn.functional as F

from scaling.models.networks import NETWORKS, PerPixel, Residual
from scaling.models.vae import build, elbo
from scaling.trial import VaeTrial

# spec: parameters of the residual VAE on 3x32x32 with K = 10, rows n_c, columns m_z
M_Z = (1, 2, 8, 10, 16, 64)
TOTALS = {
    1: (399, 404, 434, 444, 474, 714),
    8: (9198, 9224, 9380, 9432, 9588, 10836),
    64: (502950, 503144, 504308, 504696, 505860, 515172),
    256: (7909734, 7910504, 7915124, 7916664, 7921284, 7958244),
    512: (31548006, 31549544, 31558772, 31561848, 31571076, 31644900),
}


def counts(**options):
    with torch.device("meta"):
        return build(VaeTrial("cifar10", **options), 3, 32, 256).count_parameters()


@pytest.mark.parametrize("n_c", TOTALS)
def test_parameters_equal_the_table(n_c):
    for m_z, total in zip(M_Z, TOTALS[n_c], strict=True):
        found = counts(n_c=n_c, m_z=m_z)
        assert found["parameters"] == total
        assert found["parameters_z"] == 3 * n_c * m_z + 2 * m_z
        assert found["parameters_rest"] == 120 * n_c**2 + 174 * n_c + 100


def test_parameters_with_a_1x1_second_convolution_equal_the_table():
    assert counts(n_c=256, m_z=1, res_second_kernel=1)["parameters"] == 5812582
    assert counts(n_c=512, m_z=64, res_second_kernel=1)["parameters"] == 23256292


def test_parameters_of_fully_connected_networks_equal_the_table():
    trial = VaeTrial("mnist", n_c=512, network="fully_connected", likelihood="bernoulli")
    vae = build(trial, 1, 32, 2)
    assert vae.count_parameters()["parameters"] == 1_600_544
    assert sum(p.numel() for p in vae.encoder.parameters()) == 803_872
    mixture = VaeTrial("fashion_mnist", n_c=512, network="fully_connected")
    assert build(mixture, 1, 32, 256).count_parameters()["parameters"] == 16_834_592


@pytest.mark.parametrize(("m_z", "options", "shape"), [
    (3, {"network": "residual"}, (3, 8, 8)),
    (3, {"network": "residual", "latent_reading": "channels_x64"}, (192, 8, 8)),
    (3, {"network": "fully_connected", "batch_norm": True}, (48,)),
])  # fmt: skip
def test_latents_and_images_have_the_shapes_of_the_tables(m_z, options, shape):
    vae = build(VaeTrial("cifar10", n_c=4, m_z=m_z, **options), 3, 32, 256)
    x = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    q = vae.encode(x)
    assert q.batch_shape == (5,)
    assert q.event_shape == shape
    assert vae.decode(q.mean).mean.shape == x.shape
    assert elbo(vae, x, q).shape == (5,)


def test_by_default_a_residual_block_adds_its_input():
    x = -torch.ones(1, 2, 4, 4)
    true, quirk = Residual(2).eval(), Residual(2, inplace_quirk=True).eval()
    assert torch.equal(true(x) - true.block(x), x)
    assert torch.equal(quirk(x) - quirk.block(x), torch.zeros_like(x))


@pytest.mark.parametrize("network", NETWORKS)
def test_only_head_and_stem_depend_on_the_size_of_z(network):
    """Theta_z has the parameters whose shape changes with m_z, and no others (section 4.2)."""
    small, large = (
        build(VaeTrial("cifar10", n_c=4, m_z=m_z, network=network), 3, 32, 256) for m_z in (1, 3)
    )
    shapes = {name: value.shape for name, value in small.named_parameters()}
    differing = {n for n, value in large.named_parameters() if value.shape != shapes[n]}
    z = {name for name in shapes if name.startswith(("encoder.head.", "decoder.stem."))}
    assert differing == z - ({"decoder.stem.bias"} & z)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_matrix_product_per_image_equals_the_1x1_convolution(layout):
    torch.manual_seed(0)
    layer = PerPixel(5, 7, 1).double()
    x = torch.randn(3, 5, 4, 6, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    out = layer(x)
    expected = F.conv2d(x, layer.weight, layer.bias)
    torch.testing.assert_close(out, expected)
    weights = torch.randn_like(out)
    ours = torch.autograd.grad((out * weights).sum(), [x, *layer.parameters()])
    theirs = torch.autograd.grad((expected * weights).sum(), [x, *layer.parameters()])
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other)
    assert out.is_contiguous() and ours[0].is_contiguous(memory_format=layout)


def test_one_pixel_of_z_changes_only_a_block_of_the_image():
    """Four 3x3 layers and two doublings make the effect of one latent local."""
    trial = VaeTrial("cifar10", n_c=4, m_z=2)
    vae = build(trial, 3, 64, 256).eval()
    z = torch.zeros(1, 2, 16, 16)
    touched = z.clone()
    touched[0, :, 0, 0] = 5.0
    with torch.no_grad():
        change = (vae.decoder(touched) - vae.decoder(z)).abs().amax((0, 1))
    rows, columns = change.nonzero().max(0).values.tolist()
    assert change[0, 0] > 0
    assert max(rows, columns) < 4 * (4 + 1) + 3  # four layers of radius 1, then two doublings
