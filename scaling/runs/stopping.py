"""Ends a hopeless VAE trial early, by a rule that looks at this trial alone.

Trials are not compared with each other: a rule by rank would end just those trials that recover
late, which a study of double descent is about. A trial that ended early is censored: it has no
final value, and no mean includes it.
"""

import math

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from scaling.metrics.frozen import frozen
from scaling.models.vae import VAE, prior
from scaling.storage.checkpoints import State
from scaling.trial import VaeTrial

PROBED = 100  # number of images of D_train whose KL is measured


class StopRule:
    """Counts the consecutive epochs in which a trial is collapsed, or diverged.

    Collapsed: KL(q(z|x) || p(z)), averaged over the first 100 images of D_train in eval mode, is
    below `stop_kl` nats, so that z says nothing about x. Diverged: the epoch's mean training loss
    is above that of the first epoch that counts. Epochs of the mollification schedule do not count:
    there the model is trained on noise. `state_dict` returns what the next epoch depends on.
    """

    def __init__(self, trial: VaeTrial) -> None:
        self.trial = trial
        self.first = math.nan  # loss of the first epoch that counts
        self.collapsed = self.diverged = 0  # consecutive epochs

    def __call__(self, epoch: int, loss: float, vae: VAE, train: Tensor) -> str:
        """Returns why the trial ends with this epoch, or ""."""
        if epoch <= self.trial.source.mollify_epochs:
            return ""
        if self.trial.stops("collapsed"):
            low = mean_kl(vae, train[:PROBED]) < self.trial.stop_kl
            self.collapsed = self.collapsed + 1 if low else 0
        if self.trial.stops("diverged"):
            self.first = loss if math.isnan(self.first) else self.first
            self.diverged = self.diverged + 1 if loss > self.first else 0
        counts = {"collapsed": self.collapsed, "diverged": self.diverged}
        return next((why for why, n in counts.items() if n >= self.trial.stop_after), "")

    def state_dict(self) -> State:
        """Returns the counts and the first loss."""
        return {"first": self.first, "collapsed": self.collapsed, "diverged": self.diverged}

    def load_state_dict(self, state_dict: State) -> None:
        """Restores the state that `state_dict` returned."""
        self.first = state_dict["first"]
        self.collapsed, self.diverged = state_dict["collapsed"], state_dict["diverged"]


@torch.no_grad()
def mean_kl(vae: VAE, images: Tensor) -> float:
    """Returns the mean of KL(q(z|x) || p(z)) over the images in nats; draws no random number."""
    with frozen(vae):
        q = vae.encode(images)
        return float(kl_divergence(q, prior(q)).double().mean())
