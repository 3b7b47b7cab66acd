"""What goes with a data set: the shape of its images and the settings of Appendix B.1."""

from dataclasses import dataclass
from typing import Any

FC_LATENTS = 16  # d_z of the fully-connected network at m_z = 1 (Table 3)


@dataclass(frozen=True)
class DatasetRow:
    """What goes with a data set: image shape, levels and the settings of Appendix B.1."""

    channels: int
    side: int  # after zero-padding to a multiple of 4
    levels: int
    train_images: int
    settings: dict[str, Any]


FULLY_CONNECTED = {"network": "fully_connected", "lr": 1e-3, "batch": 100}
RESIDUAL = {
    "network": "residual",
    "likelihood": "mixture",
    "mixtures": 10,
    "lr": 1e-4,
    "batch": 100,
}
DATASETS = {
    "digits": DatasetRow(1, 8, 17, 1297, RESIDUAL | {"mixtures": 5, "lr": 3e-3, "batch": 30}),
    "mnist": DatasetRow(1, 32, 2, 60_000, FULLY_CONNECTED | {"likelihood": "bernoulli"}),
    "fashion_mnist": DatasetRow(1, 32, 256, 60_000, FULLY_CONNECTED | {"likelihood": "gaussian"}),
    "cifar10": DatasetRow(3, 32, 256, 50_000, RESIDUAL),
}
