"""Describes two tabs of TensorBoard: the columns of HParams and the charts of Custom Scalars."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tensorboard.compat.proto import summary_pb2
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as layouts
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import metadata as hyper
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.util import tensor_util

Layout = Mapping[str, Mapping[str, Sequence[str]]]


def experiment(values: Mapping[str, Sequence[Any]], metrics: Sequence[str]) -> Any:
    """Returns the columns of the HParams tab: hyperparameters with their values, metrics by tag."""
    infos = [
        api_pb2.HParamInfo(name=name, type=_type(choices), differs=len(set(choices)) > 1)
        for name, choices in values.items()
    ]
    metric_infos = [
        api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag), display_name=tag) for tag in metrics
    ]
    message = api_pb2.Experiment(
        hparam_infos=infos, metric_infos=metric_infos, time_created_secs=time.time()
    )
    metadata = hyper.create_summary_metadata(HParamsPluginData(experiment=message))
    return summary_pb2.Summary.Value(
        tag=hyper.EXPERIMENT_TAG, metadata=metadata, tensor=hyper.NULL_TENSOR
    )


def _type(values: Sequence[Any]) -> int:
    """Returns TensorBoard's type for a column of values; it has a single type for all numbers."""
    if all(isinstance(value, bool) for value in values):
        return api_pb2.DATA_TYPE_BOOL
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return api_pb2.DATA_TYPE_FLOAT64 if numbers else api_pb2.DATA_TYPE_STRING


def layout(categories: Layout) -> Any:
    """Returns the charts of the Custom Scalars tab: category -> title -> tags.

    A title with three tags, the last two ending in _low and _high, is a line with a band.
    """
    chosen = [
        layout_pb2.Category(
            title=title, chart=[_chart(name, tags) for name, tags in charts.items()]
        )
        for title, charts in categories.items()
    ]
    text = layout_pb2.Layout(category=chosen).SerializeToString()
    return summary_pb2.Summary.Value(
        tag=layouts.CONFIG_SUMMARY_TAG,
        metadata=layouts.create_summary_metadata(),
        tensor=tensor_util.make_tensor_proto(text, dtype=np.object_),
    )


def _chart(title: str, tags: Sequence[str]) -> Any:
    if len(tags) == 3 and tags[1].endswith("_low") and tags[2].endswith("_high"):
        series = layout_pb2.MarginChartContent.Series(value=tags[0], lower=tags[1], upper=tags[2])
        return layout_pb2.Chart(title=title, margin=layout_pb2.MarginChartContent(series=[series]))
    return layout_pb2.Chart(title=title, multiline=layout_pb2.MultilineChartContent(tag=tags))
