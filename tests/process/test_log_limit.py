"""Log lines that strangers can cause."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from process_tools import SECONDS

from pyerlnode.process.log_limit import LogLimit

if TYPE_CHECKING:
    import pytest
from clusters import until

logger = logging.getLogger("test.log_limit")
REST = "%d more within %g s"


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records]


async def test_the_first_lines_pass_and_the_rest_is_a_number(caplog: pytest.LogCaptureFixture) -> None:
    limit = LogLimit(logger, REST, lines=2, interval=60.0)
    for number in range(5):
        limit.log(logging.WARNING, f"line {number} %s")
    assert lines(caplog) == [(30, "line 0 %s"), (30, "line 1 %s")]
    limit.end()
    assert lines(caplog)[2:] == [(30, "3 more within 60 s")]
    limit.log(logging.WARNING, "again")
    limit.end()
    assert lines(caplog)[3:] == [(30, "again")]


async def test_an_interval_ends_by_itself_and_the_next_one_has_lines_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limit = LogLimit(logger, REST, lines=1, interval=0.01)
    limit.log(logging.WARNING, "one")
    limit.log(logging.WARNING, "two")
    await until(lambda: len(caplog.records) == 2, SECONDS)
    assert lines(caplog)[1] == (30, "1 more within 0.01 s")
    limit.log(logging.WARNING, "three")
    assert lines(caplog)[2] == (30, "three")
    limit.end()


async def test_what_nobody_listens_to_does_not_count(caplog: pytest.LogCaptureFixture) -> None:
    limit = LogLimit(logger, REST, lines=1, interval=60.0)
    with caplog.at_level(logging.WARNING, logger.name):
        for _ in range(3):
            limit.log(logging.INFO, "expected")
        limit.log(logging.WARNING, "not expected")
        limit.end()
    assert lines(caplog) == [(30, "not expected")]
