"""Ticks: when they are sent, and when a silent peer is given up."""

from __future__ import annotations

import math

import pytest
from wire_pair import KATE, Pair, alex, kate

from pyerlnode.errors import PeerError, TickTimeout
from pyerlnode.protocol import OFFERED, OFFERED_VISIBLE, DistFlag, Send, Settings, State

TICK = b"\0\0\0\0"
MESSAGE = Send(kate(), alex(), 1)


def connected(flags: DistFlag = OFFERED_VISIBLE) -> Pair:
    return Pair(flags, settings=Settings(net_ticktime=8.0, net_tickintensity=4)).up()


def test_a_silent_end_sends_a_tick_each_quarter_of_the_ticktime() -> None:
    pair = connected()
    sent = []
    for second in range(8):
        pair.kate.tick(float(second))
        sent.append(pair.kate.data_to_send())
    assert sent == [b"", b"", TICK, b"", TICK, b"", TICK, b""]


def test_the_deadline_is_the_next_look() -> None:
    pair = connected()
    assert pair.kate.next_deadline() == 2.0
    pair.kate.tick(2.0)
    assert pair.kate.next_deadline() == 4.0


def test_what_was_written_since_the_last_look_takes_the_place_of_a_tick() -> None:
    pair = connected()
    pair.kate.send(MESSAGE)
    pair.kate.data_to_send()
    pair.kate.tick(2.0)
    assert pair.kate.data_to_send() == b""
    pair.kate.tick(4.0)
    assert pair.kate.data_to_send() == TICK


def test_no_tick_is_queued_behind_bytes_that_nobody_takes() -> None:
    pair = connected()
    pair.kate.send(MESSAGE)
    waiting = pair.kate.pending
    for second in range(1, 4):
        pair.kate.tick(2.0 * second)
    assert pair.kate.pending == waiting


def test_a_tick_is_no_event_but_a_sign_of_life() -> None:
    pair = connected()
    for second in range(0, 100, 5):
        pair.alex.tick(float(second))
        assert pair.alex.receive(TICK, float(second)) == []
    assert pair.alex.state is State.UP


def test_part_of_a_frame_is_a_sign_of_life_too() -> None:
    pair = connected()
    pair.alex.receive(b"\0\0\1\0", 9.0)
    for second in range(10, 19):
        pair.alex.receive(b"x", float(second))
        pair.alex.tick(float(second))
    assert pair.alex.state is State.UP


def test_silence_beyond_the_ticktime_and_a_quarter_ends_the_connection() -> None:
    pair = connected()
    pair.alex.tick(9.9)
    with pytest.raises(TickTimeout, match=f"{KATE}: net_tick_timeout: nothing received for 10.0 s"):
        pair.alex.tick(10.0)
    assert pair.alex.state is State.CLOSED
    assert pair.alex.data_to_send() == b""
    assert pair.alex.next_deadline() == math.inf
    with pytest.raises(PeerError):
        pair.alex.receive(TICK, 11.0)


def test_a_hidden_peer_that_says_nothing_is_ticked_even_while_we_write() -> None:
    pair = connected(OFFERED)
    pair.alex.send(Send(alex(), kate(), 1))
    pair.alex.data_to_send()
    pair.alex.tick(2.0)
    assert pair.alex.data_to_send() == TICK
    pair.alex.receive(TICK, 3.0)
    pair.alex.send(Send(alex(), kate(), 1))
    pair.alex.data_to_send()
    pair.alex.tick(4.0)
    assert pair.alex.data_to_send() == b""


def test_two_silent_ends_keep_each_other_alive() -> None:
    pair = connected()
    for second in range(200):
        pair.now = float(second)
        pair.kate.tick(pair.now)
        pair.alex.tick(pair.now)
        pair.pump()
    assert pair.kate.state is pair.alex.state is State.UP
    assert pair.carried() == ([], [])


def test_a_late_look_does_not_send_ticks_for_the_time_that_was_missed() -> None:
    pair = connected()
    pair.kate.tick(7.5)
    assert pair.kate.data_to_send() == TICK
    assert pair.kate.next_deadline() == 9.5
