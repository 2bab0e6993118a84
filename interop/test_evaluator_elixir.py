"""Elixir's functions that closures call against those of the BEAM: random arguments, the same outcome.

Each call is made on both sides, on this one by the machine that runs closures.  Values are compared
as terms; of errors the class and the kind (the exception's module, or the tag of Erlang's reason),
since their texts differ from release to release.  What a release does not have, or has in another
way than Elixir 1.18, is left out for it.
"""

from __future__ import annotations

import base64
import random
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import ErlangError, Exit, Throw
from pyerlnode.services.evaluator.machine import Machine
from pyerlnode.services.evaluator.service import Settings, resolve
from pyerlnode.services.evaluator.stdlib import registry
from pyerlnode.term import Atom, Export, ImproperList, Map, MapSet, Term, encode, equal, to_elixir

if TYPE_CHECKING:
    from collections.abc import Callable

SEED: Final = 20261121
CALLS: Final = 2_200
STRANGE: Final = 0.0  # how often an argument is of any kind; what Elixir says to nonsense is no promise

EVALUATE: Final = r"""
lists:map(fun({M, F, A}) -> try {ok, apply(M, F, A)} catch Class:Reason -> {Class, Reason} end end,
          binary_to_term(base64:decode(<<"%s">>)))
"""

# The elements of these come in an order that only the node itself knows.
UNORDERED: Final = frozenset(
    {"Map.to_list", "Map.keys", "Map.values", "MapSet.to_list", "Enum.map_set", "Map.split_with"}
)
WRONG: Final = frozenset({"badarg", "function_clause", "badmap", "badfun", "case_clause", "badmatch"})
OTHERWISE: Final[dict[int, frozenset[str]]] = {
    # Elixir 1.14 takes no notice of unknown fields, and finds some ranges disjoint that are not.
    25: frozenset({"ArgumentError.exception/1", "KeyError.exception/1", "Range.disjoint?/2"}),
    27: frozenset(),
    # 1.20 gives no negative divisor.
    29: frozenset({"Integer.extended_gcd/2"}),
}


