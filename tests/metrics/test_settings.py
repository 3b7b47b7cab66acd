"""Settings of metrics that make no sense are refused by name."""

import pytest

from scaling.errors import UsageError
from scaling.metrics import amortization, robustness

WRONG = [(amortization, {"steps": 0}), (amortization, {"lr": -1.0}), (amortization, {"mc_eval": 0})]
WRONG += [(amortization, {"init": "zero"}), (robustness, {"n_ref": 0})]
WRONG += [(robustness, {"delta": -0.1}), (robustness, {"grad": "adam"})]


@pytest.mark.parametrize(("metric", "wrong"), WRONG)
def test_settings_that_make_no_sense_are_refused(metric, wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        metric.Settings(**wrong)
