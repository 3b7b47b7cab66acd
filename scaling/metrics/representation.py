"""Classifies latent means by four classifiers (Table 11 RL, Fig 4 left, Fig 19).

The two support vector machines and the nearest neighbours share one matrix of inner products,
which is converted in place to squared distances and then to the Gaussian kernel.
"""

import warnings
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

from scaling.metrics.frozen import frozen
from scaling.metrics.subject import Subject
from scaling.models.vae import VAE
from scaling.trial.bounds import Bounds, Count, Positive
from scaling.trial.validation import Validated

CLASSIFIERS = ("logistic", "svm_linear", "svm_rbf", "knn")
COLUMNS = tuple(f"accuracy_{name}" for name in CLASSIFIERS)
SPLIT_SEED = 42  # of the permutation whose start is for training; the same for all models
NEIGHBOURS = 5  # Appendix F
SAGA_SEEDS = range(5)
ENCODE_BATCH = 512


INSIDE = Bounds(above=0.0, below=1.0)


@dataclass(frozen=True)
class Settings(Validated):
    """Holds the options of the classifiers."""

    train_share: Annotated[float, INSIDE] = 0.8  # of the test images; the rest is for testing
    solver: Literal["lbfgs", "saga"] = "lbfgs"  # saga: stopped after 100 steps, mean of 5 seeds
    images: Count | None = None  # number of test images, from the first one on; None: all
    # Tolerance of the linear SVM. scikit-learn's default is 1e-3; on latent means of CIFAR-10 this
    # value halves the time, with 99.5 % equal predictions and accuracies within 0.1 points.
    linear_tolerance: Positive = 2e-2

    def used(self, subject: Subject) -> dict[str, object]:
        """Returns all options, with the number of images that are classified."""
        return asdict(self) | {"images": len(subject.test[: self.images])}


DEFAULT = Settings()


def measure(
    subject: Subject, settings: Settings = DEFAULT
) -> tuple[dict[str, float | str], dict[str, np.ndarray]]:
    """Returns accuracies in [0, 1] on clean images, or the reason in `representation_absent`.

    `majority_share` is the accuracy without any representation: of the class that is the most
    frequent in the training part, given as the answer for every image of the testing part.
    """
    labels = subject.data.test_labels[: settings.images]
    reason = unfit(labels, settings)
    if reason:
        return {"representation_absent": reason}, {}
    found = accuracies(latent_means(subject.vae, subject.test[: settings.images]), labels, settings)
    row: dict[str, float | str] = {f"accuracy_{name}": value for name, value in found.items()}
    return row | {"majority_share": _majority_share(labels, settings)}, {}


@torch.no_grad()
def latent_means(vae: VAE, images: Tensor) -> NDArray[np.float64]:
    """Returns the means of q(z|x), flattened (N, d_z), in eval mode."""
    with frozen(vae):
        means = [vae.encode(x).mean.flatten(1) for x in images.split(ENCODE_BATCH)]
    return torch.cat(means).cpu().double().numpy()


def unfit(labels: np.ndarray, settings: Settings) -> str:
    """Returns the reason why the images cannot be classified, or an empty string."""
    if not len(labels):
        return "the test images have no labels"
    train = _split(len(labels), settings)[0]
    if len(np.unique(labels)) == 1:
        return f"all {len(labels)} labelled images are of one class, and classifiers need two"
    if len(train) < NEIGHBOURS or len(np.unique(labels[train])) < 2:
        return f"{len(train)} labelled images are too few to train a classifier"
    return ""


def _split(count: int, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.RandomState(SPLIT_SEED).permutation(count)
    return tuple(np.split(order, [int(settings.train_share * count)]))  # type: ignore[return-value]


def _majority_share(labels: np.ndarray, settings: Settings) -> float:
    train, test = _split(len(labels), settings)
    classes, counts = np.unique(labels[train], return_counts=True)
    return float(np.mean(labels[test] == classes[counts.argmax()]))


def accuracies(
    features: NDArray[np.float64], labels: np.ndarray, settings: Settings = DEFAULT
) -> dict[str, float]:
    """Returns each classifier's test accuracy in [0, 1] on raw features (N, d), labels (N,)."""
    train, test = _split(len(labels), settings)
    # Sorted by class, each pair of classes reads neighbouring columns of the kernel: twice as fast.
    train = train[np.argsort(labels[train], kind="stable")]
    x, y = (features[train], features[test]), (labels[train], labels[test])
    # More threads than free cores make the many small products ten times slower.
    with threadpool_limits(torch.get_num_threads()):
        return {"logistic": _logistic(x, y, settings.solver)} | by_kernel(
            x, y, settings.linear_tolerance
        )


TrainAndTest = tuple[NDArray, NDArray]  # training part, test part


def _logistic(x: TrainAndTest, y: TrainAndTest, solver: str) -> float:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if solver == "saga":
        models = [LogisticRegression(solver="saga", random_state=seed) for seed in SAGA_SEEDS]
    else:
        models = [LogisticRegression(max_iter=1000)]
    with warnings.catch_warnings():
        # Unscaled features often need more steps, but the protocol fixes the number of steps.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return float(np.mean([model.fit(x[0], y[0]).score(x[1], y[1]) for model in models]))


def by_kernel(
    x: TrainAndTest, y: TrainAndTest, linear_tolerance: float = DEFAULT.linear_tolerance
) -> dict[str, float]:
    """Returns the accuracies of SVMs with C = 1 and of neighbours, all from one float32 matrix.

    The matrix is (N, training images), in the precision of the encoder; libsvm converts its part
    to float64.
    """
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    count = len(x[0])

    def score(model: SVC | KNeighborsClassifier) -> float:
        return float(model.fit(kernel[:count], y[0]).score(kernel[count:], y[1]))

    features = np.concatenate([part.astype(np.float32) for part in x])
    kernel = features @ features[:count].T
    linear = score(SVC(kernel="precomputed", tol=linear_tolerance))
    squares = np.concatenate([(part**2).sum(1) for part in x]).astype(np.float32)
    kernel *= -2  # the first step to squared distances
    kernel += squares[:, None]
    kernel += squares[:count]
    np.maximum(kernel, 0, out=kernel)
    neighbours = score(KNeighborsClassifier(NEIGHBOURS, metric="precomputed"))
    kernel *= -1 / (x[0].shape[1] * max(x[0].var(), np.finfo(float).tiny))  # gamma="scale"
    np.exp(kernel, out=kernel)
    return {"svm_linear": linear, "svm_rbf": score(SVC(kernel="precomputed")), "knn": neighbours}
