"""The machine that runs closures: a stack of generators, driven in a loop."""

from __future__ import annotations

from pyerlnode.services.evaluator.requests import Await, Call, Remote, TailCall, TailRemote

__all__ = ["Await", "Call", "Remote", "TailCall", "TailRemote"]
