"""Builds what is compiled into the wheel, where that is wanted and can be done.

That is the native codec and the frames, which are written in Cython, and modules of Python for
which a file of types (`.pxd`) stands beside the source: their classes get fields in the place
of attributes, and run as they are where nothing is compiled.

PYERLNODE_NATIVE unset   build it where there is a C compiler, otherwise install pure with a warning
PYERLNODE_NATIVE=1       build it or fail
PYERLNODE_NATIVE=0       pure
PYERLNODE_PGO=1          build it with a profile (hatch_pgo.py) or fail

A pure wheel is tagged py3-none-any, a native one for the Python and the platform that it was
built for.  An editable install has the compiled modules in the source tree, beside their sources.

Proof: tests/test_build.py.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import tempfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

# All of them or none: each calls others without going through Python.
MODULES = (
    "pyerlnode.term._native",
    "pyerlnode.protocol.control",
    "pyerlnode.protocol.control_codec",
    "pyerlnode.protocol.fragments",
    "pyerlnode.protocol.framing",
    "pyerlnode.protocol.channel",
    "pyerlnode.protocol.connection",
    "pyerlnode.protocol._frames",
    "pyerlnode.process._fifo",
    "pyerlnode.process._steps",
    "pyerlnode.process.scheduler",
    "pyerlnode.process.suspension",
    "pyerlnode.process.mailbox",
    "pyerlnode.process.process",
    "pyerlnode.process.task",
    "pyerlnode.process.runtime",
    "pyerlnode.process.request",
    "pyerlnode.process.deadlines",
    "pyerlnode.process.names",
    "pyerlnode.process.alias_tag",
    "pyerlnode.process.monitors",
    "pyerlnode.process.signals",
    "pyerlnode.process.spawn_function",
    "pyerlnode.otp.answering",
    "pyerlnode.otp.dispatch",
    "pyerlnode.otp.local_call",
    "pyerlnode.otp.starting",
    "pyerlnode.otp.suspending",
    "pyerlnode.otp.server_system",
    "pyerlnode.otp.server",
    "pyerlnode.otp.here",
    "pyerlnode.node._bytes",
    "pyerlnode.node.giving_way",
    "pyerlnode.node.link",
    "pyerlnode.node.router",
)
# Of modules of Python.  Types are in the .pxd files only: annotations are for mypy.  And what is
# None has no attributes there, either.
PYTHON = {"annotation_typing": False, "nonecheck": True}
_OPTIONS = () if sys.platform == "win32" else ("-O3",)
CHOICES = {"": "where it can be built", "0": "never", "1": "always"}


def _neighbour(name: str) -> ModuleType:
    """The module of that name beside this file, which hatchling loads by its path."""
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pgo = _neighbour("hatch_pgo")


def wanted() -> str:
    """PYERLNODE_NATIVE, checked, with PYERLNODE_PGO: what means nothing must not install something else."""
    value = os.environ.get("PYERLNODE_NATIVE", "")
    if value not in CHOICES:
        raise SystemExit(f"PYERLNODE_NATIVE is {value!r}: 1, 0 or unset are possible")
    pgo.wanted(value)
    return value


class CustomBuildHook(BuildHookInterface[Any]):
    """Hatchling finds the class by this name."""

    def dependencies(self) -> list[str]:
        return [] if wanted() == "0" else ["Cython>=3.1,<4", "packaging", "setuptools>=80"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        if version == "editable":
            # What was built before would run even where nothing is wanted now.
            for module in MODULES:
                Path(self.root, compiled_of(module)).unlink(missing_ok=True)
        if wanted() == "0":
            return
        built = self._built()
        if built is None:
            return
        for module, compiled in built.items():
            inside = source_of(module).parent / compiled.name
            if version == "editable":
                shutil.move(compiled, Path(self.root, inside))
            else:
                build_data["force_include"][str(compiled)] = inside.as_posix()
        build_data.update(pure_python=False, infer_tag=True)

    def _built(self) -> dict[str, Path] | None:
        """The compiled modules, or None with a warning where it is not necessary."""
        training = pgo.TRAINING if pgo.wanted(wanted()) else None
        try:
            return compile_native(Path(self.root), Path(self._scratch()), training=training)
        except Exception as error:
            if wanted() == "1" or training is not None:
                raise
            self.app.display_warning(
                f"pyerlnode is installed without its native parts, which could not be built: {error}"
            )
            return None

    def _scratch(self) -> str:
        self._directory = tempfile.TemporaryDirectory(prefix="pyerlnode-build-")
        return self._directory.name

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if hasattr(self, "_directory"):
            self._directory.cleanup()


def is_cython(module: str) -> bool:
    """Whether it is written in Cython, and no module of Python."""
    return module.rpartition(".")[2].startswith("_")


def source_of(module: str) -> Path:
    """Where it is written, from the root on."""
    return Path(*module.split(".")).with_suffix(".pyx" if is_cython(module) else ".py")


def compiled_of(module: str) -> Path:
    """Where this Python finds it compiled in the tree, from the root on."""
    return Path(*module.split(".")).with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))


def compile_native(
    root: Path,
    scratch: Path,
    modules: Sequence[str] = MODULES,
    training: Path | None = None,
    flags: Sequence[str] = (),
) -> dict[str, Path]:
    """Translate and compile `modules` in `scratch`; give their paths.  Raises whatever prevents it.

    With `training`, a program in Python, they are compiled for what that does; without it, with `flags`.
    """
    if training is not None:
        pgo.require_gcc()
    translated = _all_translated(root, scratch, modules)
    if training is None:
        return _compiled(translated, scratch, "lib", flags)
    counting = _compiled(translated, scratch, "counting", pgo.GENERATE)
    pgo.train(root, scratch, counting, training)
    pgo.require_profiles(scratch / "temp")
    return _compiled(translated, scratch, "lib", pgo.USE)


def _all_translated(root: Path, scratch: Path, modules: Sequence[str]) -> list[Any]:
    before = Path.cwd()
    os.chdir(root)
    try:
        return [
            *_translated(root, scratch, [each for each in modules if is_cython(each)], {}),
            *_translated(root, scratch, [each for each in modules if not is_cython(each)], PYTHON),
        ]
    finally:
        os.chdir(before)


def _compiled(
    translated: Sequence[Any], scratch: Path, library: str, flags: Sequence[str] = ()
) -> dict[str, Path]:
    """Compile and link into `library`; the objects stand in the same place each time."""
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    for each in translated:
        each.extra_compile_args, each.extra_link_args = [*_OPTIONS, *flags], list(flags)
    command = build_ext(Distribution({"name": "pyerlnode", "ext_modules": list(translated)}))
    command.parallel = os.cpu_count() or 1
    command.force = True
    command.build_lib, command.build_temp = str(scratch / library), str(scratch / "temp")
    command.ensure_finalized()
    command.run()
    return {each.name: Path(command.get_ext_fullpath(each.name)) for each in translated}


def _translated(
    root: Path, scratch: Path, modules: Sequence[str], directives: dict[str, Any]
) -> Sequence[Any]:
    """The modules as C, ready to be compiled."""
    from Cython.Build import cythonize
    from setuptools import Extension

    extensions = [Extension(module, [str(root / source_of(module))]) for module in modules]
    if not extensions:
        return ()
    made: list[Any] = cythonize(
        extensions, build_dir=str(scratch / "c"), compiler_directives=directives, force=True, quiet=True
    )
    return made
