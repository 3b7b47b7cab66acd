"""Runs an actor on the driver's node that serves nodes which cannot see the results folder.

Workers on other nodes read and write the folder through it (`scaling.storage.file_server`), and all
workers send it heartbeats (`scaling.cluster.heartbeat`). A node that cannot see the folder is
called blind. Each worker finds out for itself whether its node is, so that nodes may join during a
launch.
"""

import os
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from scaling.cluster.heartbeat import Heartbeats
from scaling.errors import UsageError
from scaling.pools.pool import Pool
from scaling.pools.spec import PoolSpec
from scaling.storage import mirrored
from scaling.storage.file_server import FileServer, Stamp
from scaling.storage.lock import Fence
from scaling.storage.mirrored import MirroredFolder, for_training, scratch
from scaling.storage.provenance import differences, environment
from scaling.storage.store import Store
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import extensions

MARK = ".shared-"  # prefix of a file by which nodes recognize the results folder
ASK_SECONDS = 60.0  # limit for an answer, which a broken connection never gives
ASK_TIMES = 3


class Keeper:
    """Offers a FileServer and the Heartbeats of all workers as one Ray actor."""

    def __init__(self, root: Path) -> None:
        self.files = FileServer(root)
        self.signs = Heartbeats()

    def begin(self, task: str, fence: Fence | None) -> int:
        """Starts an attempt at a task; see `RemoteFiles.begin`."""
        return self.files.begin(task, fence)

    def sizes(self, place: str) -> dict[str, int]:
        """Returns the sizes of the files in a folder; see `RemoteFiles.sizes`."""
        return self.files.sizes(place)

    def read(self, place: str, name: str, start: int) -> np.ndarray:
        """Returns a part of a file; see `RemoteFiles.read`."""
        return self.files.read(place, name, start)

    def write(
        self, stamp: Stamp, place: str, name: str, start: int, part: np.ndarray, size: int
    ) -> None:
        """Receives a part of a file; see `RemoteFiles.write`."""
        self.files.write(stamp, place, name, start, part, size)

    @ray.method(concurrency_group="beats")
    def beat(self, task: str, process: str, waiting: float) -> None:
        """Records a heartbeat; see `Heartbeats.beat`."""
        self.signs.beat(task, process, waiting)

    @ray.method(concurrency_group="beats")
    def retire(self, task: str) -> None:
        """Forgets the task's process; see `Heartbeats.retire`."""
        self.signs.retire(task)

    @ray.method(concurrency_group="beats")
    def silence(self) -> dict[str, tuple[float, float]]:
        """Returns how long each task has been silent; see `Heartbeats.silence`."""
        return self.signs.silence()


OPTIONS: dict[str, Any] = {"num_cpus": 0, "max_restarts": -1, "concurrency_groups": {"beats": 1}}
KEEPER: Any = ray.remote(**OPTIONS)(Keeper)


@dataclass(frozen=True)
class KeeperClient:
    """Connects a worker to the keeper, and finds out whether its node needs it."""

    keeper: Any
    root: Path
    mark: str  # name and content of a file that this session alone has put into the results folder
    modules: tuple[Path, ...] = ()  # the user's own modules
    environment: Mapping[str, str] = field(default_factory=dict)  # the driver's, equal on all nodes

    def check_same_code(self) -> None:
        """Raises UsageError if this node, which may have joined late, has other code."""
        if other := differences(self.environment, environment(self.modules)):
            raise UsageError(
                f"The node {socket.gethostname()} differs from the driver's host: {other}. Its "
                "rows would differ too: install the same there, or stop that node."
            )

    @property
    def sees(self) -> bool:
        """Is True if this host sees the results folder itself, and may write there."""
        probe = self.root / f"{self.mark}.{socket.gethostname()}-{os.getpid()}"
        try:
            if (self.root / self.mark).read_text() != self.mark:
                return False
            probe.write_bytes(b"")
            probe.unlink()
        except OSError:
            return False
        return True

    def begin(self, task: str, fence: Fence | None) -> int:
        """Starts an attempt at a task; see `RemoteFiles.begin`."""
        return self._ask(self.keeper.begin, task, fence)

    def sizes(self, place: str) -> Mapping[str, int]:
        """Returns the sizes of the files in a folder; see `RemoteFiles.sizes`."""
        return self._ask(self.keeper.sizes, place)

    def read(self, place: str, name: str, start: int) -> np.ndarray:
        """Returns a part of a file; see `RemoteFiles.read`."""
        return self._ask(self.keeper.read, place, name, start)

    def write(
        self, stamp: Stamp, place: str, name: str, start: int, part: np.ndarray, size: int
    ) -> None:
        """Sends a part of a file; see `RemoteFiles.write`."""
        self._ask(self.keeper.write, stamp, place, name, start, part, size)

    def _ask(self, method: Any, *arguments: Any) -> Any:
        """Returns the answer to a call, repeated if none arrives.

        A repeated call may reach the server twice, which handles it once.
        """
        for left in reversed(range(ASK_TIMES)):
            try:
                return ray.get(method.remote(*arguments), timeout=ASK_SECONDS)
            except (ActorUnavailableError, GetTimeoutError):
                if not left:
                    raise
        raise AssertionError


