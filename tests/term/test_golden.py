"""Bytes that OTP 25, 27, 28 and 29 wrote, and odd bytes with the verdict that OTP 27 gave."""

from __future__ import annotations

from typing import Any

import pytest
from golden import GOLDEN, ODD, Golden, Odd

from pyerlnode.errors import TermDecodeError
from pyerlnode.term import (
    Atom,
    BitString,
    Export,
    ImproperList,
    Map,
    Pid,
    Port,
    Record,
    Reference,
    compare,
    decode,
    encode,
    equal,
)

A = Atom
N = "n@127.0.0.1"
MIX = (A("a"), 1.5, [115], b"b", ImproperList([A("x")], A("y")), {A("k"): 1.0})
ORDER_MIXED = Map(
    [
        (A("b"), 1),
        (A("a"), 2),
        (2, 3),
        (1, 4),
        (1.5, 5),
        ([120], 6),
        (b"x", 7),
        ((A("t"),), 8),
        ([], 9),
    ]
)

EXPECTED: dict[str, Any] = {
    "small_int_0": 0,
    "small_int_255": 255,
    "int_256": 256,
    "int_m1": -1,
    "int_max_i32": 2147483647,
    "int_min_i32": -2147483648,
    "big_2p31": 2147483648,
    "big_m2p31m1": -2147483649,
    "big_max_u64": 2**64 - 1,
    "big_1e20": 10**20,
    "big_255_bytes": 2**2040 - 1,
    "big_256_bytes": 2**2040,
    "big_m256_bytes": -(2**2040),
    "big_1000_bytes": 2**7999,
    "float_0": 0.0,
    "float_neg0": -0.0,
    "float_tenth": 0.1,
    "float_max": 1.7976931348623157e308,
    "float_min_sub": 5.0e-324,
    "float_ext99_m1_5": -1.5,
    "float_ext99_max": 1.7976931348623157e308,
    "float_ext99_min_sub": 5.0e-324,
    "atom_a": A("a"),
    "atom_empty": A(""),
    "atom_true": True,
    "atom_false": False,
    "atom_nil": None,
    "atom_undefined": A("undefined"),
    "atom_nul": A("a\0b"),
    "atom_latin1_e9": A("é"),
    "atom_u10ffff": A("\U0010ffff"),
    "atom_mixed": A("aéж😀"),
    "atom_len_255": A("x" * 255),
    "atom_u1f600_len_255": A("😀" * 255),
    "atom_minor0_latin1": A("é"),
    "atom_minor1_255x": A("x" * 255),
    "list_empty": [],
    "list_bytes": [1, 2, 3],
    "list_mix_byte_256": [1, 256],
    "list_abc": [97, 98, 99],
    "list_unicode": [1078, 1079],
    "list_nested_empty": [[], [[]], []],
    "list_mixed": [1, A("a"), 2.0, [120], b"y"],
    "list_improper2": ImproperList([A("a")], A("b")),
    "list_improper_bytes": ImproperList([1, 2], 3),
    "list_iolist": ImproperList([b"ab", 99, [[100], b"e"]], b"f"),
    "list_improper_empty_tuple": ImproperList([A("a")], ()),
    "list_keyword": [(A("key"), b"v")],
    "list_bytes_len_65535": [122] * 65535,
    "list_bytes_len_65536": [122] * 65536,
    "list_257_bytes": [*range(1, 256), 1, 2],
    "tuple_0": (),
    "tuple_nested": ((), ((),), [()]),
    "tuple_255": (A("a"),) * 255,
    "tuple_256": (A("a"),) * 256,
    "tuple_mix": (1, 1.0, A("a"), [115], b"b", [], (), {}),
    "binary_empty": b"",
    "binary_utf8": "héllo € 😀".encode(),
    "binary_invalid_utf8": b"\xff\xfe\xfd",
    "binary_all": bytes(range(256)),
    "bits_1": BitString(b"\x80", 1),
    "bits_8p3": BitString(b"\xff\x20", 3),
    "bits_zero3": BitString(b"\x00", 3),
    "bits_unaligned8": b"\xf8",
    "map_empty": {},
    "map_two": {A("a"): 1, A("b"): 2},
    "map_int_float_key": Map([(1, A("int")), (1.0, A("float"))]),
    "map_zero_keys": Map([(0, A("i")), (0.0, A("f"))]),
    "map_true_key": Map([(True, 1), (1, 2)]),
    "map_bin_str_key": Map([(b"a", A("bin")), ([97], A("list")), (A("a"), A("atom"))]),
    "map_nil_keys": Map([(None, 1), (A("undefined"), 2), ([], 3), (b"", 4), ((), 5), ({}, 6)]),
    "map_list_key": Map([([1, 2], A("x"))]),
    "map_map_key": Map([({A("a"): 1}, A("x"))]),
    "map_tuple_key": {(A("a"), 1): A("x")},
    "map_nested": {A("a"): {A("b"): {A("c"): []}}},
    "map_range_struct": range(1, 11),
    "map_mapset": frozenset({1, 2}),
    "map_33_ints": {n: n for n in range(1, 34)},
    "map_order_mixed": ORDER_MIXED,
    "map_deterministic_order_mixed": ORDER_MIXED,
    "map_big_keys": {2**70: 1, -1: 2},
    "map_bits_key": {BitString(b"\x20", 3): 1},
    "map_fun_key": {Export("lists", "map", 2): 1},
    "pid_v4": Pid(N, 42, 1, 3),
    "pid_max": Pid(N, 2**32 - 1, 2**32 - 1, 2**32 - 1),
    "pid_utf8_node": Pid("é@h", 42, 0, 3),
    "pid_old103": Pid(N, 42, 1, 3),
    "local_pid_nonode": Pid("nonode@nohost", 1, 0, 0),
    "port_new89": Port(N, 7, 5),
    "port_v4_big": Port(N, 2**64 - 1, 5),
    "ref_newer_1": Reference(N, 9, (0x1000,)),
    "ref_newer_5": Reference(N, 9, (0x1000, 0x1001, 0x1002, 0x1003, 0x1004)),
    "ref_new114": Reference(N, 2, (1, 2, 3)),
    "ref_old101": Reference(N, 2, (5,)),
    "export_lists_map": Export("lists", "map", 2),
    "export_nosuch255": Export("nosuch", "fn", 255),
    "mv0_mix": MIX,
    "mv1_mix": MIX,
    "mv2_mix": MIX,
    "compressed_rep100": [A("abc")] * 100,
    "compressed9_map": {n: n for n in range(1, 51)},
    "compressed_mv0": [1.5] * 20,
    "proto_ctl_unlink_id": (
        35,
        2**64 - 1,
        Pid("nonode@nohost", 1, 0, 0),
        Pid("nonode@nohost", 2, 0, 0),
    ),
    "proto_datetime": ((2026, 1, 2), (3, 4, 5)),
    "record_pt": Record("nr", "pt", (("x", 5), ("y", b"b"), ("z", A("c")))),
    "record_empty": Record("nr", "empty", ()),
}


