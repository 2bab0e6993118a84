"""Elixir's modules: a file for each, or for a part of one.

Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""
