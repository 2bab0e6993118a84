"""Closures typed in iex and erl, run here.

Proof: tests/services/evaluator, interop/test_closures.py.
"""