class Arguments:
    """Makes arguments, each by the name of its kind."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)

    def of(self, kinds: list[str]) -> list[Term]:
        return [self.term() if self.pick.random() < STRANGE else self.one(kind) for kind in kinds]

    def one(self, kind: str) -> Term:
        if kind.startswith(":"):
            return Atom(self.pick.choice(kind[1:].split("|")))
        if kind.startswith("&"):
            module, name, arity = self.pick.choice(kind[1:].split("|")).split(",")
            return Export(module if module.islower() else f"Elixir.{module}", name, int(arity))
        if kind.startswith("["):
            return [self.one(each) for each in kind[1:-1].split("+") if each]
        return getattr(self, f"a_{kind}")()

    def some(self, make: Callable[[], Term], most: int = 6) -> list[Term]:
        return [make() for _ in range(self.pick.randrange(most + 1))]

    def a_int(self) -> int:
        return self.pick.choice([0, 1, 1, 2, 2, 3, 4, 5, 7, -1, -2, -3, 10])

    def a_count(self) -> int:
        return self.pick.choice([0, 1, 1, 2, 2, 3, 3, 4, 5])

    def a_positive(self) -> int:
        return self.pick.choice([1, 1, 2, 2, 3, 4])

    def a_big(self) -> int:
        return self.pick.choice([self.a_int(), self.pick.randrange(-(2**70), 2**70), 2**64, 255])

    def a_base(self) -> int:
        return self.pick.choice([2, 8, 10, 16, 36, 7, 1, 37])

    def a_float(self) -> float:
        known = [0.0, 1.0, 1.5, 2.5, 0.5, -0.25, 3.14159, 1e22, 1.0e-7, 123456.789, -2.0, 0.1, 1e300]
        return self.pick.choice([*known, self.pick.uniform(-10, 10), self.pick.uniform(-1e6, 1e6)])

    def a_number(self) -> Term:
        return self.pick.choice([self.a_int, self.a_int, self.a_float])()

    def a_atom(self) -> Term:
        return self.pick.choice([Atom("a"), Atom("b"), Atom("c"), Atom("ok"), True, False, None])

    def a_key(self) -> Term:
        return self.pick.choice([1, 2, 1.0, Atom("a"), Atom("b"), b"a", True, (1, 2), [1]])

    def a_leaf(self) -> Term:
        return self.pick.choice([self.a_int, self.a_float, self.a_atom, self.a_text, self.a_key])()

    def term(self, depth: int = 2) -> Term:
        if depth == 0 or self.pick.random() < 0.5:
            return self.a_leaf()
        items = [self.term(depth - 1) for _ in range(self.pick.randrange(4))]
        kind = self.pick.randrange(4)
        if kind == 0:
            return tuple(items)
        if kind == 1 and items:
            return ImproperList(items, Atom("tail"))
        return self.a_map() if kind == 2 else items

    def a_term(self) -> Term:
        return self.term()

    def a_list(self) -> Term:
        return self.some(self.a_leaf)

    def a_ints(self) -> Term:
        return self.some(self.a_int)

    def a_lists(self) -> Term:
        return self.some(self.a_ints, 4)

    def a_range(self) -> Term:
        first, last = self.a_int(), self.a_int()
        step = self.pick.choice([1, 1, 1, 2, -1, 3])
        return _struct("Range", first=first, last=last, step=step)

    def a_up(self) -> Term:
        return _struct("Range", first=self.a_int(), last=self.a_int(), step=self.pick.choice([1, 1, 1, 2]))

    def a_enum(self) -> Term:
        return self.pick.choice([self.a_ints, self.a_ints, self.a_range])()

    def a_any(self) -> Term:
        return self.pick.choice([self.a_list, self.a_ints, self.a_range])()

    def a_pairs(self) -> Term:
        return self.some(lambda: (self.a_key(), self.a_leaf()))

    def a_map(self) -> Term:
        return Map({encode(key): (key, value) for key, value in self.a_pairs()}.values())

    def a_keys(self) -> Term:
        return self.some(self.a_key, 4)

    def a_set(self) -> Term:
        return _struct("MapSet", map=Map({encode(key): (key, []) for key in self.a_list()}.values()))

    def a_name(self) -> Term:
        return self.pick.choice([Atom("a"), Atom("b"), Atom("c")])

    def a_names(self) -> Term:
        return self.some(self.a_name, 3)

    def a_keyword(self) -> Term:
        return self.some(lambda: (self.a_name(), self.a_int()))

    def a_tuple(self) -> Term:
        return tuple(self.a_ints())

    def a_tuples(self) -> Term:
        return self.some(lambda: (self.a_name(), self.a_int()))

    def a_text(self) -> Term:
        letters = [
            "a",
            "b",
            "c",
            "A",
            "B",
            " ",
            ",",
            "é",
            "ß",
            "ö",
            "\n",
            "1",
            "ab",
            "Σ",
            "👍🏽",
            "🇩🇪",
            "e\u0301",
        ]
        text = "".join(self.pick.choice(letters) for _ in range(self.pick.randrange(8)))
        return self.pick.choice([text.encode()] * 9 + [text.encode() + b"\xff" + b"a"])

    def a_clean(self) -> Term:
        return "".join(self.pick.choice("abcAB ,éßö1") for _ in range(self.pick.randrange(8))).encode()

    def a_texts(self) -> Term:
        return self.some(self.a_clean, 4)

    def a_pattern(self) -> Term:
        return self.pick.choice([b"a", b"b", b"ab", b",", b" ", "é".encode(), b"", [b"a", b","], []])

    def a_needle(self) -> Term:
        return self.pick.choice([b"a", b"b", b"ab", b",", b" ", "é".encode(), [b"a", b","]])

    def a_numeral(self) -> Term:
        return self.pick.choice(
            [
                b"1",
                b"-12",
                b"+3",
                b"007",
                b"ff",
                b"1.5",
                b"-2.25x",
                b"1.0e3",
                b"1e5",
                b"",
                b"x",
                b"12 ab",
                b"1.",
                b"-",
            ]
        )

    def a_chars(self) -> Term:
        return [ord(each) for each in self.a_clean().decode()]

    def a_path(self) -> Term:
        return [self.a_name() for _ in range(self.pick.randrange(1, 3))]

    def a_tree(self) -> Term:
        inner = [{Atom("a"): 1, Atom("b"): {Atom("a"): 2}}, {}, [(Atom("a"), 3)]]
        return {name: self.pick.choice(inner) for name in (Atom("a"), Atom("b"))}

    def a_split_options(self) -> Term:
        return self.pick.choice(
            [
                [],
                [(Atom("trim"), True)],
                [(Atom("parts"), self.a_positive())],
                [(Atom("parts"), 2), (Atom("trim"), True)],
            ]
        )

    def a_lower(self) -> Term:
        return (Atom("case"), Atom("lower"))

    def a_unpadded(self) -> Term:
        return (Atom("padding"), False)

    def a_hex(self) -> Term:
        return self.pick.choice(
            [b"", b"61", b"6A6B", b"6a", b"6", b"YQ==", b"YWI=", b"MFRGG===", b"MFRA", b"_-8=", b"zz"]
        )

    def a_problem(self) -> Term:
        return self.pick.choice(
            [
                _struct("RuntimeError", __exception__=True, message=b"boom"),
                _struct("KeyError", __exception__=True, key=1, term={}, message=None),
                _struct("MatchError", __exception__=True, term=(1, 2)),
                (Atom("badmatch"), 1),
                (Atom("case_clause"), Atom("a")),
                (Atom("badkey"), Atom("a")),
                (Atom("badkey"), Atom("a"), {}),
                (Atom("badmap"), 1),
                Atom("badarith"),
                Atom("badarg"),
                Atom("cond_clause"),
                Atom("other"),
            ]
        )

    def a_global(self) -> Term:
        return [(Atom("global"), self.pick.random() < 0.5)]


def _struct(module: str, **fields: Term) -> Term:
    return {
        Atom("__struct__"): Atom(f"Elixir.{module}"),
        **{Atom(key): value for key, value in fields.items()},
    }


# Funs that both sides have.
F1 = "&Function,identity,1|Kernel,is_integer,1|Kernel,abs,1|Integer,to_string,1|Kernel,-,1"
T1 = "&Kernel,is_integer,1|Kernel,is_atom,1|Function,identity,1|Kernel,is_list,1"
F2 = "&Kernel,+,2|Kernel,max,2|Kernel,-,2|Kernel,==,2"
S2 = "&Kernel,<=,2|Kernel,>=,2"
U1 = "&String,upcase,1|String,reverse,1"
L1 = "&List,wrap,1|List,duplicate,1"
G1 = "&List,wrap,1"
G3 = "&Enum,slice,3|List,replace_at,3"

FUNCTIONS: Final = f"""
Enum all? any; all? any {T1}; any? any; any? any {T1}; at any int; at any int leaf; chunk_every any positive
  chunk_every any positive positive; chunk_every any positive positive any; chunk_by any {T1}
  chunk_every any positive positive :discard; concat lists; concat any any; count any; count any {T1}
  count_until any positive; dedup list; dedup_by any {T1}; drop any int; drop_every any count
  drop_while any {T1}; each any {T1}; empty? any; fetch any int; fetch! any int; filter any {T1}
  find any {T1}; find any leaf {T1}; find_index any {T1}; find_value any {T1}; flat_map lists {F1}
  flat_map any {G1}; flat_map lists &Function,identity,1; frequencies list; frequencies_by any {T1}
  group_by any {T1}; group_by any {T1} {F1}; intersperse any leaf; into pairs map; into any list
  into list set; into pairs map &Function,identity,1; join ints; join texts clean; map any {F1}
  map ints {F1}
  map_every enum count {F1}; map_intersperse enum leaf {F1}; map_join enum clean {F1}; map_join ints {F1}
  max enum; max enum {S2}; max_by enum {F1}; member? any leaf; min enum; min_by enum {F1}; min_max enum
  min_max_by enum {F1}; product ints; reduce enum {F2}; reduce enum int {F2}; reject any {T1}; reverse any
  reverse any list; reverse_slice any count count; scan enum {F2}; scan enum int {F2}; slice any up
  slice any int count; slice any range; slide any count count; slide ints up int; sort enum
  sort enum :asc|desc
  sort enum {S2}; sort_by enum {F1}; sort_by enum {F1} :asc|desc; split any int; split_while any {T1}
  split_with any {T1}; sum enum; sum_by enum {F1}; product_by enum &Kernel,abs,1; take any int
  take_every any count; take_while any {T1}; to_list any; uniq list; uniq_by any {T1}; unzip tuples
  with_index any; with_index any int; zip any any; zip lists; zip_with enum enum {F2}; to_list set
  zip_reduce enum enum leaf {G3}; map_reduce enum int &List,pop_at,2; join list
  min_max ints; sum list; map map {T1}
