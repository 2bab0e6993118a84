# The native codec has the types and functions of the reference, which say what they do.

from typing import Any

from pyerlnode.term._decode import decode as decode
from pyerlnode.term._decode import decode_at as decode_at
from pyerlnode.term._encode import encode as encode
from pyerlnode.term._encode import encode_parts as encode_parts
from pyerlnode.term._types import Atom as Atom
from pyerlnode.term._types import ImproperList as ImproperList
from pyerlnode.term._types import Pid as Pid
from pyerlnode.term._types import Port as Port
from pyerlnode.term._types import Reference as Reference

def equal(a: Any, b: Any) -> bool: ...
def exact_bytes(term: Any) -> bytes: ...
def known_atom(text: str) -> Atom | None: ...
