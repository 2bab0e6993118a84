"""The transcripts of the lessons, typed again into real shells, and shown on their page as they are."""

from __future__ import annotations

import re

import pytest
import replay
from markdown import ROOT, blocks

from pyerlnode.testing import discover

PAGE = ROOT / "docs" / "transcripts.md"
ALL = pytest.mark.parametrize("file", replay.TRANSCRIPTS, ids=lambda file: file.stem)


@pytest.mark.timeout(180)
@ALL
def test_the_terminals_show_what_the_transcript_says(beam, node_host, epmd_port, file) -> None:
    text = file.read_text()
    with replay.Player(beam, host=node_host, epmd_port=epmd_port) as player:
        played = player.play(text)
    assert len(played) == sum(1 for _ in replay.steps(text))


@pytest.mark.parametrize(
    ("line", "other"),
    [
        (":pong", ":pang"),
        ("iex(alex@localhost)1> ", "iex(alex@localhost)2> "),
        (":pong\n", ""),
        (":pong\n", ":pong\n:pong\n"),
    ],
)
def test_what_a_terminal_does_not_show_is_told(node_host, epmd_port, line, other) -> None:
    beam = next(beam for beam in discover("all") if beam.elixir)
    told = """== alex
$ iex --sname alex@localhost --cookie secret
...
iex(alex@localhost)1> Node.ping(:alex@localhost)
:pong
"""
    with (
        replay.Player(beam, host=node_host, epmd_port=epmd_port, patience=2.0) as player,
        pytest.raises(replay.Different, match="alex"),
    ):
        player.play(told.replace(line, other, 1))


def test_a_transcript_is_written_as_it_is_read() -> None:
    for file in replay.TRANSCRIPTS:
        text = file.read_text()
        assert replay.written(list(replay.steps(text))) == text


def test_the_page_shows_the_very_files() -> None:
    shown = [block.text for block in blocks("text", [PAGE])]
    assert shown == [file.read_text() for file in replay.TRANSCRIPTS]
    named = re.findall(r"`interop/transcripts/(\w+)\.txt`", PAGE.read_text())
    assert named == [file.stem for file in replay.TRANSCRIPTS]
