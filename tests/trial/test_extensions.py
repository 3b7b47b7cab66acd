"""A user's modules that cannot be loaded: the error names them, and nothing is changed."""

import sys

import pytest

from scaling.errors import UsageError
from scaling.models.networks import NETWORKS
from scaling.trial import VaeTrial, extensions, from_dict, to_dict

ADDS = "from scaling.models.networks import NETWORKS\n"
METRIC = (
    "import sys\nfrom scaling.metrics import EXTRA\n"
    "COLUMNS, Settings, measure = {}, 0, 0\nEXTRA['mine'] = sys.modules[__name__]\n"
)
BAD = {
    "is not Python: invalid syntax, line 1": "def x(:\n",
    "raises ZeroDivisionError: division by zero, line 2": '"""A."""\n1 / 0\n',
    "the network residual exists already": ADDS + "NETWORKS['new'] = NETWORKS['residual'] = 1\n",
    "the metric psnr has no COLUMNS": "from scaling.metrics import EXTRA\nEXTRA['psnr'] = 1\n",
    "defines psnr_mean, which psnr already": "import sys\nfrom scaling.metrics import EXTRA\n"
    "COLUMNS, Settings, measure = ('psnr_mean',), 0, 0\nEXTRA['mine'] = sys.modules[__name__]\n",
    "the COLUMNS of the metric mine are one text. Give a tuple of names": METRIC.format("'mine'"),
    **{f"the metric mine defines {name}, a column that rows or trials have anyway. Give it another":
       METRIC.format(("mine", name)) for name in ("epoch", "test_elbo", "lr", "mine_absent")},
}  # fmt: skip


@pytest.mark.parametrize("message", BAD)
def test_a_module_that_does_not_load_is_named(tmp_path, message):
    file = tmp_path / "badly_made.py"
    file.write_text(BAD[message])
    before = dict(NETWORKS)
    with pytest.raises(UsageError) as error:
        extensions.load(extensions.find(str(file)))
    assert message in str(error.value) and f"--module {file}" in str(error.value)
    assert before == NETWORKS and "badly_made" not in sys.modules


@pytest.mark.parametrize(("word", "message"), [
    ("nowhere.py", "there is no such file"), ("nowhere.at_all", "Python finds no module 'nowhere'"),
    ("not-a-name", "neither a Python file nor a dotted name"),
])  # fmt: skip
def test_a_missing_module_is_named(word, message):
    with pytest.raises(UsageError, match=message):
        extensions.find(word)


def test_a_file_must_not_have_the_name_of_another_module(tmp_path):
    for name, message in (
        ("json.py", "another module 'json'"),
        ("a-b.py", "cannot import a file of that name"),
    ):
        (tmp_path / name).write_text("")
        with pytest.raises(UsageError, match=message):
            extensions.load(extensions.find(str(tmp_path / name)))


def test_the_error_of_a_trial_names_its_module_that_is_not_loaded():
    values = to_dict(VaeTrial("digits")) | {"network": "theirs"}
    with pytest.raises(UsageError, match="Unknown network 'theirs'. Known: fully_connected, res"):
        from_dict(values)
    with pytest.raises(UsageError, match="created with --module /a/theirs.py. Add that."):
        from_dict(values | {"modules": {"network": "/a/theirs.py"}})
