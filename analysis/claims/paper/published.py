"""Holds the numbers of the paper's Tables 7 and 11, to compare with ours and with its text."""

from analysis.claims.rules.terms import Term

SOURCES = ("normal", "dmaapx", "aug_tuned", "aug_naive")
NAMES = {"mnist": "BinaryMNIST", "fashion_mnist": "FashionMNIST (Gaussian)", "cifar10": "CIFAR-10"}
TABLE_7 = {  # data set -> gap -> a number per source, in the order of SOURCES
    "mnist": {
        "generalization_gap": (25.76, 0.78, 8.16, 6.38),
        "amortization_gap": (20.32, 7.01, 9.34, 8.16),
        "robustness_gap": (0.49, 0.50, 0.79, 0.74),
    },
    "fashion_mnist": {
        "generalization_gap": (1234.50, 136.57, 614.93, 500.33),
        "amortization_gap": (1135.89, 593.39, 815.52, 729.83),
        "robustness_gap": (0.39, 0.31, 0.21, 0.11),
    },
    "cifar10": {
        "generalization_gap": (841.54, 5.44, 94.28, 228.05),
        "amortization_gap": (835.86, 288.82, 328.08, 390.25),
        "robustness_gap": (0.41, 0.30, 0.35, 0.35),
    },
}
TABLE_11 = {  # CIFAR-10, means of three seeds
    "accuracy_logistic": (0.370, 0.383, 0.361, 0.359),
    "accuracy_svm_rbf": (0.427, 0.438, 0.420, 0.421),
    "accuracy_svm_linear": (0.367, 0.380, 0.366, 0.365),
    "accuracy_knn": (0.325, 0.327, 0.299, 0.300),
    "psnr_sample": (16.087, 16.370, 15.924, 16.105),
    "fid": (219.256, 219.081, 240.898, 237.238),
    "inception_score": (1.818, 1.614, 1.612, 1.656),
}
NUMBERS = TABLE_7 | {"cifar10": TABLE_7["cifar10"] | TABLE_11}


def number(term: Term, dataset: str) -> float | None:
    """Returns the paper's number for a plain term at the default model, None if it gives none."""
    table = NUMBERS.get(dataset, {})
    plain = term.arm.place == "the baseline" and not term.along
    if not plain or term.arm.name not in SOURCES or set(term.columns) - set(table):
        return None
    numbers = [table[name][SOURCES.index(term.arm.name)] for name in term.columns]
    return sum(numbers) / len(numbers)
