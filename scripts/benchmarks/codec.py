"""Terms to bytes and back: pyerlnode, the BEAM, and msgspec.msgpack with the same document."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.data import plain, terms
from benchmarks.measure import compare, time_of
from pyerlnode.term import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.cluster import Cluster
    from benchmarks.measure import Pairs, Row
    from benchmarks.options import Options

# Speed wanted beside the BEAM's, for each term and way.
_BEAM = {
    ("encode", "call"): 1.8,
    ("encode", "maps100"): 1.1,
    ("encode", "nested"): 1.4,
    ("encode", "100k ints"): 1.6,
    ("encode", "100k floats"): 1.6,
    ("decode", "call"): 2.5,
    ("decode", "maps100"): 2.0,
    ("decode", "nested"): 0.6,
    ("decode", "10 MB binary"): 1.3,
}
_SMALL = ("call", "maps100")


def run(cluster: Cluster, options: Options) -> list[Row]:
    """A row for each term, way, and who stands beside."""
    rows = []
    with tempfile.TemporaryDirectory(dir=_shared(cluster)) as directory:
        for name, term in terms().items():
            path = Path(directory, "term")
            path.write_bytes(encode(term))
            for way in ("encode", "decode"):
                rows += _compare(cluster, options, way, name, term, path)
    return rows


def _shared(cluster: Cluster) -> str | None:
    """Where a BEAM can read files: its root's /tmp if it has a root."""
    return None if cluster.beam is None or cluster.beam.root is None else str(cluster.beam.root / "tmp")


def _compare(cluster: Cluster, options: Options, way: str, name: str, term: Any, path: Path) -> list[Row]:
    ours = _pyerlnode(way, path.read_bytes(), term)
    msgspec = _msgspec(way, plain(term)) if name != "1000 bigints" else None
    beside_beam: Pairs = []
    beside_msgspec: Pairs = []
    for _ in range(options.rounds):
        taken = time_of(ours, options.seconds) * 1e6
        beside_beam.append((taken, _beam(cluster, options, way, path, taken)))
        if msgspec is not None:
            beside_msgspec.append(
                (time_of(ours, options.seconds) * 1e6, time_of(msgspec, options.seconds) * 1e6)
            )
    work = f"{way} {name}"
    rows = [compare("codec", work, "µs", beside_beam, more_is_better=False, target=_BEAM.get((way, name)))]
    if beside_msgspec:
        target = _beside_msgspec(way, name)
        rows.append(
            compare(
                "codec", work, "µs", beside_msgspec, more_is_better=False, against="msgspec", target=target
            )
        )
    return rows


def _beside_msgspec(way: str, name: str) -> float:
    """At most so many times its time."""
    if way == "decode":
        return 1 / 1.3
    if name in _SMALL:
        return 1.0
    return 1 / 1.7 if name == "100k floats" else 1 / 1.35


def _pyerlnode(way: str, data: bytes, term: Any) -> Callable[[], object]:
    return (lambda: encode(term)) if way == "encode" else (lambda: decode(data))


def _msgspec(way: str, document: Any) -> Callable[[], object] | None:
    try:
        from msgspec import msgpack
    except ImportError:
        return None
    encoder, decoder = msgpack.Encoder(), msgpack.Decoder()
    data = encoder.encode(document)
    return (lambda: encoder.encode(document)) if way == "encode" else (lambda: decoder.decode(data))


def _beam(cluster: Cluster, options: Options, way: str, path: Path, like: float) -> float | None:
    """Microseconds on the BEAM, of about as many as take ours `options.seconds`."""
    if cluster.beam is None:
        return None
    count = max(1, int(options.seconds * 1e6 / like))
    root = cluster.beam.root
    inside = path if root is None else Path("/", path.relative_to(root))
    taken: int = cluster.ask(cluster.elixir("driver"), f'Bench.{way}("{inside}", {count})')
    return taken / count / 1e3
