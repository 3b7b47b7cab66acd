"""Fingerprints of the images that trials are trained on; each data set is read once."""

from dataclasses import replace

from scaling.data.fingerprints import fingerprints
from scaling.data.partition import divided
from scaling.trial import DiffusionTrial, VaeTrial

TRIAL = VaeTrial("digits", train_size=45, partition="disjoint", replicate=0)


def test_each_data_set_is_read_once_and_parts_have_their_own_fingerprints(digits):
    read = []

    def load(name, binarise):
        read.append((name, binarise))
        return digits

    fingerprint = fingerprints(load)
    trials = [replace(TRIAL, replicate=n, seed=seed) for n in (0, 1) for seed in (0, 1)]
    found = [fingerprint(trial) for trial in trials]
    assert found[0] == found[1] != found[2] == found[3]
    assert found == [divided(digits, trial.part).fingerprint for trial in trials]
    model = DiffusionTrial("digits", train_size=45, partition="disjoint", replicate=0)
    assert fingerprint(model) == found[0]
    assert read == [("digits", "threshold")]
    fingerprint(VaeTrial("mnist", train_size=45, binarise="static_bernoulli"))
    assert read[1:] == [("mnist", "static_bernoulli")]
