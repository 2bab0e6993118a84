"""Feeds mutated bytes to every parser and says which of them broke its promise.

    scripts/fuzz                            every parser, ten seconds each
    scripts/fuzz --seconds 300 term epmd    two of them, for longer
    scripts/fuzz --seed 7 --case 4711 term  one case again, with its input and traceback

A parser's promise is its list of exceptions: whatever comes, it gives a value or raises
one of those.  What it gives must survive the way back (encode and decode, print and
parse).  A case that takes longer than five seconds, or more memory than `--memory`, is a
failure, too.

A case is made from the seed and its number alone, so a failure can be run again.  Half of
the cases are recorded inputs of tests/vectors with a few mutations, the rest are joined
from pieces of several, or random.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from pyerlnode.errors import EpmdError, PeerError, TermDecodeError, TermSyntaxError
from pyerlnode.protocol import (
    OFFERED,
    OFFERED_VISIBLE,
    Connection,
    DistFlag,
    EpmdRequestParser,
    LocalNode,
    NameReceived,
    NamesReply,
    PortReply,
    Registrations,
    Settings,
    State,
    Status,
)
from pyerlnode.protocol.epmd import Alive2Reply
from pyerlnode.term import (
    Atom,
    Limits,
    decode,
    decode_at,
    encode,
    equal,
    parse_elixir,
    parse_erlang,
    to_elixir,
    to_erlang,
)

if TYPE_CHECKING:
    from collections.abc import Callable

VECTORS = Path(__file__).parent.parent / "tests" / "vectors"
SLOW = 5.0  # seconds for one case
MAX_INPUT = 16 * 1024
LIMITS = Limits(depth=10_000, elements=100_000, new_atoms=100, inflated_bytes=1_000_000)
ATOMS = [Atom(text) for text in ("ok", "true", "nil", "kate@localhost", "")]
COOKIE = "c00kie"


class Broken(Exception):
    """A parser gave something that does not survive the way back."""


class Slow(Exception):
    """A case does not come to its end."""


class Parser(NamedTuple):
    """`run(data, random)` may raise what is in `allowed`; `seeds` are inputs that it takes."""

    seeds: Callable[[], list[bytes]]
    run: Callable[[bytes, Random], None]
    allowed: tuple[type[Exception], ...]


# --- inputs -------------------------------------------------------------------------------


def lines(pattern: str) -> list[dict[str, object]]:
    return [
        json.loads(line) for path in sorted(VECTORS.glob(pattern)) for line in path.read_text().splitlines()
    ]


def hexes(pattern: str) -> list[bytes]:
    return [bytes.fromhex(str(line["hex"])) for line in lines(pattern) if "hex" in line]


def terms() -> list[bytes]:
    return hexes("terms.jsonl") + hexes("invalid.jsonl")


def texts(notation: str) -> list[bytes]:
    return [str(line[notation]).encode() for line in lines("text.jsonl")]


def frames(pattern: str) -> list[bytes]:
    return [with_length(body, 4) for body in hexes(pattern)] + [bytes(4)]


def handshakes(direction: str) -> list[bytes]:
    """What one end said in each recorded handshake."""
    found = []
    for line in lines("handshake/*.jsonl"):
        said = [frame for frame in line["frames"] if frame["dir"] == direction]  # type: ignore[attr-defined]
        found.append(b"".join(with_length(bytes.fromhex(frame["hex"]), 2) for frame in said))
    return found


def epmd_requests() -> list[bytes]:
    registration = bytes.fromhex("7811114d0000060005") + b"\0\x04kate\0\0"
    bodies = [registration, b"zkate", b"n", b"d", b"k", b"skate", b"w\0" + registration[1:], b"w\1"]
    names = b"\0\0\x11\x11name kate at port 4711\nname alex at port 4712\n"
    return [with_length(body, 2) for body in bodies] + [*bodies, names, bytes.fromhex("760000000007")]


def with_length(body: bytes, width: int) -> bytes:
    return len(body).to_bytes(width, "big") + body


# --- mutations ----------------------------------------------------------------------------

INTERESTING = [0, 1, 3, 4, 68, 69, 70, 80, 82, 100, 104, 108, 109, 112, 116, 127, 128, 131, 254, 255]


def flip(data: bytearray, random: Random) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def put(data: bytearray, random: Random) -> None:
    if data:
        data[random.randrange(len(data))] = random.choice(INTERESTING)


def put_number(data: bytearray, random: Random) -> None:
    """Overwrite a length, a creation, a sequence id."""
    width = random.choice((2, 4, 8))
    if len(data) >= width:
        at = random.randrange(len(data) - width + 1)
        value = random.choice((0, 1, 255, 256, 65535, 1 << 31, (1 << 32) - 1, len(data))) % (1 << 8 * width)
        data[at : at + width] = value.to_bytes(width, "big")


def cut(data: bytearray, random: Random) -> None:
    if data:
        at = random.randrange(len(data))
        del data[at : at + random.randint(1, 1 + len(data) // 4)]


def end(data: bytearray, random: Random) -> None:
    if data:
        del data[random.randrange(len(data)) :]


def repeat(data: bytearray, random: Random) -> None:
    if data:
        at = random.randrange(len(data))
        piece = data[at : at + random.randint(1, 64)]
        data[at:at] = piece * random.choice((1, 2, 3, 1000 // len(piece) + 1))


def insert(data: bytearray, random: Random) -> None:
    at = random.randint(0, len(data))
    data[at:at] = random.randbytes(random.randint(1, 8))


MUTATIONS = [flip, put, put, put_number, put_number, cut, end, repeat, insert]


def make(seeds: list[bytes], random: Random) -> bytes:
    kind = random.random()
    if kind < 0.05:
        return random.randbytes(random.randint(0, 200))
    data = bytearray(random.choice(seeds))
    if kind < 0.5:
        for _ in range(random.randint(1, 4)):
            other = random.choice(seeds)
            at = random.randint(0, len(data)) if random.random() < 0.5 else len(data)
            start = random.randrange(len(other)) if other and random.random() < 0.3 else 0
            data[at:at] = other[start:]
    for _ in range(random.choice((0, 1, 1, 1, 2, 4, 16))):
        random.choice(MUTATIONS)(data, random)
    return bytes(data[:MAX_INPUT])


# --- terms --------------------------------------------------------------------------------


def run_term(data: bytes, random: Random) -> None:
    text = random.random() < 0.2
    if random.random() < 0.5:
        value = decode(data, text=text, limits=LIMITS)
    else:
        value, end = decode_at(data, min(1, len(data)), atoms=ATOMS, text=text, limits=LIMITS)
        if not 0 < end <= len(data):
            raise Broken(f"a term of {len(data)} bytes ends at {end}")
    again = decode(encode(value, compressed=random.random() < 0.1), text=text)
    if not equal(value, again):
        raise Broken(f"{value!r} came back as {again!r}")
    to_elixir(value)
    to_erlang(value)


def run_text(parse: Callable[[str], object], show: Callable[[object], str], data: bytes) -> None:
    value = parse(data.decode("utf-8", "replace"))
    encode(value)
    shown = show(value)
    if (
        shown.startswith("#")
        or "#PID" in shown
        or "#Reference" in shown
        or "#Port" in shown
        or "#Fun" in shown
    ):
        return
    if not equal(parse(shown), value):
        raise Broken(f"{shown!r} is not {value!r}")


def run_elixir(data: bytes, _: Random) -> None:
    run_text(parse_elixir, to_elixir, data)


def run_erlang(data: bytes, _: Random) -> None:
    run_text(parse_erlang, to_erlang, data)


# --- connections ----------------------------------------------------------------------------

SETTINGS = Settings(max_frame=1_000_000, max_unfinished=1_000_000, limits=LIMITS)
PLAIN = ~(DistFlag.DIST_HDR_ATOM_CACHE | DistFlag.FRAGMENTS)


def feed(connection: Connection, data: bytes, random: Random) -> None:
    """In one piece or in many, with time passing, and answering what is asked."""
    now, at = 1.0, 0
    while at < len(data):
        size = len(data) if random.random() < 0.3 else random.randint(1, 40)
        for event in connection.receive(data[at : at + size], now):
            if isinstance(event, NameReceived):
                decide(connection, event, random)
            elif connection.state is State.DECIDE_ALIVE:
                connection.answer_alive(random.random() < 0.8, now)
        at += size
        now += random.choice((0.0, 0.0, 0.1))
        connection.tick(now)
        connection.data_to_send(random.choice((None, 10)))
        connection.next_deadline()
    connection.closed(now)


def decide(connection: Connection, event: NameReceived, random: Random) -> None:
    if event.dynamic:
        connection.accept(Status.NAMED, COOKIE, name=f"given@{event.name}", creation=5)
    else:
        connection.accept(random.choice((Status.OK, Status.OK, Status.OK_SIMULTANEOUS, Status.ALIVE)), COOKIE)


def run_acceptor(data: bytes, random: Random) -> None:
    local = LocalNode("n25@127.0.0.1", 7, OFFERED_VISIBLE)
    feed(Connection.acceptor(local, 0.0, settings=SETTINGS), data, random)


def run_initiator(data: bytes, random: Random) -> None:
    host = random.random() < 0.2
    local = LocalNode.dynamic("127.0.0.1") if host else LocalNode("vis@127.0.0.1", 7, OFFERED_VISIBLE)
    feed(Connection.initiator(local, "n25@127.0.0.1", COOKIE, 0.0, settings=SETTINGS), data, random)


def connected(flags: DistFlag, peer: str) -> Connection:
    """A connection that is up, as the acceptor of `peer`."""
    kate = Connection.initiator(LocalNode(peer, 1, flags), "kate@localhost", COOKIE, 0.0)
    alex = Connection.acceptor(LocalNode("kate@localhost", 2, flags), 0.0, settings=SETTINGS)
    while alex.state is not State.UP or kate.state is not State.UP:
        for event in alex.receive(kate.data_to_send(), 0.0):
            if isinstance(event, NameReceived):
                alex.accept(Status.OK, COOKIE)
        kate.receive(alex.data_to_send(), 0.0)
    return alex


def run_header_form(data: bytes, random: Random) -> None:
    feed(connected(OFFERED, "hdr27@127.0.0.1"), data, random)


def run_pass_through(data: bytes, random: Random) -> None:
    feed(connected(OFFERED & PLAIN, "nocache27@127.0.0.1"), data, random)


# --- EPMD -----------------------------------------------------------------------------------


def run_epmd(data: bytes, random: Random) -> None:
    for read in (Alive2Reply.decode, PortReply.decode, NamesReply.decode):
        try:
            read(data)
        except EpmdError:
            continue
    parser, daemon = EpmdRequestParser(), Registrations(4369, 1, relaxed=random.random() < 0.5)
    at = 0
    while at < len(data):
        size = random.randint(1, 40)
        for request in parser.feed(data[at : at + size]):
            daemon.answer(request, at, local=random.random() < 0.8)
        at += size
    daemon.release(0)
    daemon.names()


PARSERS = {
    "term": Parser(terms, run_term, (TermDecodeError,)),
    "elixir": Parser(lambda: texts("elixir"), run_elixir, (TermSyntaxError,)),
    "erlang": Parser(lambda: texts("erlang"), run_erlang, (TermSyntaxError,)),
    "acceptor": Parser(lambda: handshakes("peer->otp") + handshakes("otp->peer"), run_acceptor, (PeerError,)),
    "initiator": Parser(
        lambda: handshakes("otp->peer") + handshakes("peer->otp"), run_initiator, (PeerError,)
    ),
    "header": Parser(
        lambda: frames("dist/hdr-*.jsonl") + frames("dist/otp*.jsonl"), run_header_form, (PeerError,)
    ),
    "pass": Parser(lambda: frames("dist/nocache-*.jsonl"), run_pass_through, (PeerError,)),
    "epmd": Parser(epmd_requests, run_epmd, (EpmdError,)),
}


# --- running --------------------------------------------------------------------------------


def run_case(parser: Parser, seeds: list[bytes], seed: int, case: int) -> tuple[str, bytes]:
    """What is wrong with the case, "" if nothing; and its input."""
    random = Random(seed * 1_000_003 + case)
    data = make(seeds, random)
    signal.setitimer(signal.ITIMER_REAL, SLOW)
    try:
        parser.run(data, random)
    except parser.allowed:
        pass
    except Exception:
        return traceback.format_exc(), data
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return "", data


def too_slow(number: int, frame: object) -> None:
    raise Slow(f"more than {SLOW:g} seconds")


def fuzz(name: str, options: argparse.Namespace) -> bool:
    """Run the cases of one parser; whether all was well."""
    parser = PARSERS[name]
    seeds = parser.seeds()
    began = time.perf_counter()
    cases = (
        range(options.case, options.case + 1)
        if options.case is not None
        else range(options.cases or sys.maxsize)
    )
    done = 0
    for case in cases:
        fault, data = run_case(parser, seeds, options.seed, case)
        if fault or options.case is not None:
            print(f"{name}: --seed {options.seed} --case {case}, {len(data)} bytes: {data.hex()}")
        if fault:
            print(fault, end="")
            return False
        done += 1
        if options.cases is None and time.perf_counter() - began > options.seconds:
            break
    took = time.perf_counter() - began
    print(f"{name}: {done} cases of seed {options.seed}, {done / took:.0f} a second", flush=True)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description="Feeds mutated bytes to every parser.")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each parser (default 10)")
    parser.add_argument("--cases", type=int, help="this many for each parser, instead of a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="only this one, as a failure named it")
    parser.add_argument("--memory", type=int, default=2048, metavar="MB", help="address space (default 2048)")
    parser.add_argument("parser", nargs="*", choices=[[], *PARSERS], help=", ".join(PARSERS))
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, too_slow)
    resource.setrlimit(resource.RLIMIT_AS, (options.memory << 20, options.memory << 20))
    results = [fuzz(name, options) for name in options.parser or PARSERS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
