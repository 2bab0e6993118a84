"""The functions that closures call against those of the BEAM: random arguments, the same outcome.

Each call is made on both sides, `{ok, Value}` or `{Class, Reason}` compared as terms.  Funs are
external ones, which both sides can call.  What a release does not have, or answers in another
way than OTP 27, is left out for it (`OTHERWISE`).
"""

from __future__ import annotations

import base64
import random
from typing import TYPE_CHECKING, Any, Final

import pytest

from pyerlnode.errors import ErlangError, Exit, Throw
from pyerlnode.otp.registry.guard_bifs import FAILURES, GUARD_BIFS
from pyerlnode.services.evaluator.library import registry
from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.term import Atom, BitString, Export, ImproperList, Map, Term, encode, equal, to_erlang

if TYPE_CHECKING:
    from collections.abc import Callable

SEED: Final = 20261121
CALLS: Final = 2_000
STRANGE: Final = 0.06  # how often an argument is of any kind

# M:F/A for one release: what it has not, or does in another way.
OTHERWISE: Final[dict[int, frozenset[str]]] = {25: frozenset(), 27: frozenset(), 29: frozenset()}

TEXTS: Final = frozenset({"string", "unicode", "ordsets", "crypto", "base64", "calendar", "io_lib"})

EVALUATE = r"""
lists:map(fun({M, F, A}) -> try {ok, apply(M, F, A)} catch Class:Reason -> {Class, Reason} end end,
          binary_to_term(base64:decode(<<"%s">>)))
"""

# --- random arguments ---------------------------------------------------------------------


