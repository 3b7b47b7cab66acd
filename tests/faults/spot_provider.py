"""A provider of nodes for Ray's autoscaler that loses nodes, as a cloud reclaims spot machines."""

from ray.autoscaler._private.fake_multi_node.node_provider import FakeMultiNodeProvider


class SpotProvider(FakeMultiNodeProvider):
    """Runs nodes as processes here; a node whose raylet has died is no longer listed."""

    def non_terminated_nodes(self, tag_filters):
        with self.lock:
            lost = [name for name, each in self._nodes.items() if _has_died(each.get("node"))]
            for name in lost:
                del self._nodes[name]
        return super().non_terminated_nodes(tag_filters)


def _has_died(node):
    """Returns True if a node's raylet is gone; the head is no node of the provider's own."""
    raylets = node.all_processes.get("raylet", []) if node else []
    return any(info.process.poll() is not None for info in raylets)
