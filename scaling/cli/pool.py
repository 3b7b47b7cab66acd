"""Runs `scaling-vae pool build|grow|verify|info|import`: samples of diffusion models on disk."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling.cli.inputs import whole_name
from scaling.cli.machine import add_address, check_cpus
from scaling.cli.options import Parser, add_data, add_module, add_results, add_timeout, count
from scaling.cli.process import at_work
from scaling.trial.bounds import WHOLE_NUMBER, number, whole

if TYPE_CHECKING:
    from scaling.cluster.sampling_progress import PoolRequest
    from scaling.pools.pool import Pool
    from scaling.storage.store import Store

SIDE = whole(1, 1024)  # side of an image in pixels
NAME = "name of the pool, or a unique beginning of it"


def add_to(subparsers: Any) -> None:
    """Adds `pool` and its subcommands to the command line."""
    verbs = subparsers.add_parser("pool", help="samples on disk").add_subparsers(required=True)
    shared = Parser(add_help=False)
    add_results(shared)
    add_module(shared)
    sampling = Parser(add_help=False)
    add_address(sampling)
    add_timeout(sampling)
    images = Parser(add_help=False)
    add_data(images)

    def verb(name: str, command: Any, text: str, *parents: Parser) -> Any:
        added = verbs.add_parser(name, help=text, description=text, parents=[shared, *parents])
        added.set_defaults(command=command)
        return added.add_argument

    add = verb("build", _build, "sample a trained diffusion model", sampling, images)
    add("model", metavar="KEY", help="key of the diffusion trial")
    add("--k", type=count, default=10, help="chunks of |D_train| images (default 10)")
    add = verb("grow", _grow, "add chunks to a sampled pool", sampling)
    add("name", help=NAME)
    add("--k", type=count, required=True, help="number of chunks in total")
    add = verb("verify", _verify, "find damaged chunks and sample them again", sampling)
    add("name", help=NAME)
    add = verb("info", _info, "show what a pool contains")
    add("name", help=NAME)
    text = "import any generator's samples: npy, npz, folder or zip of PNGs"
    _add_import(verb("import", _import, text, images))


def _add_import(add: Any) -> None:
    """Adds the options of `pool import`."""
    add("file", type=Path, help="the samples: npy, npz, folder or zip of PNGs")
    add("--name", required=True, help="name to give the pool; a hash of its images is added")
    add(
        "--dataset",
        default="digits",
        help="data set with the samples' levels and shape (default digits)",
    )
    add("--train-size", type=count, help="|D_train| of the study: images in a chunk")
    add(
        "--replicate",
        type=number(WHOLE_NUMBER),
        metavar="N",
        help="replicate whose D_train they are compared with",
    )
    add(
        "--split",
        type=number(WHOLE_NUMBER),
        default=0,
        help="split, for trials without a replicate",
    )
    add("--rescale", choices=["unit", "symmetric"], help="range of floats: [0, 1] or [-1, 1]")
    add(
        "--resize",
        type=number(SIDE),
        metavar="N",
        help="shrink images to N x N pixels, antialiased",
    )


def _store(options: Namespace) -> "Store":
    from scaling.storage.store import Store

    return Store(options.results.absolute())


def _pool(options: Namespace) -> "Pool":
    from scaling.pools.pool import Pool

    store = _store(options)
    return Pool.load(store.pool(whole_name(options.name, store)), store.root / "pools")


def _info(options: Namespace) -> int:
    from scaling.pools.pool import info

    print("\n".join(info(_pool(options))))
    return 0


def _verify(options: Namespace) -> int:
    from scaling.cluster.pool_requests import request_for_pool
    from scaling.pools.build import discard

    pool = _pool(options)
    damaged = pool.verify()
    if not damaged:
        print(f"{pool.name}: all {len(pool.chunks)} chunks are intact")
        return 0
    print(f"{pool.name}: damaged: {', '.join(f'chunk {i}' for i in damaged)}", flush=True)
    store = _store(options)
    request = request_for_pool(store, pool, k=max(pool.chunks) + 1)
    discard(pool.path, damaged)
    return _sample(options, request)


def _grow(options: Namespace) -> int:
    from scaling.cluster.pool_requests import request_for_pool

    return _sample(options, request_for_pool(_store(options), _pool(options), options.k))


def _build(options: Namespace) -> int:
    from scaling.cluster.pool_requests import request_for_model

    store = _store(options)
    images = (options.data_root, options.offline)
    return _sample(options, request_for_model(store, options.model, options.k, *images))


def _sample(options: Namespace, request: "PoolRequest") -> int:
    from scaling.cluster.sampling import build_alone

    check_cpus(options)
    store = _store(options)
    with at_work(store.root) as lock:
        hung_after_s = options.row_timeout * 60
        build_alone(store, request, options.address, lock, hung_after_s, options.cpus)
    return 0


def _import(options: Namespace) -> int:
    from scaling.data import datasets
    from scaling.data.partition import divided
    from scaling.pools.importing import import_samples
    from scaling.trial.partition import Part

    data = datasets.load(options.dataset, options.data_root, options.offline)
    part = Part(options.train_size, options.split)
    if options.replicate is not None:
        part = Part(options.train_size, options.replicate, "disjoint")
    train = divided(data, part).train
    report = import_samples(
        options.file,
        _store(options).root / "pools",
        options.name,
        dataset=_data_name(options.dataset),
        levels=data.levels,
        train=train,
        rescale=options.rescale,
        resize=options.resize,
    )
    print("\n".join(report.lines()))
    return 0


def _data_name(dataset: str) -> str:
    """Returns the name that trials on the data set give it."""
    from scaling.trial import VaeTrial
    from scaling.trial.keys import data_name
    from scaling.trial.own_files import identified

    return data_name(identified(VaeTrial(dataset)))
