"""Adds a network of your own: two dense layers in the encoder and two in the decoder.

    python studies/double_descent.py --module examples/own_network.py --smoke-test \
        --set network=shallow

An encoder maps images in [0, 1] to (B, 2 d) or (B, 2 c, h, w): the means of q(z|x), then rho with
std = softplus(rho). A decoder maps z to (B, shape.width, side, side). The layers next to z are
called `head` and `stem`: results count their parameters separately. Both names are optional.
"""

from torch import Tensor, nn

from scaling.models.networks import NETWORKS, Shape
from scaling.trial import VaeTrial

LATENTS = 4  # at m_z = 1


class Encoder(nn.Module):
    """Maps pixels to n_c hidden units, then to means and rhos."""

    def __init__(self, trial: VaeTrial, shape: Shape) -> None:
        super().__init__()
        pixels = shape.channels * shape.side**2
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(pixels, trial.n_c), nn.GELU())
        self.head = nn.Linear(trial.n_c, 2 * LATENTS * trial.m_z)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class Decoder(nn.Module):
    """Maps z to n_c hidden units, then to the parameters of p(x|z) at each pixel."""

    def __init__(self, trial: VaeTrial, shape: Shape) -> None:
        super().__init__()
        self.stem = nn.Linear(LATENTS * trial.m_z, trial.n_c)
        self.body = nn.Sequential(
            nn.GELU(),
            nn.Linear(trial.n_c, shape.width * shape.side**2),
            nn.Unflatten(1, (shape.width, shape.side, shape.side)),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.body(self.stem(z))


NETWORKS["shallow"] = (Encoder, Decoder)
