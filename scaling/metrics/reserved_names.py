"""Lists the names in rows and `arrays.npz` that a metric of a user's module may not use.

`merge_row` and `merge_arrays` replace what has the same name, so that it would be lost.
"""

from scaling.metrics.options import OPTIONS
from scaling.trial import DiffusionTrial, Source, TwoSampleTrial, VaeTrial

ABSENT = "_absent"  # ends the name of the column with the reason why a metric was not measured
ROW = frozenset(  # besides the COLUMNS of the metrics
    "accuracy censored corruptions d_z data drawn_from draws epoch fingerprint generalization_gap "
    "images_per_s images_seen interpolation_first interpolation_mean loss majority_share "
    "parameters parameters_rest parameters_z pool_near_copies pool_near_copies_test pool_nearest "
    "pool_nearest_test precision robustness_references robustness_variant "
    "sample_quality_extractor seconds source_elbo test_bits_per_dim test_elbo test_images test_kl "
    "test_loss test_reconstruction train_accuracy train_elbo train_images train_kl train_loss "
    "train_reconstruction training_flops validation_elbo validation_images".split()
)
ARRAYS = frozenset(
    "attack_reference_reconstructions attack_references attacked_images attacked_reconstructions "
    "prior_samples reconstruction_samples reconstructions samples test_images".split()
)
KINDS = (VaeTrial, DiffusionTrial, TwoSampleTrial)
TRIAL = frozenset({"key", "kind", "state", "format", "modules"}).union(
    *(kind.__dataclass_fields__ for kind in KINDS),
    (f"source_{name}" for name in Source.__dataclass_fields__),
)


def is_reserved(column: str) -> bool:
    """Returns True if rows, or tables made of them, have a column of this name anyway."""
    return column in ROW or column in TRIAL or column.endswith((ABSENT, OPTIONS))