def test_there_are_as_many_golden_terms_as_were_recorded() -> None:
    assert (len(GOLDEN), len(ODD)) == (648, 145)
    assert EXPECTED.keys() <= {golden.name for golden in GOLDEN}


@pytest.mark.parametrize("golden", [g for g in GOLDEN if g.name in EXPECTED], ids=str)
def test_decodes_to_the_term_that_erlang_wrote(golden: Golden) -> None:
    found = decode(golden.data)
    assert equal(found, EXPECTED[golden.name])
    assert type(found) is type(EXPECTED[golden.name])


@pytest.mark.parametrize("golden", GOLDEN, ids=str)
def test_encodes_again_to_an_equal_term(golden: Golden) -> None:
    term = decode(golden.data)
    again = decode(encode(term))
    assert equal(again, term)
    assert compare(again, term) == 0
    assert equal(decode(golden.data, structs=False), term)
    assert equal(decode(golden.data, text=True), term)


def is_canonical(golden: Golden) -> bool:
    # OTP 27 with its default options; the order of the pairs of a map is its own.
    return 27 in golden.otp and not golden.opts and 116 not in golden.tags


@pytest.mark.parametrize("golden", [g for g in GOLDEN if is_canonical(g)], ids=str)
def test_writes_the_bytes_that_otp_27_writes(golden: Golden) -> None:
    assert encode(decode(golden.data)).hex() == golden.data.hex()


@pytest.mark.parametrize("golden", GOLDEN, ids=str)
def test_every_prefix_of_a_golden_term_is_refused(golden: Golden) -> None:
    size = len(golden.data)
    # All of a short one; of a long one its beginning, its end and what lies between in steps.
    for end in {*range(min(size, 200)), *range(200, size, 1 + size // 50), *range(max(0, size - 40), size)}:
        try:
            decode(golden.data[:end])
        except TermDecodeError as error:
            assert 0 <= error.offset <= end
        else:
            pytest.fail(f"the first {end} bytes of {size} were taken")


# OTP 29's native records are read, so its bytes are no error, though OTP 27 refuses them.
RECORD = "record_67_unknown_before_29"


@pytest.mark.parametrize("odd", [odd for odd in ODD if odd.accepted or odd.name == RECORD], ids=str)
def test_takes_what_otp_27_takes(odd: Odd) -> None:
    assert equal(decode(encode(decode(odd.data))), decode(odd.data))


@pytest.mark.parametrize("odd", [odd for odd in ODD if not odd.accepted and odd.name != RECORD], ids=str)
def test_refuses_what_otp_27_refuses(odd: Odd) -> None:
    with pytest.raises(TermDecodeError) as caught:
        decode(odd.data)
    assert 0 <= caught.value.offset <= len(odd.data)