Map delete map key; drop map keys; equal? map map; fetch map key; fetch! map key; filter map {T1}
  from_keys keys leaf; get map key; get map key leaf; has_key? map key; intersect map map; keys map
  merge map map; new; new pairs; new pairs &Function,identity,1; pop map key; pop map key leaf; pop! map key
  put map key leaf; put_new map key leaf; reject map {T1}; replace map key leaf; replace! map key leaf
  split map keys; take map keys; to_list map; update map key leaf {F1}; update! map key {F1}; values map
  get_and_update map key &List,wrap,1; from_struct range; split_with map {T1}; merge map map {G3}
  replace_lazy map key {F1}; size map
MapSet new; new any; new ints {F1}; delete set leaf; difference set set; disjoint? set set; equal? set set
  intersection set set; member? set leaf; put set leaf; size set; subset? set set
  symmetric_difference set set
  to_list set; union set set; filter set {T1}; reject set {T1}
Keyword delete keyword name; delete_first keyword name; drop keyword names; equal? keyword keyword
  fetch keyword name; fetch! keyword name; filter keyword {T1}; from_keys names leaf; get keyword name
  get keyword name leaf; get_values keyword name; has_key? keyword name; intersect keyword keyword
  keys keyword
  keyword? keyword; keyword? pairs; merge keyword keyword; new keyword; new; pop keyword name; size keyword
  pop keyword name leaf; pop! keyword name; pop_first keyword name; pop_values keyword name
  put keyword name leaf
  put_new keyword name leaf; reject keyword {T1}; replace keyword name leaf; replace! keyword name leaf
  split keyword names; take keyword names; to_list keyword; update keyword name leaf {F1}
  update! keyword name {F1}; validate keyword names; validate! keyword keyword; values keyword
  split_with keyword {T1}; get_and_update keyword name {G1}; merge keyword keyword {G3}; map keyword {G1}
