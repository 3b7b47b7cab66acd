"""Provides a trained run for tests of several metrics."""

from dataclasses import replace

import pytest

from scaling.runs.vae import VaeRun


@pytest.fixture
def trained(trial, tiny):
    run = VaeRun(replace(trial, n_c=4), tiny, 12, 12)
    list(run)
    run.vae.double()
    return run