class Arguments:
    """Makes arguments, by letters: see `_KINDS`."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        self.strange = STRANGE

    def of(self, kinds: str) -> list[Term]:
        return [self.one(kind) for kind in kinds.split()]

    def one(self, kind: str) -> Term:
        if self.pick.random() < self.strange:
            return self.term()
        if kind.startswith("="):
            return Atom(self.pick.choice(kind[1:].split("|"))) if kind != "=bool" else self.boolean()
        return getattr(self, kind)()

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

    def byte(self) -> int:
        return self.pick.choice([0, 1, 97, 98, 255, 128, 10])

    def bytes(self) -> Term:
        return self.some(self.byte)

    def some_bytes(self) -> Term:
        return self.pick.choice([self.binary, self.bytes, self.iolist])()

    def iolist(self) -> Term:
        return self.some(lambda: self.pick.choice([self.byte, self.binary, self.bytes])(), 4)

    def chardata(self) -> Term:
        return self.pick.choice([self.string, lambda: self.some(self.string, 3)])()

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


FUNCTIONS: Final = {
    "lists": """append list list; append lists; subtract list list; concat things; join leaf list; all test list
        duplicate count leaf; flatten nested; flatten nested list; flatlength nested; seq integer integer
        seq integer integer integer; enumerate list; enumerate integer list; enumerate integer integer list
        reverse list; reverse list list; nth count list; nthtail count list; last list; droplast list
        sublist list count; sublist list count count; split count list; delete leaf list; uniq list
        member leaf list; prefix integers integers; suffix integers integers; max list; min list; sum numbers
        zip integers integers; zip integers integers pad; zip3 integers integers integers; unzip pairs
        unzip3 triples; map one_fun integers; foreach test list; flatmap list_fun lists; filter test list
        filtermap test list; partition test list; any test list; search test list; takewhile test list
        dropwhile test list; splitwith test list; foldl two_fun integer integers; foldr two_fun integer integers
        mapfoldl two_fun integer integers; zipwith two_fun integers integers; uniq test list
        keyfind key count pairs; keysearch key count triples; keymember key count pairs; keydelete key count pairs
        keytake key count pairs; keyreplace key count pairs pair; keystore key count pairs pair
        keymap test count pairs; keysort count pairs; ukeysort count pairs; keymerge count pairs pairs
        sort orderly; usort orderly; merge sorted sorted; merge sorteds; umerge ordset ordset; umerge ordsets
        merge3 sorted sorted sorted; umerge3 ordset ordset ordset; sort less orderly; usort less orderly
        merge less sorted sorted; zf test list; zipwith two_fun integers integers pad""",
    "maps": """get key map; get key map leaf; find key map; is_key key map; put key leaf map; update key leaf map
        remove key map; take key map; size map; from_list pairs; from_keys keys leaf; merge map map
        intersect map map; with keys map; without keys map; map two_fun map; filter two_test map
        update_with key one_fun map; update_with key one_fun leaf map; groups_from_list test list
        merge_with three_fun map map; fold three_fun list map; foreach two_fun map; new""",
    "string": """is_empty string; length string; to_graphemes string; equal string string; equal string string =bool
        reverse string; slice string count; slice string count count; uppercase string; lowercase string
        casefold string; titlecase string; next_grapheme string; next_codepoint string; prefix string pattern
        find string pattern; find string pattern =leading|trailing; split string pattern
        split string pattern =leading|trailing|all; replace string pattern pattern
        replace string pattern pattern =leading|trailing|all; lexemes string seps; nth_lexeme string count seps
        len plain; concat plain plain; join words pattern_list; tokens plain seps; words plain; chr plain char
        rchr plain char; str plain pattern_list; rstr plain pattern_list; span plain seps; cspan plain seps
        substr plain count; substr plain count count; sub_string plain count count; sub_word plain count
        chars char count; copies plain count; strip plain; strip plain =left|right|both
        strip plain =left|right|both char; left plain count; right plain count char; centre plain count
        to_upper chars; to_lower chars
        trim string; trim string =leading|trailing|both; trim string =leading|trailing|both seps; chomp string
        take string seps; take string seps =bool; take string seps =bool =leading|trailing; pad string count
        pad string count =leading|trailing|both; pad string count =leading|trailing|both char; to_integer numeral
        to_float numeral""",
    "math": """sin small; cos small; tan small; asin small; acos small; atan small; sinh small; cosh small
        tanh small; exp small; log small; log2 small; log10 small; sqrt small; ceil small; floor small
        pow small small; atan2 small small; fmod small small; pi""",
    "proplists": """get_value key properties; get_value key properties leaf; get_bool key properties
        get_all_values key properties; lookup key properties; lookup_all key properties
        is_defined key properties; append_values key properties; delete key properties
        property pair; property key leaf; compact properties; unfold properties; split properties keys
        to_map pairs""",
    "orddict": """new; size orddict; is_empty orddict; from_list pairs; to_list orddict; is_key count orddict
        find count orddict; fetch count orddict; fetch_keys orddict; erase count orddict; take count orddict
        store count leaf orddict; append count leaf orddict; append_list count list orddict
        update count one_fun orddict; update count one_fun leaf orddict; update_counter count integer orddict
        map two_fun orddict; filter two_test orddict; fold three_fun list orddict
        merge three_fun orddict orddict""",
    "ordsets": """new; is_set list; size ordset; is_empty ordset; to_list ordset; from_list orderly
        is_element count ordset; add_element count ordset; del_element count ordset; union ordset ordset
        union ordsets; intersection ordset ordset; intersection ordsets; subtract ordset ordset
        is_disjoint ordset ordset; is_subset ordset ordset; fold two_fun integer ordset; filter test ordset
        map one_fun ordset""",
    "sets": """from_list keys version; size set; is_element atom set; add_element atom set; del_element atom set
        is_equal set set; is_subset set set; is_disjoint set set; union set set; intersection set set
        subtract set set; is_set set; filter test set; map one_fun set; is_empty set""",
    "queue": """new; is_queue queue; is_empty queue; len queue; to_list queue; from_list list; member leaf queue
        in leaf queue; in_r leaf queue; out queue; out_r queue; get queue; get_r queue; peek queue; peek_r queue
        drop queue; drop_r queue; head queue; last queue; tail queue; init queue; snoc queue leaf; cons leaf queue
        daeh queue; reverse queue; join queue queue; split count queue; filter test queue
        fold two_fun integer queue; any test queue; all test queue; delete integer queue
        from_list integers""",
    "erlang": """integer_to_list big; integer_to_list big base; integer_to_binary big; integer_to_binary big base
        list_to_integer numeral_list; list_to_integer numeral_list base; binary_to_integer numeral_binary
        binary_to_integer numeral_binary base; float_to_list real; float_to_list real float_options
        float_to_binary real; float_to_binary real float_options; list_to_float numeral_list
        binary_to_float numeral_binary; atom_to_list atom; atom_to_binary atom
        atom_to_binary atom =utf8|latin1|unicode; list_to_atom chars; list_to_existing_atom chars
        binary_to_atom binary; binary_to_atom binary =utf8|latin1; binary_to_existing_atom binary
        list_to_tuple list; tuple_to_list pair; make_tuple count leaf; make_tuple count leaf pairs
        append_element pair leaf; insert_element count pair leaf; delete_element count pair
        iolist_to_binary some_bytes; iolist_size some_bytes; list_to_binary iolist; binary_to_list binary
        binary_to_list binary count count; split_binary binary count; bitstring_to_list bits
        list_to_bitstring bit_list; phash2 term; phash2 term count; md5 some_bytes; crc32 some_bytes
        crc32 count some_bytes; adler32 some_bytes; binary_to_term binary; term_to_binary leaf
        + number number; - number number; * number number; / number number; div big big; rem big big
        band big big; bor big big; bxor big big; bnot big; bsl big count; bsr big count; abs number
        float number; trunc number; round number; floor number; ceil number; == leaf leaf; =:= leaf leaf
        < term term; >= term term; max leaf leaf; min leaf leaf; not =bool; and =bool =bool; or =bool =bool
        xor =bool =bool; element count pair; setelement count pair leaf; hd list; tl list; length list
        byte_size binary; bit_size bits; tuple_size pair; map_size map; map_get key map; is_map_key key map
        binary_part binary count integer; binary_part binary part; ++ list list; -- list list
        is_function one_fun integer; is_record pair atom; size pair""",
    "binary": """match binary needle; matches binary needle; split binary needle; split binary needle split_options
        replace binary needle needle_binary; replace binary needle needle_binary replace_options; at binary count
        first binary; last binary; part binary count integer; part binary part; bin_to_list binary
        bin_to_list binary part; bin_to_list binary count count; copy binary; copy binary count
        longest_common_prefix binaries; longest_common_suffix binaries; encode_unsigned count
        encode_unsigned big; encode_unsigned big =big|little; decode_unsigned binary
        decode_unsigned binary =big|little; encode_hex binary; encode_hex binary =lowercase|uppercase
        decode_hex numeral_binary; list_to_bin iolist; match binary needle scope""",
    "unicode": """characters_to_list chardata; characters_to_binary chardata; characters_to_list binary
        characters_to_list binary =latin1|utf8|unicode|utf16; characters_to_binary string
        characters_to_binary binary =latin1|utf8 =utf8|latin1|utf16|utf32; bom_to_encoding binary
        encoding_to_bom =utf8|utf16|utf32|latin1; characters_to_nfc_list string; characters_to_nfd_binary string
        characters_to_nfkc_binary string; characters_to_nfkd_list string""",
    "base64": """encode binary; encode bytes; encode_to_string binary; decode base64; decode_to_string base64""",
    "crypto": "hash =md5|sha|sha256|sha512|sha3_256 some_bytes; mac =hmac =sha256|md5 binary some_bytes",
    "calendar": """is_leap_year year; last_day_of_the_month year month; valid_date date; valid_date year month day
        date_to_gregorian_days date; gregorian_days_to_date days; day_of_the_week date; iso_week_number new_date
        time_to_seconds time; seconds_to_time seconds; seconds_to_daystime seconds
        datetime_to_gregorian_seconds moment; gregorian_seconds_to_datetime days
        time_difference moment moment; now_to_datetime now""",
    "io_lib": """format format list; printable_unicode_list chars
        printable_latin1_list chars; char_list list; latin1_char_list chars; write_atom atom
        write_string plain; chars_length chardata; deep_char_list nested; nl""",
}


def _calls(count: int, seed: int) -> list[tuple[Atom, Atom, list[Term]]]:
    arguments = Arguments(seed)
    every = [
        (module, *line.split(" ", 1))
        for module, lines in FUNCTIONS.items()
        for line in (each.strip() for part in lines.splitlines() for each in part.split(";"))
        if line
    ]
    calls = []
    for at in range(count):
        module, name, *kinds = every[at % len(every)]
        arguments.strange = 0 if module in TEXTS else STRANGE
        calls.append((Atom(module), Atom(name), arguments.of(kinds[0] if kinds else "")))
    return calls


# --- this side ----------------------------------------------------------------------------


def outcome(module: str, name: str, args: list[Term]) -> tuple[Term, Term]:
    """`{ok, Value}` or `{Class, Reason}` of a function of the library."""
    try:
        return (Atom("ok"), _run(Call(Export(module, name, len(args)), args)))
    except ErlangError as error:
        return (Atom("error"), Atom(error.reason) if type(error.reason) is str else error.reason)
    except Exit as error:
        return (Atom("exit"), error.reason)
    except Throw as error:
        return (Atom("throw"), error.value)


def _run(call: Any) -> Term:
    """Make a call and those that it asks for; only of external funs, and nothing waits."""
    if isinstance(call, Remote):
        call = Call(Export(call.module, call.name, len(call.args)), call.args)
    export, args = call.fun, list(call.args)
    if not isinstance(export, Export):
        raise ErlangError((Atom("badfun"), export))
    if export.arity != len(args):
        raise ErlangError((Atom("badarity"), (export, args)))
    found = registry.find(str(export.module), str(export.function), export.arity)
    if found is None:
        return _guard(export, args)
    if not found.suspends:
        return found.call(*args)
    steps, sent, raised = found.call(*args), None, None
    while True:
        try:
            asked = steps.throw(raised) if raised else steps.send(sent)
        except StopIteration as done:
            return _run(done.value) if isinstance(done.value, Call) else done.value
        try:
            sent, raised = _run(asked), None
        except (ErlangError, Exit, Throw) as error:
            raised = error


def _guard(export: Export, args: list[Term]) -> Term:
    name = str(export.function)
    try:
        return GUARD_BIFS[name, export.arity](*args)
    except FAILURES:
        raise ErlangError(Atom("badarith" if name in "+-*/abs" and name != "abs" else "badarg")) from None


@pytest.fixture(scope="module", autouse=True)
def library() -> None:
    registry.load()


def differences(theirs: list[Term], calls: list[Any], otp: int) -> list[str]:
    """The calls that came out in another way here, as text."""
    found = []
    for (module, name, args), there in zip(calls, theirs, strict=True):
        if there == (Atom("error"), Atom("undef")) or f"{module}:{name}/{len(args)}" in OTHERWISE[otp]:
            continue
        here = outcome(module, name, args)
        if not equal(here, there):
            found.append(
                f"{module}:{name}{tuple(map(to_erlang, args))}: {to_erlang(there)}, here {to_erlang(here)}"
            )
    return found


def test_the_functions_of_a_library_give_what_a_beam_gives(beam_node: Any) -> None:
    alex = beam_node("alex")
    otp = int(alex.eval_erlang("list_to_integer(erlang:system_info(otp_release))").text)
    calls = _calls(CALLS, SEED)
    theirs = alex.eval_erlang(EVALUATE % base64.b64encode(encode(calls)).decode(), timeout=60).term
    assert differences(theirs, calls, otp) == []
