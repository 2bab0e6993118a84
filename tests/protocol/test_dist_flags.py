"""The flags of the releases, and what is in force between two of them."""

from __future__ import annotations

import pytest

from pyerlnode.protocol import MANDATORY, OFFERED, OFFERED_VISIBLE, DistFlag
from pyerlnode.protocol.flags import MANDATORY_25, expand, missing, negotiate

DEFAULT = {25: 0xD07DF7FBC, 27: 0xD07DF7FBC, 28: 0x2D07DF7FBC, 29: 0x6D07DF7FBC}
# What each release was measured to ask for.
ASKED = {25: 0x1070F94, 27: 0x403070F94, 28: 0x403070F94, 29: 0x403070F94}


@pytest.mark.parametrize("otp", DEFAULT)
def test_every_release_offers_what_we_ask_for(otp: int) -> None:
    assert not missing(DistFlag(DEFAULT[otp]))


@pytest.mark.parametrize("otp", ASKED)
def test_we_offer_what_every_release_asks_for(otp: int) -> None:
    assert not missing(OFFERED, DistFlag(ASKED[otp]))


def test_we_offer_what_otp_29_offers() -> None:
    assert DEFAULT[29] == OFFERED
    assert DEFAULT[29] + 1 == OFFERED_VISIBLE


def test_what_otp_26_and_later_ask_for_is_mandatory() -> None:
    assert ASKED[27] == MANDATORY
    assert len(MANDATORY_25) == 11


def test_the_digest_bit_stands_for_the_eleven_flags() -> None:
    smallest = DistFlag(0x406000000)
    assert expand(smallest) & MANDATORY_25 == MANDATORY_25
    assert not missing(smallest)
    assert missing(smallest & ~DistFlag.MANDATORY_25_DIGEST) == MANDATORY_25


def test_the_digest_is_bit_26_and_not_the_bit_that_some_manuals_print() -> None:
    assert missing(DistFlag(0x402000000 | 1 << 36))


@pytest.mark.parametrize("flag", MANDATORY)
def test_each_mandatory_flag_is_missed(flag: DistFlag) -> None:
    assert missing(OFFERED & ~flag & ~DistFlag.MANDATORY_25_DIGEST) == flag


def test_only_what_both_offer_is_in_force() -> None:
    ours = OFFERED_VISIBLE & ~DistFlag.FRAGMENTS
    theirs = DistFlag(DEFAULT[27])
    assert negotiate(ours, theirs) == theirs & ~DistFlag.FRAGMENTS


def test_bits_that_nobody_knows_are_harmless() -> None:
    everything = DistFlag((1 << 64) - 1)
    assert not missing(everything)
    assert negotiate(OFFERED, everything) == OFFERED