List delete list leaf; delete_at list int; duplicate leaf count; ends_with? ints ints; first list
  first list leaf
  flatten lists; flatten lists ints; foldl ints int {F2}; foldr ints int {F2}; improper? term
  insert_at list int leaf
  keydelete tuples name count; keyfind tuples name count; keyfind tuples name count leaf
  keyfind! tuples name count
  keymember? tuples name count; keyreplace tuples name count tuple; keysort tuples count
  keysort tuples count :asc|desc
  keystore tuples name count tuple; keytake tuples name count; last list; last list leaf; pop_at list int
  pop_at list int leaf; replace_at list int leaf; starts_with? ints ints; to_charlist chars
  to_integer chars
  to_string chars; to_string texts; to_tuple list; update_at ints int {F1}; wrap term; zip lists
  ascii_printable? chars; ascii_printable? chars count; to_atom chars; myers_difference ints ints
Tuple append tuple leaf; delete_at tuple count; duplicate leaf count; insert_at tuple count leaf
  product tuple
  sum tuple; to_list tuple
Range new int int; new int int int; disjoint? range range; size range; to_list range; shift range int
  split range int; range? term
Integer digits big; digits big base; extended_gcd int int; floor_div big int; gcd big big; mod big int
  parse numeral
  parse numeral base; pow int count; to_charlist big; to_charlist big base; to_string big
  to_string big base
  undigits ints; undigits ints base; ceil_div big int; popcount count
