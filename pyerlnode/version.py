"""The version of this package, where a node finds it without reading the metadata of its distribution."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0.dev0"
