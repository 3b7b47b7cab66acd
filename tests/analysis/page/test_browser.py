"""The page of the digits study in a real browser."""

from pathlib import Path

import pytest

from analysis import page, results
from tests import browser

pytestmark = browser.needed
PUBLISHED = Path(page.__file__).parents[1] / "published" / "digits" / "double_descent.parquet"
MB = 1_000_000


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return page.write(PUBLISHED, tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def tab(written, tmp_path_factory):
    opened = browser.Browser(tmp_path_factory.mktemp("profile"))
    opened.open(written)
    yield opened
    opened.close()


def cells(tab, column):
    return tab.run(
        f"[...document.querySelectorAll('#trials-table tbody tr:not([hidden])')]"
        f".map(r => r.cells[{column}].textContent)"
    )


def column(tab, name):
    heads = "[...document.querySelectorAll('#trials-table th')].map(h => h.dataset.name)"
    return tab.run(heads).index(name)


def test_the_page_is_small_loads_nothing_and_logs_nothing(written, tab):
    assert written.stat().st_size < 2 * MB
    assert [url for url in tab.requests if not url.startswith("data:")] == [written.as_uri()]
    assert tab.console == []


@pytest.mark.parametrize(
    ("attempt", "directive"),
    [
        ("fetch('https://example.org').catch(() => 0)", "connect-src"),
        (
            "document.body.append(Object.assign(new Image(), {src: 'https://a.b/', alt: 'x'}))",
            "img-src",
        ),
        (
            "document.body.append(Object.assign(document.createElement('script'), {text: 'x=1'}))",
            "script-src-elem",
        ),
    ],
)
def test_the_policy_forbids_every_request_and_script_of_others(tab, attempt, directive):
    violated = tab.run(
        "new Promise(done => { addEventListener('securitypolicyviolation',"
        f" e => done(e.violatedDirective)); {attempt};"
        " setTimeout(() => done('allowed'), 30000); })"
    )
    assert violated == directive


def test_a_column_is_sorted_and_unsorted_by_its_head(tab):
    at = column(tab, "test ELBO")
    click = f"document.querySelectorAll('#trials-table th')[{at}].querySelector('button').click()"
    frame = results.load(PUBLISHED).drop_duplicates("key", keep="last")
    known = sorted(frame["test_elbo"].dropna())
    tab.run(click)
    up = [float(text) for text in cells(tab, at) if text]
    assert up == pytest.approx(known, rel=1e-3)
    tab.run(click)
    assert [float(text) for text in cells(tab, at) if text] == up[::-1]
    assert (
        tab.run("document.querySelector('[aria-sort]').getAttribute('aria-sort')") == "descending"
    )


@pytest.mark.parametrize("words", ["m_z=64 normal", "m_z>16 normal", "NORMAL m_z=64 epoch>79"])
def test_rows_are_filtered_by_words_and_comparisons(tab, words):
    tab.run(
        f"(b => {{ b.value = '{words}'; b.dispatchEvent(new Event('input')); }})"
        "(document.getElementById('trials-filter'))"
    )
    frame = results.load(PUBLISHED).drop_duplicates("key", keep="last")
    fitting = frame[(frame["m_z"] == 64) & (frame["source"] == "normal")]
    assert len(cells(tab, 0)) == len(fitting)
    output = tab.run("document.getElementById('trials-count').textContent")
    assert output == f"{len(fitting)} of {frame['key'].nunique()} trials"


def test_the_map_shows_any_column_and_the_numbers_of_a_cell(tab):
    tab.run(
        "(s => { s.value = 'parameters'; s.dispatchEvent(new Event('change')); })"
        "(document.getElementById('map-column'))"
    )
    cell = 'document.querySelector(\'table.map[data-line=normal] td[data-m="1"][data-n="2"]\')'
    frame = results.load(PUBLISHED)
    size = frame.loc[(frame["m_z"] == 1) & (frame["n_c"] == 2), "parameters"].iloc[0]
    assert tab.run(f"{cell}.textContent") == str(size)
    tab.ask("Emulation.setFocusEmulationEnabled", enabled=True)
    tab.run(f"{cell}.focus()")
    output = tab.run("document.getElementById('map-value').textContent")
    assert output == f"parameters of normal, m_z=1, n_c=2: {size} [{size}, {size}], n=5"


def test_a_cell_of_the_map_leads_to_its_trials(tab):
    cell = 'document.querySelector(\'table.map[data-line=normal] td[data-m="1"][data-n="32"]\')'
    tab.run(f"{cell}.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Enter', bubbles: true}}))")
    link = tab.run("document.querySelector('#map-trials a').textContent")
    assert link.startswith("5 of ") and link.endswith("listed below: normal m_z=1 n_c=32")
    assert len(cells(tab, 0)) == 5
    assert set(cells(tab, column(tab, "n_c"))) == {"32"}


def test_claims_are_filtered_by_verdict(tab):
    shown = "[...document.querySelectorAll('#claims-list > li:not([hidden])')]"
    every = tab.run(f"{shown}.length")
    for verdict in ("holds", ""):
        tab.run(
            f"(s => {{ s.value = '{verdict}'; s.dispatchEvent(new Event('change')); }})"
            "(document.getElementById('claims-filter'))"
        )
        found = set(tab.run(f"{shown}.map(li => li.dataset.verdict)"))
        assert found == {"holds"} if verdict else len(found) > 1
    assert tab.run(f"{shown}.length") == every
    assert tab.run("document.querySelectorAll('#claims-list svg.whisker').length") > 3


def test_every_control_and_image_has_a_name(tab):
    nodes = tab.ask("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "link", "combobox", "searchbox", "image", "img", "region", "textbox")
    known = [n for n in nodes if not n["ignored"] and n["role"]["value"] in roles]
    assert len(known) > 40
    assert [n["role"]["value"] for n in known if not n.get("name", {}).get("value")] == []


def test_a_phone_is_never_scrolled_sideways(written, tab):
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    tab.ask("Emulation.setDeviceMetricsOverride", **size)
    assert tab.run("document.documentElement.scrollWidth") <= 390
    tab.ask("Emulation.clearDeviceMetricsOverride")


def test_without_scripts_the_page_shows_the_numbers(written, tab):
    tab.ask("Emulation.setScriptExecutionDisabled", value=True)
    tab.open(written)
    tab.ask("Emulation.setScriptExecutionDisabled", value=False)
    text = tab.run("document.body.innerText")
    assert "Double descent along the path (normal, 5" in text
    assert tab.run("getComputedStyle(document.querySelector('.controls')).display") == "none"
    assert tab.run("document.querySelectorAll('table.map td:not(.none)').length") == 21
    assert tab.run("document.querySelectorAll('#trials-table tbody tr').length") >= 77


def test_the_page_can_be_printed(tab):
    found = tab.ask("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)
    assert len(found["data"]) > 50_000
