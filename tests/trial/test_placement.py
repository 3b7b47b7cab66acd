"""Trials that a machine or cluster can never run are refused before anything starts."""

import pytest

from scaling.errors import UsageError
from scaling.trial.placement import Cluster, check_gpus, check_placement


@pytest.mark.parametrize(("cpus", "gpus"), [(1, 3), (1, 2), (9, 0.5), (5, 0)])
def test_a_trial_that_no_node_can_hold_is_refused(cpus, gpus):
    two_nodes = Cluster(nodes=2, cpus=8, gpus=2, cpus_per_node=4, gpus_per_node=1)
    with pytest.raises(UsageError, match="no node of the cluster has more than"):
        check_placement(two_nodes, cpus, gpus)
    check_placement(two_nodes, 4, 1)


def test_cpus_and_gpus_that_no_single_node_has_together_are_refused():
    mixed = Cluster.of_nodes(((64.0, 0.0), (4.0, 1.0)))
    with pytest.raises(UsageError, match="no node of the cluster has both.*--cpus-per-trial 4"):
        check_placement(mixed, 8, 0.5)
    check_placement(mixed, 8, 0)
    check_placement(mixed, 4, 0.5)


def test_a_cluster_has_the_sum_and_the_maximum_of_its_nodes():
    found = Cluster.of_nodes(((64.0, 0.0), (4.0, 1.0), (8.0, 2.0)))
    assert (found.nodes, found.cpus, found.gpus) == (3, 76, 3)
    assert (found.cpus_per_node, found.gpus_per_node) == (64, 2)


@pytest.mark.parametrize("cpus", [1, 2, 9])
@pytest.mark.parametrize("gpus", [0, 0.25, 1, 2, 3])
def test_a_trial_is_accepted_if_and_only_if_one_node_can_hold_it(cpus, gpus):
    each = ((8.0, 0.0), (2.0, 2.0), (1.0, 1.0))
    if any(c >= cpus and g >= gpus for c, g in each):
        check_placement(Cluster.of_nodes(each), cpus, gpus)
    else:
        with pytest.raises(UsageError, match="A trial needs"):
            check_placement(Cluster.of_nodes(each), cpus, gpus)


def test_the_refusal_names_this_machine_and_numbers_that_work():
    here = Cluster.of_this_machine(2.0, 0.0)
    with pytest.raises(UsageError, match="this machine has 2. Use --cpus-per-trial 2"):
        check_placement(here, 3, 0)
    with pytest.raises(UsageError, match="this machine has 0. Use --gpus-per-trial 0"):
        check_placement(here, 1, 0.5)
    check_placement(here, 2, 0)


def test_planned_gpus_that_are_missing_are_refused():
    with pytest.raises(UsageError, match="planned for a GPU, and this machine has none"):
        check_gpus(0.5, 0, "this machine")
    check_gpus(0.5, 1, "this machine")
    check_gpus(0, 0, "this machine")


@pytest.mark.parametrize(("cpus", "gpus", "expected"), [
    (1, 0.6, 3),  # one on each GPU, although 3 / 0.6 is 5
    (1, 0.4, 5),  # two on each GPU, and one CPU where one GPU is
    (1, 1 / 3, 7),
    (2, 1 / 3, 3),
    (1, 2, 1),  # two GPUs of one node
    (1, 0, 7),
    (4, 0, 1),  # 7 CPUs, but 6 of them on one node
])  # fmt: skip
def test_trials_run_side_by_side_on_whole_nodes_and_whole_gpus(cpus, gpus, expected):
    assert Cluster.of_nodes(((6.0, 2.0), (1.0, 1.0))).side_by_side(cpus, gpus) == expected


@pytest.mark.parametrize("parts", [*range(1, 17)])
def test_as_many_trials_share_a_gpu_as_it_has_parts(parts):
    assert Cluster.of_this_machine(64.0, 1.0).side_by_side(1, 1 / parts) == parts
