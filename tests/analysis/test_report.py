"""The report after a study: its lines, figures, failed and unfinished trials."""

import pytest

from analysis import figures
from analysis.errors import ResultsError
from analysis.report import report, report_on


@pytest.fixture
def quick(monkeypatch):
    """Writes numbers only, since drawing is tested elsewhere."""
    monkeypatch.setattr(figures, "FORMATS", ("csv",))


def test_the_report_of_a_finished_study_has_figures_and_verdict(study):
    output = report(study)
    assert output[0].endswith("42 of 42 trials done.")
    assert any(line.startswith("Double descent along the path") for line in output)
    written = {path.name for path in (study / "figures").iterdir()}
    drawn = ("fig7", "fig8", "epochs", "heat", "learning")
    assert written == {f"{name}.{suffix}" for name in drawn for suffix in ("png", "pdf", "csv")}
    assert (study / "trials.parquet").is_file()


def test_a_report_on_a_file_is_refused_with_what_draws_from_files(study):
    report(study, [])
    with pytest.raises(ResultsError, match="a study's folder, and .* is a file. Give a folder"):
        report_on(study / "trials.parquet")


def test_a_study_without_rows_is_reported(results):
    results.add(results.vae(1, 2, 0), [], done=False)
    output = report(results.close())
    assert "0 of 1 trials done, 1 waiting" in output[0]
    assert "no measured epoch" in output[1]


def test_a_study_without_trials_on_disk_is_reported(results):
    assert "none of its trials is on disk" in report(results.close())[0]


def test_a_study_of_partial_trials_is_reported(results):
    trial = results.vae(1, 2, 0)
    results.add(trial, [results.row(trial, 40, 100.0)], done=False)
    output = report(results.close())
    assert "1 partial" in output[0]
    unfinished = sum("No VAE trial is finished" in line for line in output)
    # the lines of the figures and the verdict
    assert unfinished == len(figures.STUDIES["double_descent"]) + 1


def test_failed_trials_are_named_and_the_rest_is_drawn(results, quick):
    results.fill({k: v for k, v in results.TRUTH.items() if k != (4, 32)}, seeds=range(5))
    for seed in range(5):
        trial = results.vae(4, 32, seed)
        done = {"state": "failed", "epoch": 41, "error": "ELBO is NaN"}
        results.add(trial, [results.row(trial, 40, 99.0)], done, key=f"broken-{seed}")
    output = report(results.close())
    assert "45 of 50 trials done, 5 failed" in output[0]
    assert "broken-0 at epoch 41: ELBO is NaN" in output[1]
    assert "and 2 more failed" in output[4]
    assert any(line.startswith("fig8: ") for line in output)
    assert "(m_z=4, n_c=32): all seeds" in output[-1]


def test_a_grid_without_a_path_gives_figure_7(results, quick):
    results.fill({(1, 2): 99.0, (1, 4): 98.0, (1, 8): 97.0})
    output = report(results.close())
    assert any(line.startswith("fig7: ") for line in output)
    assert any(line.startswith("fig8 is not drawn: No n_c has two or more m_z") for line in output)
    assert output[-1].startswith("Double descent: No n_c")


def test_a_study_of_diffusion_models_is_reported(results):
    results.add({"kind": "diffusion", "seed": 0}, [{"epoch": 120, "loss": 0.1}])
    assert any("No VAE trial is finished" in line for line in report(results.close()))


def test_a_folder_that_is_no_study_is_refused(results, tmp_path):
    results.fill({(1, 2): 99.0})
    assert "is not a study's folder" in report(results.root)[-1]
    with pytest.raises(ResultsError, match="does not exist"):
        report(tmp_path / "nowhere")


def test_named_figures_are_drawn_and_tables_printed(studies, quick):
    studies.data_sources()
    folder = studies.results.close()
    output = report(folder, ["fig2", "fig6", "fig10", "table7"])
    assert "fig2: " in output[1] and "fig6: " in output[2]
    assert output[3].startswith("fig10 is not drawn: Figure 10 needs VAEs trained on BinaryMNIST")
    assert {path.name for path in (folder / "figures").iterdir()} == {
        "fig2.csv", "fig6.csv", "table7.csv",
    }  # fmt: skip
    assert any("generalization (nats)" in line for line in output)
    assert not any("Double descent" in line for line in output)


def test_a_study_is_reported_on_by_its_name(studies, quick):
    studies.mixtures()
    folder = studies.results.close()
    text = (folder / "study.json").read_text()
    (folder / "study.json").write_text(text.replace("double_descent", "mixtures"))
    assert [line.partition(":")[0] for line in report_on(folder)[1:]] == ["fig15"]
    assert any(line.startswith("fig16 is not drawn") for line in report_on(folder, ["fig16"]))


def test_every_figure_belongs_to_one_study():
    shown = [name for names in figures.STUDIES.values() for name in names]
    drawn_where_recorded = ["search", "tuned"]
    when_asked_for = ["noise", "cost", "samples"]
    assert sorted([*shown, *drawn_where_recorded, *when_asked_for]) == sorted(figures.names())


def test_a_figure_with_a_fault_of_the_program_costs_no_other_and_no_verdict(
    study, quick, monkeypatch
):
    plain = figures.numbers

    def broken(name, frame):
        if name == "fig7":
            raise KeyError("a column")
        return plain(name, frame)

    monkeypatch.setattr(figures, "numbers", broken)
    lines = report(study)
    (line,) = [
        line for line in lines if line.startswith("fig7 is not drawn: KeyError: 'a column'.")
    ]
    assert "fault of the program" in line
    assert any(line.startswith("fig8: ") for line in lines)
    assert any(line.startswith("Double descent along the path") for line in lines)
