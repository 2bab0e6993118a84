"""What stands in a row: messages in a mailbox, processes that can run.

`_fifo.pyx` is what of a deque these need, without a call of Python's for each that comes and goes.

Proof: tests/process/test_fifo.py.
"""

from collections import deque as Fifo

__all__ = ["Fifo"]
