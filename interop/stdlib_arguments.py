"""Random arguments for functions of Erlang's library, each kind by a name.

The numbers are small, the texts short and made of few characters, so that something is found in them.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from pyerlnode.term import Atom, BitString, Export, ImproperList, Map, Term, encode

if TYPE_CHECKING:
    from collections.abc import Callable


_FUNS = frozenset({"test", "two_test", "less", "one_fun", "two_fun", "three_fun", "list_fun"})


class Arguments:
    """Makes arguments: the kind `count` by the method `count`, `=a|b` one of these atoms, `=bool` a boolean.

    `strange` is how often an argument is of any kind instead.
    """

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        self.strange = 0.0

    def of(self, kinds: str) -> list[Term]:
        return [self.one(kind) for kind in kinds.split()]

    def one(self, kind: str) -> Term:
        # What is no fun is noticed now at the first call, now before it.
        if kind not in _FUNS and self.pick.random() < self.strange:
            return self.term()
        if kind.startswith("="):
            return Atom(self.pick.choice(kind[1:].split("|"))) if kind != "=bool" else self.boolean()
        make: Callable[[], Term] = getattr(self, kind)
        return make()

    def boolean(self) -> Term:
        return self.pick.random() < 0.5

    def integer(self) -> int:
        return self.pick.choice([0, 1, 1, 2, 2, 3, 4, 5, 7, -1, -3, 10, 100])

    def count(self) -> int:
        return self.pick.choice([0, 1, 1, 2, 2, 3, 3, 4, 5, 6])

    def big(self) -> int:
        return self.pick.choice(
            [self.integer(), self.pick.randrange(-(2**70), 2**70), 2**64, -(2**63), 255, 256]
        )

    def base(self) -> int:
        return self.pick.choice([2, 8, 10, 16, 36, 7, 1, 37])

    def real(self) -> float:
        given = [0.0, -0.0, 1.0, 1.5, 2.5, 0.5, -0.25, 3.14159, 1e22, 1.0e-7, 123456.789, -2.0, 1e300, 0.1]
        return self.pick.choice([*given, self.pick.uniform(-10, 10), self.pick.uniform(-1e6, 1e6)])

    def number(self) -> Term:
        return self.pick.choice([self.integer, self.integer, self.big, self.real])()

    def atom(self) -> Term:
        return self.pick.choice(
            [Atom("a"), Atom("b"), Atom("ok"), True, False, None, Atom("with space"), Atom("é")]
        )

    def key(self) -> Term:
        return self.pick.choice([1, 2, 3, 1.0, 2.0, Atom("a"), Atom("b"), b"a", True, "", (1, 2), [1]]) or []

    def leaf(self) -> Term:
        return self.pick.choice([self.integer, self.integer, self.real, self.atom, self.binary, self.key])()

    def term(self, depth: int = 2) -> Term:
        if depth == 0 or self.pick.random() < 0.5:
            return self.leaf()
        items = [self.term(depth - 1) for _ in range(self.pick.randrange(4))]
        kind = self.pick.randrange(5)
        if kind == 0:
            return tuple(items)
        if kind == 1 and items:
            return ImproperList(items, self.atom())
        if kind == 2:
            return self.map()
        return items if kind == 3 else BitString(b"\xa5\xff", self.pick.randrange(1, 8))

    def some(self, make: Callable[[], Term], most: int = 6) -> list[Term]:
        return [make() for _ in range(self.pick.randrange(most + 1))]

    def list(self) -> Term:
        return self.some(self.leaf)

    def orderly(self) -> Term:
        # lists:sort/1 of a BEAM may turn 1 and 1.0 round, which are equal to it.
        return [item + 0.25 if type(item) is float else item for item in self.list()]

    def ordsets(self) -> Term:
        return self.some(self.ordset, 3)

    def integers(self) -> Term:
        return self.some(self.integer)

    def numbers(self) -> Term:
        return self.some(self.number)

    def lists(self) -> Term:
        return self.some(self.list, 4)

    def nested(self) -> Term:
        return self.some(lambda: self.pick.choice([self.list, self.lists, self.leaf])(), 4)

    def sorted(self) -> Term:
        return sorted(self.integers())

    def sorteds(self) -> Term:
        return self.some(self.sorted, 3)

    def pair(self) -> Term:
        return (self.key(), self.leaf())

    def pairs(self) -> Term:
        return self.some(self.pair)

    def triples(self) -> Term:
        return self.some(lambda: (self.key(), self.leaf(), self.integer()))

    def properties(self) -> Term:
        return self.some(lambda: self.pick.choice([self.pair, self.atom, self.leaf])())

    def map(self) -> Term:
        return Map({encode(key): (key, value) for key, value in self.pairs()}.values())

    def keys(self) -> Term:
        return self.some(self.key, 4)

    def things(self) -> Term:
        return self.some(lambda: self.pick.choice([self.integer, self.atom, self.chars, self.real])())

    def word(self) -> str:
        return "".join(self.pick.choice("aabbcc ,.éßА1\n") for _ in range(self.pick.randrange(8)))

    def ascii(self) -> str:
        return self.word().encode("ascii", "ignore").decode()

    def chars(self) -> Term:
        return [ord(character) for character in self.word()]

    def plain(self) -> Term:
        return [ord(character) for character in self.ascii()]

    def words(self) -> Term:
        return self.some(self.plain, 4)

    def string(self) -> Term:
        return self.word().encode() if self.pick.random() < 0.5 else self.chars()

    def pattern(self) -> Term:
        text = self.pick.choice(["a", "b", " ", ",", "ab", "é", "aa", ""])
        return text.encode() if self.pick.random() < 0.5 else [ord(each) for each in text]

    def seps(self) -> Term:
        return [ord(each) for each in self.pick.choice([" ", ",", "ab", " ,.", "é", "\n "])]

    def char(self) -> Term:
        return ord(self.pick.choice("ab ,*"))

    def binary(self) -> Term:
        return self.pick.choice(
            [self.word().encode(), self.ascii().encode(), bytes(self.some(self.byte)), b"abcabc"]
        )

    def bits(self) -> Term:
        return self.pick.choice([self.binary(), BitString(b"\xa5\xff", self.pick.randrange(1, 8))])

    def bit_list(self) -> Term:
        return self.some(lambda: self.pick.choice([self.byte, self.bits, self.iolist])(), 4)

    def binaries(self) -> Term:
        return self.some(self.binary, 3)

    def needle_binary(self) -> Term:
        return self.pick.choice([b"x", b"", b"yz"])

    def split_options(self) -> Term:
        return self.pick.sample([Atom("global"), Atom("trim"), Atom("trim_all")], self.pick.randrange(3))

    def replace_options(self) -> Term:
        return self.pick.choice([[], [Atom("global")], [(Atom("insert_replaced"), 0)]])

    def scope(self) -> Term:
        return [(Atom("scope"), self.part())]

    def base64(self) -> Term:
        return self.pick.choice([b"", b"YQ==", b"YWI=", b"YWJj", b"YW Jj\n", b"++8="])

    def pattern_list(self) -> Term:
        return [ord(each) for each in self.pick.choice(["a", "b", " ", ",", "ab", "aa"])]

    def year(self) -> int:
        return self.pick.choice([0, 1, 4, 100, 1600, 1900, 1970, 2000, 2024, 2026, 9999])

    def month(self) -> int:
        return self.pick.randrange(1, 14)

    def day(self) -> int:
        return self.pick.choice([1, 2, 15, 28, 29, 30, 31, 32])

    def date(self) -> Term:
        return (self.year(), self.pick.randrange(1, 13), self.pick.randrange(1, 29))

    def new_date(self) -> Term:
        return (self.pick.randrange(1, 9000), self.pick.randrange(1, 13), self.pick.randrange(1, 29))

    def time(self) -> Term:
        return (self.pick.randrange(24), self.pick.randrange(60), self.pick.randrange(60))

    def moment(self) -> Term:
        return (self.date(), self.time())

    def days(self) -> int:
        return self.pick.randrange(0, 3_000_000)

    def seconds(self) -> int:
        return self.pick.choice([0, 1, 59, 60, 3600, 86399, 86400, 100000, -1, -86401])

    def now(self) -> Term:
        return (self.pick.randrange(2000), self.pick.randrange(10**6), self.pick.randrange(10**6))

    def format(self) -> Term:
        text = self.pick.choice(["~w", "~p~n", "a~pb~w", "x", "~~", "~s", "~w ~w ~w", "~ts", "~b"])
        return [ord(each) for each in text]

    def expression(self) -> Term:
        return self.pick.choice(
            [
                *(
                    b"a",
                    b"[ab]+",
                    b"(a)(b)?",
                    b"a|b",
                    b"b*",
                    b"^a",
                    b"$",
                    b"\\s+",
                    b"(?<x>b)(c)",
                    b"[^a]",
                    b"\\d",
                ),
                *(
                    b"(?i)A",
                    b"a{2}",
                    b"[[:alpha:]]+",
                    b",",
                    b"(",
                    b"a(?=b)",
                    b"\\w\\z",
                    b"",
                ),
            ]
        )

    def run_options(self) -> Term:
        kind = self.pick.choice(
            [Atom("all"), Atom("first"), Atom("all_but_first"), Atom("none"), [0, 1], [Atom("x")]]
        )
        of = self.pick.choice([Atom("index"), Atom("binary"), Atom("list")])
        given = [(Atom("capture"), kind, of), Atom("global"), Atom("caseless"), Atom("multiline")]
        return self.pick.sample(given, self.pick.randrange(4))

    def ascii_binary(self) -> Term:
        return self.ascii().encode()

    def split_return(self) -> Term:
        more = [Atom("trim"), Atom("group"), (Atom("parts"), 2)]
        return [
            (Atom("return"), self.atom_of("binary", "list")),
            *self.pick.sample(more, self.pick.randrange(2)),
        ]

    def replace_return(self) -> Term:
        return [(Atom("return"), self.atom_of("binary", "list")), *self.pick.choice([[], [Atom("global")]])]

    def replacement(self) -> Term:
        return self.pick.choice([b"x", b"", b"<&>", b"\\1", b"[\\0]", b"\\\\", b"\\g{1}y"])

    def atom_of(self, *names: str) -> Atom:
        return Atom(self.pick.choice(names))

    def byte(self) -> int:
        return self.pick.choice([0, 1, 97, 98, 255, 128, 10])

    def bytes(self) -> Term:
        return self.some(self.byte)

    def some_bytes(self) -> Term:
        return self.pick.choice([self.binary, self.bytes, self.iolist])()

    def iolist(self) -> Term:
        return self.some(lambda: self.pick.choice([self.byte, self.binary, self.bytes])(), 4)

    def chardata(self) -> Term:
        return self.string() if self.pick.random() < 0.5 else self.some(self.string, 3)

    def needle(self) -> Term:
        return self.pick.choice([b"a", b"b", b"ab", b"bc", b" ", b",", [b"a", b"bc"], [b"a", b"ab"], b"", []])

    def part(self) -> Term:
        return (self.count(), self.pick.choice([0, 1, 2, -1, -2]))

    def digits(self) -> str:
        return self.pick.choice(
            ["1", "12", "-7", "+3", "007", "ff", "1.5", "-2.25", "1.0e3", "1e5", "", "x", "12ab", "1.5x"]
        )

    def numeral(self) -> Term:
        text = self.digits()
        return text.encode() if self.pick.random() < 0.5 else [ord(each) for each in text]

    def numeral_list(self) -> Term:
        return [ord(each) for each in self.digits()]

    def numeral_binary(self) -> Term:
        return self.digits().encode()

    def float_options(self) -> Term:
        decimals = (Atom("decimals"), self.pick.choice([0, 1, 2, 3, 10]))
        scientific = (Atom("scientific"), self.pick.choice([0, 1, 3, 20]))
        return self.pick.choice([[], [decimals], [scientific], [decimals, Atom("compact")], [Atom("short")]])

    def pad(self) -> Term:
        return self.pick.choice([Atom("fail"), Atom("trim"), (Atom("pad"), (0, Atom("z")))])

    def small(self) -> Term:
        return self.pick.choice([self.integer, self.real])()

    def test(self) -> Term:
        return _fun(self.pick.choice(["is_integer", "is_atom", "is_list", "is_number"]), 1)

    def one_fun(self) -> Term:
        return _fun(self.pick.choice(["is_integer", "abs", "-", "not", "is_list", "is_binary"]), 1)

    def list_fun(self) -> Term:
        return Export("lists", self.pick.choice(["reverse", "sort"]), 1)

    def two_fun(self) -> Term:
        return _fun(self.pick.choice(["+", "max", "min", "=:=", "<"]), 2)

    def two_test(self) -> Term:
        return _fun(self.pick.choice(["=:=", "<"]), 2)

    def less(self) -> Term:
        return _fun(self.pick.choice(["=<", ">=", "=<", "<"]), 2)

    def three_fun(self) -> Term:
        return Export("lists", "keymember", 3)

    def set(self) -> Term:
        return {element: [] for element in self.some(self.atom)}

    def ordset(self) -> Term:
        return sorted(set(self.integers()))

    def orddict(self) -> Term:
        return [(key, self.leaf()) for key in self.ordset()]

    def version(self) -> Term:
        return [(Atom("version"), 2)]

    def queue(self) -> Term:
        # The forms that a queue has: no side is empty but of one without, or with one, element.
        full = ([self.integer(), *self.integers()], [self.integer(), *self.integers()])
        return self.pick.choice([full, full, ([], []), ([self.integer()], []), ([], [self.integer()])])


def _fun(name: str, arity: int) -> Export:
    return Export("erlang", name, arity)
