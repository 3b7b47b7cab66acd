"""Templates of HTML pages: escaping, missing values, filters."""

import pytest
from jinja2 import UndefinedError

from analysis.template import filled


@pytest.fixture
def template(tmp_path):
    file = tmp_path / "page.html"
    file.write_text("<p>{{ name }}</p>{{ size | doubled }}")
    return file


def test_values_are_escaped_and_filtered(template):
    text = filled(template, {"name": "<script>", "size": 2}, {"doubled": lambda size: 2 * size})
    assert text == "<p>&lt;script&gt;</p>4"


def test_a_missing_value_is_an_error(template):
    with pytest.raises(UndefinedError):
        filled(template, {"size": 2}, {"doubled": str})
