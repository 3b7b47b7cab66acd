"""The driver's post office: an actor beside the results folder, for nodes that do not see it.

Workers elsewhere read and write the folder through it (`scaling.storage.desk`); workers everywhere
tell it that they live (`scaling.cluster.pulse`). Each worker finds out for itself whether its node
sees the folder, so that nodes may come while the launch runs.
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

from scaling.cluster.pulse import Heard
from scaling.errors import UsageError
from scaling.pools.pool import Pool
from scaling.pools.spec import PoolSpec
from scaling.storage import carried
from scaling.storage.carried import CarriedFolder, for_training, scratch
from scaling.storage.desk import Desk, Stamp
from scaling.storage.lock import Fence
from scaling.storage.provenance import differences, environment
from scaling.storage.store import Store
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import extensions

MARK = ".shared-"
ASK_SECONDS = 60.0  # for an answer, which a broken connection never gives
ASK_TIMES = 3


class Keeper:
    """The desk, and the signs of life of all workers; their methods are described there."""

    def __init__(self, root: Path) -> None:
        self.desk = Desk(root)
        self.heard = Heard()

    def begin(self, work: str, fence: Fence | None) -> int:
        return self.desk.begin(work, fence)

    def sizes(self, place: str) -> dict[str, int]:
        return self.desk.sizes(place)

    def read(self, place: str, name: str, start: int) -> np.ndarray:
        return self.desk.read(place, name, start)

    def write(
        self, stamp: Stamp, place: str, name: str, start: int, part: np.ndarray, size: int
    ) -> None:
        self.desk.write(stamp, place, name, start, part, size)

    @ray.method(concurrency_group="beats")
    def beat(self, work: str, process: str, waiting: float) -> None:
        self.heard.beat(work, process, waiting)

    @ray.method(concurrency_group="beats")
    def retire(self, work: str) -> None:
        self.heard.retire(work)

    @ray.method(concurrency_group="beats")
    def silence(self) -> dict[str, tuple[float, float]]:
        return self.heard.silence()


OPTIONS: dict[str, Any] = {"num_cpus": 0, "max_restarts": -1, "concurrency_groups": {"beats": 1}}
KEEPER: Any = ray.remote(**OPTIONS)(Keeper)


@dataclass(frozen=True)
class Courier:
    """A worker's way to the keeper, and how it tells whether it needs one."""

    keeper: Any
    root: Path
    mark: str  # name and content of a file in the results folder, of this session alone
    modules: tuple[Path, ...] = ()  # of the user's
    environment: Mapping[str, str] = field(default_factory=dict)  # the driver's: all have it

    def check_alike(self) -> None:
        """Raises UsageError where this node, which may have come late, has other code."""
        if other := differences(self.environment, environment(self.modules)):
            raise UsageError(
                f"The node {socket.gethostname()} differs from the driver's host: {other}. Its "
                "rows would differ too: install the same there, or stop that node."
            )

    @property
    def sees(self) -> bool:
        """Whether this host sees the results folder itself, and may write there."""
        probe = self.root / f"{self.mark}.{socket.gethostname()}-{os.getpid()}"
        try:
            if (self.root / self.mark).read_text() != self.mark:
                return False
            probe.write_bytes(b"")
            probe.unlink()
        except OSError:
            return False
        return True

    def begin(self, work: str, fence: Fence | None) -> int:
        """See `scaling.storage.desk.Office`."""
        return self._ask(self.keeper.begin, work, fence)

    def sizes(self, place: str) -> Mapping[str, int]:
        """See `scaling.storage.desk.Office`."""
        return self._ask(self.keeper.sizes, place)

    def read(self, place: str, name: str, start: int) -> np.ndarray:
        """See `scaling.storage.desk.Office`."""
        return self._ask(self.keeper.read, place, name, start)

    def write(
        self, stamp: Stamp, place: str, name: str, start: int, part: np.ndarray, size: int
    ) -> None:
        """See `scaling.storage.desk.Office`."""
        self._ask(self.keeper.write, stamp, place, name, start, part, size)

    def _ask(self, method: Any, *words: Any) -> Any:
        """The answer; each call may come twice, and the desk takes each only once."""
        for left in reversed(range(ASK_TIMES)):
            try:
                return ray.get(method.remote(*words), timeout=ASK_SECONDS)
            except (ActorUnavailableError, GetTimeoutError):
                if not left:
                    raise
        raise AssertionError


@contextmanager
def courier_of(root: Path) -> Iterator[Courier]:
    """Starts the keeper on this node, and marks the results folder for what is inside `with`."""
    for left in root.glob(f"{MARK}*"):  # of launches that were killed: the lock says that none is
        left.unlink(missing_ok=True)
    mark = f"{MARK}{uuid.uuid4().hex}"
    (root / mark).write_text(mark)
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    try:
        modules = tuple(module.file for module in extensions.loaded())
        keeper = KEEPER.options(scheduling_strategy=here).remote(root)
        yield Courier(keeper, root, mark, modules, environment(modules))
    finally:
        (root / mark).unlink(missing_ok=True)


@contextmanager
def trial_folder(
    store: Store,
    key: str,
    courier: Courier | None,
    fence: Fence | None = None,
    wanted: Callable[[str], bool] = for_training,
) -> Iterator[TrialFolder]:
    """The trial's folder for one attempt: itself, or on a blind node a copy that writes home.

    `wanted` says which files the copy has. An attempt that began earlier is refused by the desk.
    """
    place = f"trials/{key}"
    if courier:
        courier.check_alike()
    if courier is None:
        yield store.folder(key)
    elif courier.sees:
        courier.begin(place, fence)
        yield store.folder(key)
    else:
        with scratch() as local:
            path = local / "trials" / key
            carrier = carried.begin(courier, place, place, path, wanted, fence)
            yield CarriedFolder(path, carrier)


@contextmanager
def pool_folder(
    store: Store, spec: PoolSpec, index: int, courier: Courier | None
) -> Iterator[tuple[Store, Callable[[], None]]]:
    """A store in which a chunk of a pool is sampled, and what carries home the files made so far.

    On a blind node that is a copy of the model and of this chunk's parts; elsewhere the store.
    """
    if courier:
        courier.check_alike()
    if courier is None or courier.sees:
        yield store, lambda: None
        return
    with scratch() as local:
        copy, place, model = Store(local), f"pools/{spec.name}", str(spec.model)
        carried.copy(courier, f"trials/{model}", copy.folder(model).path, lambda file: True)
        ours, pool = ("pool.json", f"part-{index:05d}-"), copy.pool(spec.name)
        asked = (f"{place}/{index}", place, pool, lambda file: file.startswith(ours))
        carrier = carried.begin(courier, *asked)
        there = {path.name for path in pool.iterdir()}

        def carry() -> None:
            for path in sorted(pool.glob("*.npy")):
                if path.name not in there:
                    carrier.send(path)
                    there.add(path.name)

        yield copy, carry
        carry()


def copied_pool(courier: Courier, name: str, local: Path, chunk: str) -> Pool:
    """The pool's record and one chunk's file, copied into a folder of this host."""
    path = local / "pools" / name
    carried.copy(courier, f"pools/{name}", path, lambda file: file in ("pool.json", chunk))
    return Pool.load(path, path.parent)
