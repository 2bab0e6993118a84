"""`lists`, without the functions that take a fun or look at the elements of tuples.

Those are in `lists_funs.py`, `lists_keys.py` and `lists_sort.py`.

Source: lists.erl of OTP 27; module `lists` of the STDLIB reference manual.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.services.evaluator.limits import check_integer, check_length
from pyerlnode.services.evaluator.stdlib.arguments import (
    Distinct,
    atom_text,
    badarg,
    badarith,
    each,
    function_clause,
    is_atom,
    is_integer,
    is_list,
    is_number,
    listed,
    proper,
    split_tail,
    with_tail,
)
from pyerlnode.services.evaluator.stdlib.numerals import number_text
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term, charlist, compare, equal, exact_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

lists = Library("lists")

_FAIL, _TRIM, _PAD = Atom("fail"), Atom("trim"), Atom("pad")

# --- joining ------------------------------------------------------------------------------


@lists.function("append", 2)
def append(left: Term, right: Term) -> Term:
    check_length(len(listed(left)) + len(split_tail(right)[0]))
    return with_tail(left, right)


@lists.function("append", 1)
def append_all(parts: Term) -> Term:
    given = proper(parts)
    if not given:
        return []
    check_length(
        sum(len(part) for part in given[:-1] if isinstance(part, list)) + len(split_tail(given[-1])[0])
    )
    joined = [item for part in given[:-1] for item in listed(part)]
    return with_tail(joined, given[-1])


@lists.function("subtract", 2)
def subtract(left: Term, right: Term) -> Term:
    kept, taken = listed(left), listed(right)
    counts: dict[bytes, int] = {}
    for item in taken:
        exact = exact_bytes(item)
        counts[exact] = counts.get(exact, 0) + 1
    return [item for item in kept if not _taken(exact_bytes(item), counts)]


def _taken(exact: bytes, counts: dict[bytes, int]) -> bool:
    left = counts.get(exact, 0)
    counts[exact] = left - 1
    return left > 0


@lists.function("concat", 1)
def concat(things: Term) -> Term:
    return [character for thing in each(things) for character in _characters(thing)]


def _characters(thing: Term) -> list[Term]:
    if is_number(thing):
        return charlist(number_text(thing))
    if is_atom(thing):
        return charlist(atom_text(thing))
    return proper(thing)


@lists.function("join", 2)
def join(separator: Term, items: Term) -> Term:
    given = list(each(items))
    return [part for item in given for part in (separator, item)][1:]


@lists.function("duplicate", 2)
def duplicate(count: Term, item: Term) -> Term:
    if not is_integer(count, 0):
        raise function_clause()
    check_length(count)
    return [item] * count


@lists.function("flatten", 1)
def flatten(nested: Term) -> Term:
    return flattened(nested, [])


@lists.function("flatten", 2)
def flatten_onto(nested: Term, tail: Term) -> Term:
    if not is_list(tail):
        raise function_clause()
    return flattened(nested, tail)


def flattened(nested: Term, tail: Term) -> Term:
    """The elements of a list of lists of any depth, in front of `tail`; else `function_clause`."""
    if not is_list(nested):
        raise function_clause()
    out: list[Term] = []
    stack = [each(nested)]
    while stack:
        for item in stack[-1]:
            if is_list(item):
                stack.append(each(item))
                break
            out.append(item)
        else:
            stack.pop()
    return with_tail(out, tail)


@lists.function("flatlength", 1)
def flatlength(nested: Term) -> Term:
    return len(flattened(nested, []))


# --- making -------------------------------------------------------------------------------


@lists.function("seq", 2)
def seq(first: Term, last: Term) -> Term:
    if not (is_integer(first) and is_integer(last) and first - 1 <= last):
        raise function_clause()
    check_length(last - first + 1)
    return list(range(first, last + 1))


@lists.function("seq", 3)
def seq_by(first: Term, last: Term, step: Term) -> Term:
    if not (is_integer(first) and is_integer(last) and is_integer(step)):
        raise badarg()
    if step == 0 and first == last:
        return [first]
    if step == 0 or (first - step > last if step > 0 else first - step < last):
        raise badarg()
    check_length((last - first + step) // step)
    return list(range(first, last + (1 if step > 0 else -1), step))


@lists.function("enumerate", 1)
def enumerated(items: Term) -> Term:
    return enumerated_by(1, 1, items)


@lists.function("enumerate", 2)
def enumerated_from(index: Term, items: Term) -> Term:
    return enumerated_by(index, 1, items)


@lists.function("enumerate", 3)
def enumerated_by(index: Term, step: Term, items: Term) -> Term:
    if not (is_integer(index) and is_integer(step)):
        raise function_clause()
    return [(index + step * at, item) for at, item in enumerate(each(items))]


# --- parts --------------------------------------------------------------------------------


@lists.function("reverse", 1)
def reverse(items: Term) -> Term:
    elements, tail = split_tail(items)
    if isinstance(tail, list):
        return list(elements[::-1])
    # Two elements and more are left to the BIF reverse/2.
    raise function_clause() if len(elements) < 2 else badarg()


@lists.function("reverse", 2)
def reverse_onto(items: Term, tail: Term) -> Term:
    return with_tail(listed(items)[::-1], tail)


@lists.function("nth", 2)
def nth(position: Term, items: Term) -> Term:
    elements, _ = split_tail(items)
    if not (is_integer(position, 1) and position <= len(elements)):
        raise function_clause()
    return elements[position - 1]


@lists.function("nthtail", 2)
def nthtail(count: Term, items: Term) -> Term:
    elements, tail = split_tail(items)
    if not (is_integer(count, 0) and count <= len(elements)) or (count == 0 and not is_list(items)):
        raise function_clause()
    return with_tail(elements[count:], tail)


@lists.function("last", 1)
def last(items: Term) -> Term:
    if not proper(items):
        raise function_clause()
    return items[-1]


@lists.function("droplast", 1)
def droplast(items: Term) -> Term:
    if not proper(items):
        raise function_clause()
    return items[:-1]


@lists.function("sublist", 2)
def sublist(items: Term, count: Term) -> Term:
    if not is_integer(count, 0) or not is_list(items):
        raise function_clause()
    elements, tail = split_tail(items)
    if count > len(elements) and not isinstance(tail, list):
        raise function_clause()
    return list(elements[:count])


@lists.function("sublist", 3)
def sublist_from(items: Term, start: Term, count: Term) -> Term:
    elements, tail = split_tail(items)
    if not is_integer(start, 1) or (start - 1 > len(elements) and not isinstance(tail, list)):
        raise function_clause()
    if start > 1 and start - 1 > len(elements):
        return []
    return sublist(with_tail(elements[start - 1 :], tail), count)


@lists.function("split", 2)
def split(count: Term, items: Term) -> Term:
    if not is_integer(count, 0) or not is_list(items):
        raise badarg()
    elements, tail = split_tail(items)
    if count > len(elements):
        raise badarg() if isinstance(tail, list) else function_clause()
    return (list(elements[:count]), with_tail(elements[count:], tail))


@lists.function("delete", 2)
def delete(item: Term, items: Term) -> Term:
    elements, tail = split_tail(items)
    for at, each_item in enumerate(elements):
        if equal(item, each_item):
            return with_tail([*elements[:at], *elements[at + 1 :]], tail)
    return proper(items)


@lists.function("uniq", 1)
def uniq(items: Term) -> Term:
    seen = Distinct()
    return [item for item in each(items) if seen.add(item)]


# --- questions ----------------------------------------------------------------------------


@lists.function("member", 2)
def member(item: Term, items: Term) -> Term:
    elements, tail = split_tail(items)
    if any(equal(item, other) for other in elements):
        return True
    if not isinstance(tail, list):
        raise badarg()
    return False


@lists.function("prefix", 2)
def prefix(start: Term, items: Term) -> Term:
    starts, start_tail = split_tail(start)
    elements, tail = split_tail(items)
    for index, expected in enumerate(starts):
        if index >= len(elements):
            return _ended(tail)
        if not equal(expected, elements[index]):
            return False
    if not isinstance(start_tail, list) or (len(elements) == len(starts) and not isinstance(tail, list)):
        raise function_clause()
    return True


def _ended(tail: Term) -> bool:
    if not isinstance(tail, list):
        raise function_clause()
    return False


@lists.function("suffix", 2)
def suffix(end: Term, items: Term) -> Term:
    ends, elements = listed(end), listed(items)
    return len(ends) <= len(elements) and equal(ends, elements[len(elements) - len(ends) :])


@lists.function("max", 1)
def largest(items: Term) -> Term:
    return _extreme(items, 1)


@lists.function("min", 1)
def smallest(items: Term) -> Term:
    return _extreme(items, -1)


def _extreme(items: Term, sign: int) -> Term:
    elements = proper(items)
    if not elements:
        raise function_clause()
    best = elements[0]
    for item in elements[1:]:
        if compare(item, best) == sign:
            best = item
    return best


@lists.function("sum", 1)
def total(items: Term) -> Term:
    result: Term = 0
    for item in each(items):
        result = _added(result, item)
    return result


def _added(a: Term, b: Term) -> Term:
    if not is_number(b):
        raise badarith()
    try:
        result = a + b
    except OverflowError:  # an integer that no float can hold
        raise badarith() from None
    if type(result) is int:
        check_integer(result.bit_length())
    elif result - result:
        raise badarith()
    return result


# --- side by side ---------------------------------------------------------------------------


def rows(columns: Sequence[Term], how: Term) -> list[tuple[Term, ...]]:
    """The elements of several lists side by side, by `how` they end: `fail`, `trim` or `{pad, Defaults}`."""
    parts = [split_tail(column) for column in columns]
    lengths = [len(elements) for elements, _ in parts]
    padded = _padding(how, len(columns))
    size = max(lengths) if padded is not None else min(lengths)
    check_length(size)
    if how is not _TRIM and padded is None and max(lengths) != size:
        raise function_clause()
    if any(
        not isinstance(tail, list) and length <= size
        for (_, tail), length in zip(parts, lengths, strict=True)
    ):
        raise function_clause()
    filled = padded or (None,) * len(columns)
    full = [_filled(elements, size, item) for (elements, _), item in zip(parts, filled, strict=True)]
    return list(zip(*full, strict=True))


def _padding(how: Term, width: int) -> tuple[Term, ...] | None:
    if how is _FAIL or how is _TRIM:
        return None
    match how:
        case (Atom() as kind, tuple() as defaults) if kind is _PAD and len(defaults) == width:
            return defaults
    raise function_clause()


def _filled(elements: Sequence[Term], size: int, item: Term) -> list[Term]:
    return [*elements[:size], *[item] * (size - len(elements))]


@lists.function("zip", 2)
def zip_two(xs: Term, ys: Term) -> Term:
    return rows((xs, ys), _FAIL)


@lists.function("zip", 3)
def zip_two_how(xs: Term, ys: Term, how: Term) -> Term:
    return rows((xs, ys), how)


@lists.function("zip3", 3)
def zip_three(xs: Term, ys: Term, zs: Term) -> Term:
    return rows((xs, ys, zs), _FAIL)


@lists.function("zip3", 4)
def zip_three_how(xs: Term, ys: Term, zs: Term, how: Term) -> Term:
    return rows((xs, ys, zs), how)


@lists.function("unzip", 1)
def unzip(pairs: Term) -> Term:
    return _columns(pairs, 2)


@lists.function("unzip3", 1)
def unzip3(triples: Term) -> Term:
    return _columns(triples, 3)


def _columns(items: Term, width: int) -> Term:
    given = list(each(items))
    if any(type(item) is not tuple or len(item) != width for item in given):
        raise function_clause()
    return tuple([item[at] for item in given] for at in range(width))
