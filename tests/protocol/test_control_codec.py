"""Which number is written for which flags, and that every number is read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from wire_pair import ALEX, KATE, alex, kate, ref

from pyerlnode.errors import PeerError, UsageError
from pyerlnode.protocol import (
    OFFERED,
    AliasSend,
    Control,
    Demonitor,
    DistFlag,
    Exit,
    Exit2,
    GroupLeader,
    Link,
    Monitor,
    MonitorExit,
    RegSend,
    Send,
    SpawnReply,
    SpawnRequest,
    Unlink,
    UnlinkAck,
)
from pyerlnode.protocol.control_codec import NO_PAYLOAD, ControlWriter, build, sender_of, takes_payload
from pyerlnode.term import Atom, Reference

K, A, R = kate(), alex(), ref()
ALIAS = ref(ALEX, 1, 2, 3, 4, 5)
NAME = Atom("server")
EMPTY = Atom("")
TOKEN = (0, 17, 1, K, 0)
M = (Atom("hello"), 1)

OTP_29 = OFFERED
OTP_27 = OFFERED & ~(DistFlag.ALTACT_SIG | DistFlag.NATIVE_RECORDS)
OLD = OTP_27 & ~(DistFlag.SEND_SENDER | DistFlag.EXIT_PAYLOAD)

FORMS: list[tuple[DistFlag, Control, tuple[Any, ...], Any]] = [
    (OTP_27, Link(K, A), (1, K, A), NO_PAYLOAD),
    (OTP_27, Unlink(7, K, A), (35, 7, K, A), NO_PAYLOAD),
    (OTP_27, UnlinkAck(2**64 - 1, K, A), (36, 2**64 - 1, K, A), NO_PAYLOAD),
    (OLD, Exit(K, A, M), (3, K, A, M), NO_PAYLOAD),
    (OLD, Exit(K, A, M, TOKEN), (13, K, A, TOKEN, M), NO_PAYLOAD),
    (OTP_27, Exit(K, A, M), (24, K, A), M),
    (OTP_27, Exit(K, A, M, TOKEN), (25, K, A, TOKEN), M),
    (OLD, Exit2(K, A, M), (8, K, A, M), NO_PAYLOAD),
    (OLD, Exit2(K, A, M, TOKEN), (18, K, A, TOKEN, M), NO_PAYLOAD),
    (OTP_27, Exit2(K, A, M), (26, K, A), M),
    (OTP_27, Exit2(K, A, M, TOKEN), (27, K, A, TOKEN), M),
    (OTP_29, Exit2(K, A, M), (26, K, A), M),
    (OTP_29, Exit2(K, A, M, None, True), (37, 17, K, A), M),
    (OTP_29, Exit2(K, ALIAS, M), (37, 20, K, ALIAS), M),
    (OTP_29, Exit2(K, ALIAS, M, TOKEN, True), (37, 23, K, ALIAS, TOKEN), M),
    (OTP_29, Exit2(K, NAME, M), (37, 24, K, NAME), M),
    (OLD, Send(None, A, M), (2, EMPTY, A), M),
    (OLD, Send(None, A, M, TOKEN), (12, EMPTY, A, TOKEN), M),
    (OTP_29, Send(None, A, M), (2, EMPTY, A), M),
    (OTP_27, Send(K, A, M), (22, K, A), M),
    (OTP_27, Send(K, A, M, TOKEN), (23, K, A, TOKEN), M),
    (OTP_29, Send(K, A, M), (22, K, A), M),
    (OTP_29, Send(K, A, M, None, True), (37, 1, K, A), M),
    (OTP_29, Send(K, A, M, TOKEN, True), (37, 3, K, A, TOKEN), M),
    (OTP_27, RegSend(K, NAME, M), (6, K, EMPTY, NAME), M),
    (OTP_27, RegSend(K, NAME, M, TOKEN), (16, K, EMPTY, NAME, TOKEN), M),
    (OTP_29, RegSend(K, NAME, M, None, True), (37, 9, K, NAME), M),
    (OTP_27, AliasSend(K, ALIAS, M), (33, K, ALIAS), M),
    (OTP_27, AliasSend(K, ALIAS, M, TOKEN), (34, K, ALIAS, TOKEN), M),
    (OTP_29, AliasSend(K, ALIAS, M), (37, 4, K, ALIAS), M),
    (OTP_29, AliasSend(K, ALIAS, M, TOKEN, True), (37, 7, K, ALIAS, TOKEN), M),
    (OTP_27, GroupLeader(K, A), (7, K, A), NO_PAYLOAD),
    (OTP_27, Monitor(K, A, R), (19, K, A, R), NO_PAYLOAD),
    (OTP_27, Monitor(K, NAME, R), (19, K, NAME, R), NO_PAYLOAD),
    (OTP_27, Demonitor(K, A, R), (20, K, A, R), NO_PAYLOAD),
    (OTP_27, Demonitor(K, NAME, R), (20, K, NAME, R), NO_PAYLOAD),
    (OLD, MonitorExit(K, A, R, M), (21, K, A, R, M), NO_PAYLOAD),
    (OTP_27, MonitorExit(K, A, R, M), (28, K, A, R), M),
    (OTP_27, MonitorExit(NAME, A, R, M), (28, NAME, A, R), M),
    (
        OTP_27,
        SpawnRequest(R, K, K, Atom("lists"), Atom("seq"), 2, [Atom("link")], [1, 2]),
        (29, R, K, K, (Atom("lists"), Atom("seq"), 2), [Atom("link")]),
        [1, 2],
    ),
    (
        OTP_27,
        SpawnRequest(R, K, K, Atom("lists"), Atom("seq"), 2, [], [1, 2], TOKEN),
        (30, R, K, K, (Atom("lists"), Atom("seq"), 2), [], TOKEN),
        [1, 2],
    ),
    (OTP_27, SpawnReply(R, A, 3, K), (31, R, A, 3, K), NO_PAYLOAD),
    (OTP_27, SpawnReply(R, A, 0, Atom("badopt")), (31, R, A, 0, Atom("badopt")), NO_PAYLOAD),
    (OTP_27, SpawnReply(R, A, 1, K, TOKEN), (32, R, A, 1, K, TOKEN), NO_PAYLOAD),
]


@pytest.mark.parametrize(("flags", "control", "form", "payload"), FORMS)
def test_the_form_follows_the_flags(
    flags: DistFlag, control: Control, form: tuple[Any, ...], payload: Any
) -> None:
    assert ControlWriter(flags, KATE).write(control) == (form, payload)


@pytest.mark.parametrize(("flags", "control", "form", "payload"), FORMS)
def test_every_form_is_read_whatever_the_flags(
    flags: DistFlag, control: Control, form: tuple[Any, ...], payload: Any
) -> None:
    assert takes_payload(form) is (payload is not NO_PAYLOAD)
    assert build(form, payload) == control


def test_all_numbers_of_otp_29_are_covered_here() -> None:
    assert {form[0] for _, _, form, _ in FORMS} == {*range(1, 4), *range(6, 9), 12, 13, 16, *range(18, 38)}


@pytest.mark.parametrize(("flags", "control", "form", "payload"), FORMS)
def test_priority_is_dropped_where_the_peer_does_not_know_it(
    flags: DistFlag, control: Control, form: tuple[Any, ...], payload: Any
) -> None:
    if form[0] in (6, 16, 22, 23, 33, 34, 2, 12, 26, 27, 8, 18) and not flags & DistFlag.ALTACT_SIG:
        urgent: Any = replace(control, priority=True)  # type: ignore[arg-type]
        assert ControlWriter(flags, KATE).write(urgent) == (form, payload)


def test_an_empty_list_is_no_token() -> None:
    control = build((23, K, A, []), M)
    assert isinstance(control, Send) and control.token is None


@pytest.mark.parametrize("name", [True, None])
def test_names_that_python_has_constants_for_are_names(name: Any) -> None:
    text = {True: "true", None: "nil"}[name]
    sent = build((6, K, EMPTY, name), M)
    assert isinstance(sent, RegSend) and sent.to == text and type(sent.to) is Atom
    down = build((28, name, A, R), M)
    assert isinstance(down, MonitorExit) and type(down.sender) is Atom


@pytest.mark.parametrize("number", [0, 4, 5, 9, 10, 11, 14, 15, 17, 38, 39, 255, -1, 2**70])
def test_other_numbers_are_refused(number: int) -> None:
    for size in range(1, 8):
        with pytest.raises(PeerError, match=f"unknown control message {number}"):
            takes_payload((number, *[K] * (size - 1)))


@pytest.mark.parametrize(
    "control", [(), [22, K, A], K, 22, None, (Atom("link"), K, A), (True, K, A), (22.0, K, A)]
)
def test_what_is_no_tuple_with_a_number_is_refused(control: Any) -> None:
    with pytest.raises(PeerError, match="no control message"):
        takes_payload(control)


@pytest.mark.parametrize(
    "form", {form[0]: form for _, _, form, _ in FORMS}.values(), ids=lambda form: form[0]
)
def test_wrong_sizes_and_wrong_elements_are_refused(form: tuple[Any, ...]) -> None:
    with pytest.raises(PeerError, match=f"control message {form[0]} of 9 elements"):
        takes_payload((*form, *[1] * (9 - len(form))))
    # Whatever stands where a pid, a reference or a name belongs is refused as an integer.
    for at, element in enumerate(form):
        fixed = type(element) in (type(K), Reference) or element is NAME
        if fixed and element is not EMPTY:
            with pytest.raises(PeerError, match=f"control message {form[0]}: "):
                build((*form[:at], 1.5, *form[at + 1 :]), M)


@pytest.mark.parametrize("number", [0, -1, 2**64, True, Atom("x")])
def test_unlink_ids_are_64_bit_and_not_0(number: Any) -> None:
    for op in (35, 36):
        with pytest.raises(PeerError, match="no unlink id"):
            build((op, number, K, A), NO_PAYLOAD)


@pytest.mark.parametrize(
    "form",
    [
        (37, 32, K, A),
        (37, -1, K, A),
        (37, 2, K, A),
        (37, 0, K, A, TOKEN),
        (37, 4, K, A),
        (37, 8, K, A),
        (37, 0, K, ALIAS),
        (37, Atom("x"), K, A),
    ],
)
def test_flags_of_37_must_fit_the_tuple(form: tuple[Any, ...]) -> None:
    with pytest.raises(PeerError, match="control message 37"):
        build(form, M)


@pytest.mark.parametrize(
    "mfa", [(Atom("m"), Atom("f")), (Atom("m"), Atom("f"), Atom("a")), (1, Atom("f"), 1), K]
)
def test_a_spawn_request_needs_module_function_arity(mfa: Any) -> None:
    with pytest.raises(PeerError, match="control message 29"):
        build((29, R, K, K, mfa, []), [])


NONE = OTP_27 & ~(DistFlag.ALIAS | DistFlag.SPAWN | DistFlag.DIST_MONITOR | DistFlag.DIST_MONITOR_NAME)


@pytest.mark.parametrize(
    "control",
    [
        AliasSend(K, ALIAS, M),
        SpawnRequest(R, K, K, Atom("m"), Atom("f"), 0, [], []),
        SpawnReply(R, A, 0, K),
        Monitor(K, A, R),
        Demonitor(K, A, R),
        Exit2(K, ALIAS, M),
        Exit2(K, NAME, M),
    ],
    ids=lambda control: type(control).__name__,
)
def test_what_the_peer_does_not_know_is_a_usage_error(control: Control) -> None:
    with pytest.raises(UsageError):
        ControlWriter(NONE, KATE).write(control)


def test_monitors_by_name_need_their_own_flag() -> None:
    writer = ControlWriter(OTP_27 & ~DistFlag.DIST_MONITOR_NAME, KATE)
    assert writer.write(Monitor(K, A, R))[0][0] == 19
    with pytest.raises(UsageError, match="by name"):
        writer.write(Monitor(K, NAME, R))


def test_a_link_in_the_name_of_another_node_is_never_sent() -> None:
    with pytest.raises(UsageError, match="a link of"):
        ControlWriter(OTP_27, KATE).write(Link(A, K))


@pytest.mark.parametrize("control", [Send(K, NAME, M), RegSend(K, K, M), AliasSend(K, K, M), "hello"])  # type: ignore[arg-type]
def test_what_would_close_the_connection_is_a_usage_error(control: Any) -> None:
    with pytest.raises(UsageError):
        ControlWriter(OTP_29, KATE).write(control)


def test_the_sender_orders_signals_and_is_unknown_where_it_is_not_told() -> None:
    assert sender_of(Send(K, A, M)) == K
    assert sender_of(Send(None, A, M)) is None
    assert sender_of(GroupLeader(K, A)) is None
    assert sender_of(MonitorExit(K, A, R, M)) == K
    assert sender_of(MonitorExit(NAME, A, R, M)) is None
    assert sender_of(SpawnReply(R, A, 0, K)) == K
    assert sender_of(SpawnReply(R, A, 0, Atom("badopt"))) is None
    assert sender_of(UnlinkAck(1, K, A)) == K
