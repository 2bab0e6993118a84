"""A dict whose keys are terms, for services: `pyerlnode.term.term_dict`."""

from pyerlnode.term.term_dict import TermDict

__all__ = ["TermDict"]
