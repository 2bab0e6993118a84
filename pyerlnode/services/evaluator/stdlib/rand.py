"""`rand`: pseudo random numbers, with a state for each process; the algorithm is `exsss`.

The state is in the process dictionary, as on a BEAM, and a seed gives the same numbers as there.
`rand:seed(default, 42)` and the like know `exsss` and `default` only.

Source: rand.erl of OTP 27; D. Blackman, S. Vigna, "Scrambled Linear Pseudorandom Number Generators".
Proof: tests/services/evaluator/test_stdlib_erlang_processes.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

import math
import secrets
from typing import Any, Final

import pyerlnode.process as processes
from pyerlnode.services.evaluator import limits
from pyerlnode.services.evaluator.stdlib.arguments import UNDEFINED, badarg, function_clause, is_integer
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, ImproperList, Term

rand = Library("rand")

_KEY = Atom("rand_seed")
_EXSSS, _DEFAULT = Atom("exsss"), Atom("default")
_BITS: Final = 58
_MASK: Final = 2**_BITS - 1
_MASK64: Final = 2**64 - 1


# --- the generator ----------------------------------------------------------------------------


def _rotated(value: int, by: int) -> int:
    return (value << by & _MASK) | value >> (_BITS - by)


def _next(state: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    """The next number of 58 bits, and the state after it."""
    s1, s0 = state
    scrambled = _rotated(s0 * 5 & _MASK, 7) * 9 & _MASK
    mixed = s1 ^ (s1 << 24 & _MASK)
    return scrambled, (s0, mixed ^ s0 ^ mixed >> 11 ^ s0 >> 41)


def _split_mix(seed: int) -> tuple[int, int]:
    """A number of 64 bits, and the next seed."""
    seed = (seed + 0x9E3779B97F4A7C15) & _MASK64
    z = ((seed ^ seed >> 30) * 0xBF58476D1CE4E5B9) & _MASK64
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & _MASK64
    return z ^ z >> 31, seed


def _word(seed: int) -> tuple[int, int]:
    """A number of 58 bits that is not 0, and the next seed."""
    value = 0
    while not value & _MASK:
        value, seed = _split_mix(seed)
    return value & _MASK, seed


def _seeded(seed: Term) -> tuple[int, int]:
    match seed:
        case int() if is_integer(seed):
            s1, following = _word(seed & _MASK64)
            return s1, _word(following)[0]
        case (a, b, c) if all(map(is_integer, seed)) and type(seed) is tuple:
            # The first number is thrown away; what is left of it stirs the other two.
            _, following = _word(a)
            s1, following = _word(b ^ following)
            return s1, _word(c ^ following)[0]
    raise badarg()


# --- the state ----------------------------------------------------------------------------------


def _state() -> tuple[int, int]:
    found: Any = processes.get(_KEY)
    if type(found) is tuple and len(found) == 2 and isinstance(found[1], ImproperList):
        return found[1].elements[0], found[1].tail
    return _keep(_seeded(secrets.randbits(64)))


def _keep(state: tuple[int, int]) -> tuple[int, int]:
    processes.put(_KEY, _shown(state))
    return state


def _shown(state: tuple[int, int]) -> Term:
    return (_EXSSS, ImproperList([state[0]], state[1]))


def _drawn() -> int:
    value, state = _next(_state())
    _keep(state)
    return value


@rand.function("seed", 1)
def seed(algorithm: Term) -> Term:
    if algorithm in (_EXSSS, _DEFAULT):
        return _shown(_keep(_seeded(secrets.randbits(64))))
    match algorithm:
        case (Atom() as name, ImproperList((int() as s1,), int() as s0)) if name is _EXSSS:
            return _shown(_keep((s1 & _MASK, s0 & _MASK)))
    raise badarg()


@rand.function("seed", 2)
def seed_by(algorithm: Term, value: Term) -> Term:
    if algorithm not in (_EXSSS, _DEFAULT):
        raise badarg()
    return _shown(_keep(_seeded(value)))


@rand.function("export_seed", 0)
def export_seed() -> Term:
    found = processes.get(_KEY)
    return UNDEFINED if found is UNDEFINED else found


# --- numbers --------------------------------------------------------------------------------------


@rand.function("uniform", 0)
def uniform() -> Term:
    return (_drawn() >> (_BITS - 53)) * 2.0**-53


@rand.function("uniform", 1)
def uniform_to(most: Term) -> Term:
    if not is_integer(most, 1):
        raise function_clause()
    limits.check_integer(most.bit_length())
    if most > _MASK + 1:
        return secrets.randbelow(most) + 1
    while True:
        value = _drawn()
        found = value % most
        # The last numbers, which are no whole run of `most`, would make the first ones likelier.
        if value - found <= _MASK + 1 - most:
            return found + 1


@rand.function("uniform_real", 0)
def uniform_real() -> Term:
    value = 0.0
    while value == 0.0:
        value = uniform()
    return value


@rand.function("normal", 0)
def normal() -> Term:
    return normal_of(0.0, 1.0)


@rand.function("normal", 2)
def normal_of(mean: Term, variance: Term) -> Term:
    if type(mean) not in (int, float) or type(variance) not in (int, float) or variance < 0:
        raise function_clause()
    radius = math.sqrt(-2.0 * math.log(uniform_real()))
    return mean + math.sqrt(variance) * radius * math.cos(2.0 * math.pi * uniform())


@rand.function("bytes", 1)
def bytes_of(count: Term) -> Term:
    if not is_integer(count, 0):
        raise function_clause()
    limits.check_binary(count)
    if count == 0:
        return b""
    whole = (count - 1) // 7
    out = b"".join((_drawn() >> 2).to_bytes(7, "big") for _ in range(whole))
    # Of the last number the bits are taken from another place.
    return out + (_drawn() & (2**56 - 1)).to_bytes(7, "big")[: count - 7 * whole]
