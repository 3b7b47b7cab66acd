"""Writes a study's description into TensorBoard: its texts, figures, hyperparameters and charts."""

from collections.abc import Mapping, Sequence

from scaling.storage import means
from scaling.storage.dashboards import experiment, layout
from scaling.storage.run_names import Hparam
from scaling.storage.run_places import RunPlaces, replacing
from scaling.storage.tensorboard import tag_of
from scaling.trial.schedule import Scheduled


def write(
    places: RunPlaces,
    scheduled: Mapping[str, Scheduled],
    text: Mapping[str, str],
    pictures: Mapping[str, bytes],
) -> None:
    """Writes the run that describes a study: texts (Markdown) by title and PNGs by name.

    A second run lists the hyperparameters of the single trials. `scheduled` are the trials by key.
    """
    banded = _banded(scheduled)
    for run in places.of_study:
        with replacing(run) as events:
            for title, markdown in text.items():
                if markdown:
                    events.text(f"study/{title}", markdown)
            for name, content in pictures.items():
                events.png(f"figures/{name}", content, 0)
            final = [f"final/{name}" for name in banded]
            events.add(experiment(_columns_of_cells(places), final))
            events.add(layout(means.charts(bool(places.paths), banded)))
    with replacing(places.of_trials) as events:
        trials = _columns([places.of_trial(key).hparams for key in scheduled])
        events.add(experiment(trials, [tag_of(name) for name in banded]))


def _banded(scheduled: Mapping[str, Scheduled]) -> list[str]:
    """Returns the main metrics that these trials measure."""
    parts = {item.trial.partition for item in scheduled.values()}
    without = {means.VALIDATION} if parts == {"train_and_test"} else set()
    return [name for name in means.BANDED if name not in without]


def _columns_of_cells(places: RunPlaces) -> dict[str, list[Hparam]]:
    """Returns the values that each hyperparameter of the cells takes."""
    cells = places.names.members.values()
    columns = _columns([places.names.hparams(keys[0]) for keys in cells])
    columns["parameters"] = [0, 1]  # placeholders that differ: real values come with the trials
    columns["replicates"] = [len(keys) for keys in cells]
    return columns


def _columns(rows: Sequence[Mapping[str, Hparam]]) -> dict[str, list[Hparam]]:
    """Returns the list of values found for each name."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row[name] for row in rows if name in row] for name in names}
