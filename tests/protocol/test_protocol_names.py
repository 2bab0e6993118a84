"""What is a node name to a BEAM."""

from __future__ import annotations

import pytest

from pyerlnode.errors import ConfigError
from pyerlnode.protocol import MAX_NAME, has_odd_characters, is_long_host, name_fault, split_name


def test_a_name_is_split_at_its_only_at() -> None:
    assert split_name("kate@localhost") == ("kate", "localhost")


@pytest.mark.parametrize("name", ["kate", "kate@@localhost", "a@b@c", "@localhost", "kate@", "@", ""])
def test_a_name_needs_one_at_and_something_on_both_sides(name: str) -> None:
    assert name_fault(name) is not None
    with pytest.raises(ConfigError, match="bad node name"):
        split_name(name)


def test_a_name_has_at_most_255_characters() -> None:
    longest = "k" * (MAX_NAME - 2) + "@h"
    assert name_fault(longest) is None
    assert "256 characters" in (name_fault("k" + longest) or "")


@pytest.mark.parametrize("name", ["ka te@localhost", "käte@localhost", "kate@local\nhost", "kate@\0"])
def test_names_that_a_beam_answers_with_nok_are_refused_for_ourselves(name: str) -> None:
    assert has_odd_characters(name)
    with pytest.raises(ConfigError, match="ASCII"):
        split_name(name)


@pytest.mark.parametrize(
    ("host", "long"), [("localhost", False), ("a.b", True), ("127.0.0.1", True), ("::1", True)]
)
def test_a_host_with_a_dot_or_a_colon_is_a_long_one(host: str, long: bool) -> None:
    assert is_long_host(host) is long
