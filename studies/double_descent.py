"""Looks for double descent of the negative test ELBO along n_c, then m_z, then n_c (Fig 7, 8).

Expect, under normal training, a U over n_c at m_z = 1, and recovery as m_z grows at the widest n_c.
"""

from dataclasses import dataclass

from analysis import summarize
from scaling import presets
from scaling.cli.study import main
from scaling.presets import POWERS, Preset
from scaling.trial import DMAAPX, VaeTrial, grid


@dataclass(frozen=True, kw_only=True)
class Axes(Preset):
    """Holds the two complexity axes: m_z at one n_c, n_c at some m_z, and the path's last phase."""

    base: VaeTrial
    m_z: tuple[int, ...]  # values of m_z at n_c_fixed (Fig 7 a, b)
    n_c_fixed: int  # the corner of the path
    n_c: tuple[int, ...]  # values of n_c at each of m_z_rows (Fig 7 c, d)
    m_z_rows: tuple[int, ...]  # values of m_z at which n_c is varied
    n_c_beyond: tuple[int, ...]  # phase 3 of the path, at the largest m_z
    row_repeats: int  # number of replicates (or seeds) of trials that are not on the path
    dmaapx_rows: tuple[int, ...]  # m_z at which n_c is also varied on diffusion samples
    dmaapx_repeats: int  # number of replicates (or seeds) of trials on diffusion samples


def _fully_connected(dataset: str, about: str) -> Axes:
    """Returns the preset of a data set whose VAE is fully connected, with n_c its hidden width."""
    return Axes(
        about=about, **presets.one_gpu(dataset), seeds=(0, 1), m_z=(1, 2, 4, 8), n_c_fixed=512,
        n_c=(8, 32, 128, 512), m_z_rows=(1,), n_c_beyond=(1024,), row_repeats=1, dmaapx_rows=(1,),
        dmaapx_repeats=1,
    )  # fmt: skip


PRESETS = {
    # On the development part, m_z = 64 still gains after the 60 epochs that m_z <= 16 needs.
    "digits": Axes(
        about="five random splits of sklearn's digits, 6 min on 2 cores", **presets.digits(),
        m_z=(1, 16), n_c_fixed=32, n_c=(2, 8, 16, 32), m_z_rows=(1,),
        n_c_beyond=(48,), row_repeats=0, dmaapx_rows=(1,), dmaapx_repeats=3,
    ),
    "digits-long": Axes(
        about="ten random splits, more epochs and points, 1 to 2 hours on 2 cores",
        **presets.digits(epochs=120) | {"replicates": tuple(range(10))}, m_z=POWERS,
        n_c_fixed=32, n_c=(2, 4, 8, 16, 32), m_z_rows=(1, 2, 8, 64), n_c_beyond=(64,),
        row_repeats=5, dmaapx_rows=(1, 64), dmaapx_repeats=5,
    ),
    "digits-tuned": Axes(
        about="part of digits-long: few m_z, normal training; for --lr-from, 30 min on 2 cores",
        **presets.digits(epochs=120) | {"replicates": tuple(range(10))}, m_z=(1, 4, 64),
        n_c_fixed=32, n_c=(2, 4, 8, 16, 32), m_z_rows=(1, 64), n_c_beyond=(32,),  # no third phase
        row_repeats=10, dmaapx_rows=(), dmaapx_repeats=0,
    ),
    "mnist-small": Axes(
        about="5,000 BinaryMNIST images, n_c = hidden width, 1 to 2 hours on 2 cores",
        **presets.mnist_small(epochs=200, measure_every=20), m_z=(1, 4),
        n_c_fixed=512, n_c=(8, 32, 128, 512), m_z_rows=(1,), n_c_beyond=(1024,), row_repeats=2,
        dmaapx_rows=(1,), dmaapx_repeats=1,
    ),
    "mnist-draws": Axes(
        about="five disjoint D_trains of 5,000 BinaryMNIST images, hours on 2 cores",
        **presets.mnist_small(epochs=200, measure_every=10) | {"replicates": (0, 1, 2, 3, 4)},
        m_z=POWERS, n_c_fixed=512, n_c=(8, 16, 32, 64, 128, 256, 512), m_z_rows=(1,),
        n_c_beyond=(1024,), row_repeats=0, dmaapx_rows=(), dmaapx_repeats=0,
    ),
    "cifar10-draws": Axes(
        about="three disjoint D_trains of 5,000 CIFAR-10 images, minutes on a large GPU",
        **presets.cifar10_draws(), m_z=POWERS, n_c_fixed=128, n_c=(*POWERS, 128), m_z_rows=(1,),
        n_c_beyond=(128,), row_repeats=0, dmaapx_rows=(), dmaapx_repeats=0,
    ),
    "mnist": _fully_connected("mnist", "all of BinaryMNIST, one GPU"),
    "fashion_mnist": _fully_connected("fashion_mnist", "all of FashionMNIST, one GPU"),
    "cifar10": Axes(
        about="CIFAR-10 up to n_c = 128, 200 epochs, one GPU", **presets.one_gpu("cifar10"),
        seeds=(0, 1), m_z=(1, 4, 16, 64), n_c_fixed=128, n_c=(2, 8, 16, 32, 64, 128),
        m_z_rows=(1, 8, 64), n_c_beyond=(256,), row_repeats=1, dmaapx_rows=(1, 64),
        dmaapx_repeats=1,
    ),
    "paper": Axes(
        about="the paper's grid and epochs on CIFAR-10, weeks on one GPU", **presets.paper(),
        seeds=(0,), m_z=POWERS, n_c_fixed=256, n_c=(*POWERS, 128, 256, 512),
        m_z_rows=(1, 2, 8, 64), n_c_beyond=(512,), row_repeats=1, dmaapx_rows=(1, 2, 8, 64),
        dmaapx_repeats=1,
    ),
    "smoke": Axes(
        about="tiny", **presets.smoke(), m_z=(1, 2), n_c_fixed=8, n_c=(2, 4, 8),
        m_z_rows=(1,), n_c_beyond=(16,), row_repeats=1, dmaapx_rows=(1,), dmaapx_repeats=1,
    ),
}  # fmt: skip


def trials(preset: Axes) -> list[VaeTrial]:
    """Returns Figure 8's path in all replicates, other rows of Figure 7 in some, both on DMaaPx."""
    over_m_z = grid(preset.base, m_z=preset.m_z, n_c=[preset.n_c_fixed])
    over_n_c = grid(preset.base, m_z=[min(preset.m_z)], n_c=preset.n_c)
    beyond = grid(preset.base, m_z=[max(preset.m_z)], n_c=preset.n_c_beyond)
    rows = grid(preset.base, m_z=preset.m_z_rows, n_c=preset.n_c)
    path = over_n_c + over_m_z + beyond
    result = grid(path, **preset.chance())
    if preset.row_repeats:
        result += grid(rows, **preset.chance(preset.row_repeats))
    if preset.dmaapx_repeats:
        dmaapx = path + grid(preset.base, m_z=preset.dmaapx_rows, n_c=preset.n_c)
        result += grid(dmaapx, source=[DMAAPX], **preset.chance(preset.dmaapx_repeats))
    return list(dict.fromkeys(result))


if __name__ == "__main__":
    main("double_descent", trials, PRESETS, summarize)