@contextmanager
def client_of(root: Path) -> Iterator[KeeperClient]:
    """Starts the keeper on this node and marks the results folder for the `with` block."""
    for left in root.glob(f"{MARK}*"):  # of killed launches: the lock excludes live ones
        left.unlink(missing_ok=True)
    mark = f"{MARK}{uuid.uuid4().hex}"
    (root / mark).write_text(mark)
    this_node = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    try:
        modules = tuple(module.file for module in extensions.loaded())
        keeper = KEEPER.options(scheduling_strategy=this_node).remote(root)
        yield KeeperClient(keeper, root, mark, modules, environment(modules))
    finally:
        (root / mark).unlink(missing_ok=True)


@contextmanager
def trial_folder(
    store: Store,
    key: str,
    client: KeeperClient | None,
    fence: Fence | None = None,
    wanted: Callable[[str], bool] = for_training,
) -> Iterator[TrialFolder]:
    """Provides the trial's folder for one attempt: itself or, on a blind node, a synchronized copy.

    `wanted` selects the files that the copy contains. The server refuses earlier attempts.
    """
    place = f"trials/{key}"
    if client:
        client.check_same_code()
    if client is None:
        yield store.folder(key)
    elif client.sees:
        client.begin(place, fence)
        yield store.folder(key)
    else:
        with scratch() as local:
            path = local / "trials" / key
            uploader = mirrored.begin(client, place, place, path, wanted, fence)
            yield MirroredFolder(path, uploader)


@contextmanager
def pool_folder(
    store: Store, spec: PoolSpec, index: int, client: KeeperClient | None
) -> Iterator[tuple[Store, Callable[[], None]]]:
    """Provides a store to sample a pool's chunk in, and a function that sends new files home.

    On a blind node the store is a local copy of the model and of this chunk's parts; elsewhere it
    is the results folder itself, and the function does nothing.
    """
    if client:
        client.check_same_code()
    if client is None or client.sees:
        yield store, lambda: None
        return
    with scratch() as local:
        copy, place, model = Store(local), f"pools/{spec.name}", str(spec.model)
        mirrored.copy(client, f"trials/{model}", copy.folder(model).path, lambda file: True)
        ours, pool = ("pool.json", f"part-{index:05d}-"), copy.pool(spec.name)
        attempt = (f"{place}/{index}", place, pool, lambda file: file.startswith(ours))
        uploader = mirrored.begin(client, *attempt)
        sent = {path.name for path in pool.iterdir()}

        def upload() -> None:
            for path in sorted(pool.glob("*.npy")):
                if path.name not in sent:
                    uploader.send(path)
                    sent.add(path.name)

        yield copy, upload
        upload()


def copied_pool(client: KeeperClient, name: str, local: Path, chunk: str) -> Pool:
    """Copies a pool's record and the file of one chunk to this host; returns the copied pool."""
    path = local / "pools" / name
    mirrored.copy(client, f"pools/{name}", path, lambda file: file in ("pool.json", chunk))
    return Pool.load(path, path.parent)