Float ceil float; ceil float count; floor float; floor float count; parse numeral; round float
  round float count
  to_string float; to_charlist float; ratio float; max_finite; pow float int
String at clean int; capitalize text; codepoints text; contains? clean needle; contains? text pattern
  downcase text
  downcase text :default|ascii|greek; duplicate text count; ends_with? text needle; ends_with? text pattern
  equivalent? clean clean; first text; graphemes text; last clean; length text; next_codepoint text
  next_grapheme text; normalize clean :nfd|nfc|nfkd|nfkc; pad_leading text count
  pad_leading clean int clean
  pad_trailing text count; pad_trailing clean int clean; printable? text; printable? text count
  replace text needle clean; replace clean pattern clean; replace text needle {U1}
  replace clean needle clean global
  replace_leading clean needle clean; replace_prefix clean needle clean; replace_suffix clean needle clean
  replace_trailing clean needle clean; reverse clean; slice clean int count; slice clean up
  slice clean range
  split text; split clean pattern; split clean pattern split_options; split text needle
  split text needle split_options
  split_at clean int; starts_with? text needle; starts_with? clean pattern; to_atom clean; to_charlist text
  to_float numeral; to_integer numeral; to_integer numeral base; trim text; trim clean needle
  trim_leading text
  trim_leading clean needle; trim_trailing text; trim_trailing clean needle; upcase text
  upcase text :default|ascii|turkic
  valid? text; jaro_distance clean clean; bag_distance clean clean; replace_invalid text
  byte_slice clean int count
  myers_difference clean clean; split clean; count clean needle
Kernel =~ clean clean; inspect leaf; inspect list; inspect ints; inspect keyword; inspect tuple
  inspect range; inspect text; ** int int; ** number number; binary_slice clean int count
  binary_slice clean up
  elem tuple int; put_elem tuple count leaf; get_in tree path; put_in tree path leaf
  update_in tree path {F1}
  pop_in tree path; get_and_update_in tree path {G1}; is_map_key map key; max leaf leaf
  struct range keyword
  binary_part clean count int; round number; trunc number; div big int; rem big int; ++ list list
  -- ints ints
  + number number; == leaf leaf; === leaf leaf; < leaf leaf; >= leaf leaf; is_function leaf; abs number
  floor number; ceil number; hd list; tl list; length list; to_string leaf; not atom; to_timeout keyword
Access get map key; get keyword name; get map key leaf; fetch map key; fetch! keyword name; pop map key
  pop keyword name
  get_and_update map key {G1}; get leaf key; fetch leaf name
Atom to_string atom; to_charlist atom
Bitwise band int int; bor int int; bxor int int; bnot int; bsl int count; bsr int count; &&& int int
Base encode16 text; encode16 text [lower]; decode16 hex; decode16! hex; encode32 text; decode32 hex
  encode64 text
  decode64 hex; url_encode64 text; url_decode64 hex; hex_encode32 text; encode64 text [unpadded]
