"""The Erlang and Elixir installations that tests can run against.

A `Beam` is this machine's own `erl` (kind `local`), one inside a root file system made by
debootstrap (`chroot`), or that of the Elixir container that the tests run in (`docker`:
see interop/Dockerfile; nodes then carry the container's host name).  Releases are asked
from the BEAM itself, never taken from a directory's name.

Proof: tests/testing/test_beams.py, interop/test_harness.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pyerlnode.testing.children import HarnessError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KINDS = ("local", "chroot", "docker", "all")
DEFAULT_ROOTS = Path("/var/cache/pyerlnode/beams")
_INETRC = "inetrc"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ASK_OTP = 'io:format("~s~n", [erlang:system_info(otp_release)]), halt().'
_ASK_ELIXIR = "IO.puts(System.version())"


@dataclass(frozen=True)
class Beam:
    """One installation: `name` ("otp25"), OTP release, Elixir version or None, and how to get in.

    `prefix` comes before the program's name on the command line; `root` is the directory
    that the program sees as `/`.
    """

    name: str
    otp: int
    elixir: str | None
    root: Path | None = None
    prefix: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    def command(self, program: str, *arguments: str) -> list[str]:
        """The argument vector that runs a program of this installation."""
        return [*self.prefix, program, *arguments]

    def has(self, program: str) -> bool:
        """Whether the installation has this program on its path."""
        if self.root is None:
            return shutil.which(program) is not None
        # A link in the root is relative to the root, so its target is not followed from here.
        return any(
            os.path.lexists(f"{self.root}{directory}/{program}") for directory in self._path().split(":")
        )

    def make_home(self) -> tuple[Path, str]:
        """A new empty home directory: its path from outside, and as the programs see it.

        Erlang writes `.erlang.cookie` and shell history at home; a test must not find or
        leave them in the user's.  Whoever asks removes it.
        """
        if self.root is None:
            home = Path(tempfile.mkdtemp(prefix="pyerlnode-home-"))
            return home, str(home)
        home = Path(tempfile.mkdtemp(prefix="pyerlnode-home-", dir=self.root / "tmp"))
        (home / _INETRC).write_text(_inetrc())
        return home, f"/{home.relative_to(self.root)}"

    def environment(self, home: str = "/tmp", extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment of a program of this installation."""
        basics = {
            "PATH": self._path(),
            "HOME": home,
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "ERL_CRASH_DUMP_SECONDS": "0",
        }
        if self.root is not None and not (self.root / "etc/hosts").exists():
            basics["ERL_INETRC"] = f"{home}/{_INETRC}"
        return basics | dict(extra or {})

    def _path(self) -> str:
        return os.environ.get("PATH", _SYSTEM_PATH) if self.root is None else _SYSTEM_PATH


def _inetrc() -> str:
    """Host names for an Erlang whose root has no /etc/hosts: debootstrap makes none."""
    # One entry per address: a second one of the same address would replace the first.
    names: dict[str, list[str]] = {"127.0.0.1": ["localhost"]}
    for line in Path("/etc/hosts").read_text().splitlines():
        address, *more = line.partition("#")[0].split() or [""]
        if more and "." in address:
            names[address] = list(dict.fromkeys([*names.get(address, []), *more]))
    entries = ["{lookup, [file, native]}."]
    for address, known in names.items():
        quoted = ", ".join(f'"{name}"' for name in known)
        entries.append(f"{{host, {{{address.replace('.', ',')}}}, [{quoted}]}}.")
    return "\n".join(entries) + "\n"


def roots() -> list[Path]:
    """The root file systems to look into: `PYERLNODE_BEAM_ROOTS`, else all under the cache directory."""
    named = os.environ.get("PYERLNODE_BEAM_ROOTS")
    if named is not None:
        return [_existing_root(part) for part in named.split(":") if part]
    if not DEFAULT_ROOTS.is_dir():
        return []
    return sorted(root for root in DEFAULT_ROOTS.iterdir() if os.path.lexists(root / "usr/bin/erl"))


class NoBeam(HarnessError):
    """This machine has no Erlang, and nobody has said that it must have."""


def discover(kind: str = "all") -> list[Beam]:
    """Every BEAM of that kind, oldest release first, names unique.

    Raises NoBeam when there is none, HarnessError when `PYERLNODE_BEAMS_REQUIRED` (OTP
    releases, comma-separated) names one that was not found.
    """
    if kind not in KINDS:
        raise HarnessError(f"no such kind of BEAM: {kind!r}; expected one of {', '.join(KINDS)}")
    found = [] if kind == "chroot" else _local()
    if kind in ("chroot", "all"):
        found += [_inside(root) for root in roots()]
    beams = _with_unique_names(sorted(found, key=lambda beam: beam.otp))
    _check_required(kind, beams)
    return beams


def _existing_root(text: str) -> Path:
    root = Path(text)
    if not os.path.lexists(root / "usr/bin/erl"):
        raise HarnessError(f"PYERLNODE_BEAM_ROOTS: {text} has no usr/bin/erl")
    return root


def _local() -> list[Beam]:
    if shutil.which("erl") is None:
        return []
    return [_ask(None, ())]


def _inside(root: Path) -> Beam:
    # Without being root, a user namespace lets us in; `unshare` execs, so the pid stays ours.
    enter = ("chroot", str(root)) if os.geteuid() == 0 else ("unshare", "-r", "-R", str(root))
    return _ask(root, enter)


def _ask(root: Path | None, prefix: tuple[str, ...]) -> Beam:
    unnamed = Beam("beam", 0, None, root, prefix)
    otp = int(_answer(unnamed, unnamed.command("erl", "-noshell", "-noinput", "-eval", _ASK_OTP)))
    elixir = _answer(unnamed, unnamed.command("elixir", "-e", _ASK_ELIXIR)) if unnamed.has("elixir") else None
    return Beam(f"otp{otp}", otp, elixir, root, prefix)


def _answer(beam: Beam, argv: Sequence[str]) -> str:
    home, inside = beam.make_home()
    try:
        done = subprocess.run(
            argv,
            env=beam.environment(inside),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HarnessError(f"cannot ask a BEAM for its release: {error}") from error
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if done.returncode != 0:
        raise HarnessError(f"{' '.join(argv)} exited with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip().splitlines()[-1]


def _with_unique_names(beams: list[Beam]) -> list[Beam]:
    seen: Counter[str] = Counter()
    unique = []
    for beam in beams:
        seen[beam.name] += 1
        where = beam.root.name if beam.root else "local"
        unique.append(beam if seen[beam.name] == 1 else replace(beam, name=f"{beam.name}-{where}"))
    return unique


def _check_required(kind: str, beams: list[Beam]) -> None:
    required = {int(part) for part in os.environ.get("PYERLNODE_BEAMS_REQUIRED", "").split(",") if part}
    missing = sorted(required - {beam.otp for beam in beams})
    if missing or not beams:
        error = HarnessError if missing else NoBeam
        have = ", ".join(f"{b.name} (Elixir {b.elixir})" for b in beams) or "none"
        wanted = f"OTP {', '.join(map(str, missing))}" if missing else "any"
        raise error(
            f"--beam {kind}: required BEAM not found: {wanted}; found: {have}. See docs/contributing.md"
        )
