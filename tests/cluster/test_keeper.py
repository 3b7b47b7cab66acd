"""Whether a worker's node sees the results folder, and which folder its trial gets."""

import pickle
from pathlib import Path

import pytest

from scaling.cluster.keeper import KeeperClient, copied_pool, pool_folder, trial_folder
from scaling.errors import UsageError
from scaling.pools import build
from scaling.pools.chunk import file_name
from scaling.storage import provenance
from scaling.storage.file_server import FileServer, Superseded
from scaling.storage.mirrored import MirroredFolder
from scaling.storage.store import Store
from scaling.trial import key
from tests.small_pool import SPEC, chunk_of


class Direct(KeeperClient):
    """Calls the server without Ray."""

    def _ask(self, method, *words):
        return method(*words)


@pytest.fixture
def home(tmp_path, trial):
    store = Store(tmp_path / "home")
    store.folder(key(trial)).create(trial)
    (store.root / "mark").write_text("mark")
    return store


@pytest.fixture
def seeing(home):
    return Direct(FileServer(home.root), home.root, "mark")


@pytest.fixture
def blind(home, tmp_path):
    return Direct(FileServer(home.root), tmp_path / "elsewhere", "mark")


def test_a_node_sees_the_folder_only_if_it_finds_this_sessions_mark(home, seeing, blind, tmp_path):
    assert seeing.sees
    assert [path.name for path in home.root.glob("mark*")] == ["mark"]  # no temporary file is left
    assert not blind.sees
    blind.root.mkdir()
    (blind.root / "mark").write_text("of another session")
    assert not blind.sees


def test_a_node_that_cannot_write_the_folder_counts_as_not_seeing_it(home, seeing, monkeypatch):
    monkeypatch.setattr(Path, "write_bytes", lambda path, data: raises())
    assert not seeing.sees


def raises():
    raise OSError("read-only")


def test_a_trial_gets_the_folder_where_it_is_seen_else_a_copy(home, seeing, blind, trial):
    name = key(trial)
    with trial_folder(home, name, seeing) as folder:
        assert type(folder) is type(home.folder(name)) and folder == home.folder(name)
    with trial_folder(home, name, blind) as folder:
        assert isinstance(folder, MirroredFolder) and folder.trial() == trial
        folder.append_row({"epoch": 1})
    assert not folder.path.exists()
    assert [row["epoch"] for row in home.folder(name).rows()] == [1]
    with trial_folder(home, name, None) as folder:
        assert folder == home.folder(name)


def test_an_attempt_where_the_folder_is_seen_refuses_an_earlier_one_elsewhere(home, blind, trial):
    name = key(trial)
    near = Direct(blind.keeper, home.root, "mark")
    with trial_folder(home, name, blind) as late:
        late.append_row({"epoch": 1})
        with trial_folder(home, name, near) as folder:
            folder.append_row({"epoch": 2})
        with pytest.raises(Superseded):
            late.append_row({"epoch": 3})
    assert [row["epoch"] for row in home.folder(name).rows()] == [1, 2]


def test_a_node_that_came_late_with_other_code_is_refused(home, trial):
    ours = provenance.environment()
    same = Direct(FileServer(home.root), home.root, "mark", (), ours)
    with trial_folder(home, key(trial), same):
        pass
    other = Direct(FileServer(home.root), home.root, "mark", (), ours | {"torch": "1.0"})
    with pytest.raises(UsageError, match="torch .* in place of 1.0"):
        with trial_folder(home, key(trial), other):
            raise AssertionError


def test_a_courier_can_be_pickled(seeing):
    there = pickle.loads(pickle.dumps(KeeperClient(None, seeing.root, "m", (), {"torch": "2"})))
    assert (there.root, there.mark, there.environment) == (seeing.root, "m", {"torch": "2"})


def test_chunks_are_sent_to_a_node_without_the_folder_and_back(home, blind, trial, tmp_path):
    path = home.pool(SPEC.name)
    build.create(path, SPEC)
    made = build.write_chunk(path, 0, chunk_of(0))
    build.record(path, {0: made})
    pool = copied_pool(blind, SPEC.name, tmp_path / "local", file_name(0))
    assert (pool.read(0) == chunk_of(0)).all() and pool.check(0) == made
    with pool_folder(home, SPEC, 1, blind) as (store, carry):
        there = store.pool(SPEC.name)
        assert not list(there.glob("*.npy"))
        (there / "part-00001-00000000.npy").write_bytes(b"part")
        carry()
        assert (path / "part-00001-00000000.npy").read_bytes() == b"part"
        build.write_chunk(there, 1, chunk_of(1))
    assert build.settle(path, 2) == []
