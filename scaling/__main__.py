"""`python -m scaling doctor`: what works here. `pool build|grow|verify|info|import`: the pools."""

import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling.checked import UsageError
from scaling.options import Parser, add_timeout

if TYPE_CHECKING:
    from scaling.cluster.sampling import Order
    from scaling.data.pool import Pool
    from scaling.store import Store


def main() -> int:
    """Runs one command; 0, or 2 with a sentence of what is wrong and what to type."""
    try:
        options = _parser().parse_args()
        return options.command(options)
    except (UsageError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; finished chunks stay. The same command goes on.", file=sys.stderr)
        return 130


def _parser() -> Parser:
    made = Parser(prog="python -m scaling", description=__doc__, allow_abbrev=False)
    shared = Parser(add_help=False)
    shared.add_argument("--results", type=Path, default=Path("results"), metavar="DIR")
    clustered = Parser(add_help=False)
    clustered.add_argument("--address", default="local", help="local (default), auto or HOST:PORT")
    sampling = Parser(add_help=False, parents=[clustered])
    add_timeout(sampling)
    rooted = Parser(add_help=False)
    root = os.environ.get("SCALING_DATA")
    rooted.add_argument("--data-root", type=Path, default=root, help="data sets ($SCALING_DATA)")
    images = Parser(add_help=False, parents=[rooted])
    images.add_argument("--offline", action="store_true", help="open no socket for data")
    nouns = made.add_subparsers(required=True)
    _add_doctor(nouns, [shared, clustered, rooted])
    verbs = nouns.add_parser("pool", help="samples on disk").add_subparsers(required=True)

    def verb(name: str, command: Any, about: str, *parents: Parser) -> Any:
        added = verbs.add_parser(name, help=about, description=about, parents=[shared, *parents])
        added.set_defaults(command=command)
        return added.add_argument

    add = verb("build", _build, "sample a trained diffusion model", sampling, images)
    add("model", metavar="KEY", help="of the diffusion trial")
    add("--k", type=int, default=10, help="chunks of |D_train| images (default 10)")
    add = verb("grow", _grow, "add chunks to a sampled pool", sampling)
    add("name")
    add("--k", type=int, required=True, help="chunks that it shall have in all")
    add = verb("verify", _verify, "name damaged chunks and sample just those again", sampling)
    add("name")
    add = verb("info", _info, "what a pool holds")
    add("name")
    add = verb("import", _import, "samples of any generator: npy, npz, folder of PNGs", images)
    add("file", type=Path)
    add("--name", required=True)
    add("--dataset", default="digits", help="whose levels and shape they have (default digits)")
    add("--train-size", type=int, help="|D_train| of the study: images in a chunk")
    add("--split", type=int, default=0)
    add("--rescale", choices=["unit", "symmetric"], help="floats in [0, 1] or in [-1, 1]")
    return made


def _add_doctor(nouns: Any, parents: list[Parser]) -> None:
    about = "what works here, what does not, and what to type"
    doctor = nouns.add_parser("doctor", help=about, description=about, parents=parents)
    wait = "patience with each check (default 14)"
    doctor.add_argument("--seconds", type=float, default=14.0, help=wait)
    doctor.set_defaults(command=_doctor)


def _doctor(options: Namespace) -> int:
    from scaling import doctor

    return doctor.main(options.results, options.data_root, options.address, options.seconds)


def _store(options: Namespace) -> "Store":
    from scaling.store import Store

    return Store(options.results.absolute())


def _pool(options: Namespace) -> "Pool":
    from scaling.data.pool import Pool

    store = _store(options)
    return Pool.load(store.pool(options.name), store.root / "pools")


def _info(options: Namespace) -> int:
    from scaling.data.pool import info

    print("\n".join(info(_pool(options))))
    return 0


def _verify(options: Namespace) -> int:
    from scaling.cluster.sampling import order_of_pool
    from scaling.data.pool_build import discard

    pool = _pool(options)
    damaged = pool.verify()
    if not damaged:
        print(f"{pool.name}: all {len(pool.chunks)} chunks are as they were written")
        return 0
    print(f"{pool.name}: damaged: {', '.join(f'chunk {i}' for i in damaged)}", flush=True)
    store = _store(options)
    order = order_of_pool(store, pool, k=max(pool.chunks) + 1)
    discard(pool.path, damaged)
    return _sample(options, order)


def _grow(options: Namespace) -> int:
    from scaling.cluster.sampling import order_of_pool

    return _sample(options, order_of_pool(_store(options), _pool(options), options.k))


def _build(options: Namespace) -> int:
    from scaling.cluster.sampling import order_of_model

    store = _store(options)
    images = (options.data_root, options.offline)
    return _sample(options, order_of_model(store, options.model, options.k, *images))


def _sample(options: Namespace, order: "Order") -> int:
    from scaling.cluster.sampling import build_alone
    from scaling.lock import locked

    store = _store(options)
    with locked(store.root) as lock:
        build_alone(store, order, options.address, lock, options.row_timeout * 60)
    return 0


def _import(options: Namespace) -> int:
    from scaling.data import datasets
    from scaling.data.pool_import import import_samples

    data = datasets.load(options.dataset, options.data_root, options.offline)
    train = datasets.split(data, options.train_size, options.split).train
    report = import_samples(
        options.file,
        _store(options).root / "pools",
        options.name,
        dataset=options.dataset,
        levels=data.levels,
        train=train,
        rescale=options.rescale,
    )
    print("\n".join(report.lines()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