String.Chars to_string leaf; to_string texts; to_string term
List.Chars to_charlist leaf; to_charlist chars
Function identity term
Module concat names; concat atom atom; split name
ArgumentError exception text; exception keyword
KeyError exception keyword
RuntimeError exception text
Exception normalize :error term; normalize :exit term; message problem; normalize :error problem
Kernel.Utils destructure list count
"""


def _wanted() -> list[tuple[str, str, list[str]]]:
    """Every function with the kinds of its arguments."""
    found, module = [], ""
    for line in FUNCTIONS.splitlines():
        text = line
        if line and not line.startswith(" "):
            module, text = line.split(" ", 1)
        for part in text.split(";"):
            words = part.split()
            if words:
                found.append((module, words[0], words[1:]))
    return found


def calls(count: int, seed: int) -> list[tuple[Atom, Atom, list[Term]]]:
    """So many calls, with arguments by chance."""
    arguments = Arguments(seed)
    wanted = _wanted()
    made = []
    for at in range(count):
        module, name, kinds = wanted[at % len(wanted)]
        made.append((Atom(f"Elixir.{module}"), Atom(name), arguments.of(kinds)))
    return made


# --- this side ------------------------------------------------------------------------------


def outcome(module: str, name: str, args: list[Term]) -> tuple[Term, Term]:
    """`{ok, Value}` or `{Class, Reason}` of a function of the library."""
    machine = Machine(partial(resolve, Settings()), None)  # type: ignore[arg-type]  # nothing waits
    try:
        done = machine.apply(Export(module, name, len(args)), args)
        while not done:
            done = machine.advance()
    except ErlangError as error:
        return Atom("error"), error.reason
    except Exit as error:
        return Atom("exit"), error.reason
    except Throw as error:
        return Atom("throw"), error.value
    return Atom("ok"), machine.result


def kind(reason: Term) -> Term:
    """What is compared of an error: the module of the exception, or the tag of the reason."""
    if isinstance(reason, (dict, Map)):
        return reason.get(Atom("__struct__"))
    tag = reason[0] if isinstance(reason, tuple) and reason else reason
    # Which function inside of Elixir's own code finds the argument wrong is no promise.
    return Atom("badarg") if isinstance(tag, Atom) and tag in WRONG else tag


def same(name: str, args: list[Term], here: tuple[Term, Term], there: tuple[Term, Term]) -> bool:
    if here[0] != there[0]:
        return False
    if here[0] != "ok":
        return equal(kind(here[1]), kind(there[1]))
    if (name in UNORDERED or any(map(_is_unordered, args))) and isinstance(there[1], list):
        return len(here[1]) == len(there[1]) and all(
            any(equal(item, other) for other in here[1]) for item in there[1]
        )
    return equal(here[1], _without_version(there[1]))


def _without_version(value: Term) -> Term:
    """A set without the version that Elixir 1.14 gives it."""
    if isinstance(value, tuple):
        return tuple(map(_without_version, value))
    if isinstance(value, MapSet):
        return frozenset(value)
    if isinstance(value, (dict, Map)) and value.get(Atom("__struct__")) == "Elixir.MapSet":
        return {key: each for key, each in value.items() if key != "version"}
    return value


def _is_unordered(arg: Term) -> bool:
    """Whether the order of its elements is the node's own."""
    return isinstance(arg, (dict, Map)) and not isinstance(arg.get(Atom("first")), int)


def differences(made: list[Any], theirs: list[Term], otp: int) -> list[str]:
    """The calls that came out in another way here, as text."""
    found = []
    for (module, name, args), there in zip(made, theirs, strict=True):
        called = f"{module.removeprefix('Elixir.')}.{name}"
        if f"{called}/{len(args)}" in OTHERWISE[otp] or _is_undefined(module, name, args, there):
            continue
        here = outcome(module, name, args)
        if not same(called, args, here, there):
            shown = ", ".join(map(to_elixir, args))
            found.append(f"{called}({shown}): {to_elixir(there)}, here {to_elixir(here)}")
    return found


def _is_undefined(module: str, name: str, args: list[Term], there: tuple[Term, Term]) -> bool:
    """Whether that release does not have the function, or this library has not."""
    if there == (Atom("error"), Atom("undef")):
        return True
    return registry.find(module, name, len(args)) is None


def test_elixirs_functions_give_what_a_beam_gives(beam_node: Any) -> None:
    registry.load()
    alex = beam_node("alex")
    otp = int(alex.eval_erlang("list_to_integer(erlang:system_info(otp_release))").text)
    made = calls(CALLS, SEED)
    theirs = alex.eval_erlang(EVALUATE % base64.b64encode(encode(made)).decode(), timeout=60).term
    assert differences(made, theirs, otp) == []
