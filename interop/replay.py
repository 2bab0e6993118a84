"""Transcripts of lessons, typed again: `scripts/replay [--beam NAME] [--record] [FILE...]`.

A transcript is what several terminals have shown, in the order of time:

    == kate
    $ pyerlnode run --sname kate@localhost --cookie secret tutorial.py:app
    kate@localhost up port=...

    == alex
    $ iex --sname alex@localhost --cookie secret
    ...
    iex(alex@localhost)1> Node.ping(:kate@localhost)
    :pong

Every line behind a prompt, and every command behind `$`, is typed as it stands into a real program at a
pseudo terminal; `^C` is that key, which ends a program.  Then the terminal has to show the lines that
follow and, up to its end, no others.  `...` stands for anything, and on a line of its own for any lines.
What another process prints comes when it comes, so the order within a step does not count.

`--record` writes the files anew from what the terminals show; lines that hold stay as they are.

Proof: interop/test_transcripts.py.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from pyerlnode import Atom, Node, erpc
from pyerlnode.testing import Iex, discover
from pyerlnode.testing.children import HarnessError
from pyerlnode.testing.epmd import Epmd
from pyerlnode.testing.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyerlnode.testing.beams import Beam

HERE: Final = Path(__file__).resolve().parent
TRANSCRIPTS: Final = [HERE / "transcripts" / f"{name}.txt" for name in ("nodes", "counter")]
PATIENCE: Final = 30.0  # seconds for a step
_QUIET: Final = 2.0  # seconds without a line that end a step which is recorded
_REST: Final = "..."
_TYPED: Final = re.compile(r"((?:iex|\.\.\.|py)\([^()]*\)\d*>|\$) ?(.*)|(\^C)")
_PROMPT: Final = re.compile(r"^(?:iex|\.\.\.|py)\([^()]*\)\d*> ?")
# What is another one in each run.
_VARIES: Final = (
    (re.compile(r"#(PID|Reference|Port)<[\d.]+>"), r"#\1<...>"),
    (re.compile(r"\b(port|creation|epmd)=\S+"), r"\1=..."),
    (re.compile(r"^Erlang/OTP .*"), "Erlang/OTP ..."),
    (re.compile(r"^(Interactive Elixir|Python) \S+"), r"\1 ..."),
    (re.compile(r"\(\d+\.\d+\.\d+\)"), "(...)"),
)

# Whether the process at iex has so many messages; it waits until that is so.
_MAIL: Final = """
waiting = fn ->
  for p <- Process.list(), {:dictionary, d} <- [Process.info(p, :dictionary)],
      List.keymember?(d, :iex_server, 0), {_, n} <- [Process.info(p, :message_queue_len)], do: n
end
Enum.find(1..3000, fn _ -> Enum.max(waiting.(), fn -> 0 end) >= count or Process.sleep(10) == nil end)
"""


class Different(AssertionError):
    """A terminal does not show what the transcript says."""


class Step(NamedTuple):
    """What is typed at a terminal, and what it shows then; without a prompt it only shows something."""

    terminal: str
    prompt: str
    typed: str
    shown: list[str]

    def __str__(self) -> str:
        return f"{self.terminal}: {self.prompt} {self.typed}"


def steps(text: str) -> Iterator[Step]:
    """The steps of a transcript, in order."""
    step: Step | None = None
    name, fresh = "", True
    for line in text.splitlines():
        if line.startswith("== "):
            name, fresh = line[3:], True
        elif line.strip():
            typed = _TYPED.fullmatch(line)
            if typed or fresh:
                if step is not None:
                    yield step
                step = (
                    Step(name, typed[1] or typed[3], typed[2] or "", []) if typed else Step(name, "", "", [])
                )
            fresh = False
            if not typed and step is not None:
                step.shown.append(line)
    if step is not None:
        yield step


def written(played: Sequence[Step]) -> str:
    """The text of a transcript."""
    blocks: list[tuple[str, list[str]]] = []
    for step in played:
        if not blocks or blocks[-1][0] != step.terminal or step.prompt == "$":
            blocks.append((step.terminal, []))
        typed = [f"{step.prompt} {step.typed}".rstrip()] if step.prompt else []
        blocks[-1][1].extend([*typed, *step.shown])
    return "\n".join("\n".join([f"== {name}", *lines, ""]) for name, lines in blocks)


# --- terminals ------------------------------------------------------------------------------------


class _Remsh(Terminal):
    PROMPT: ClassVar[re.Pattern[str]] = Iex.PROMPT


@dataclass
class Screen:
    """A terminal, and which of its lines have been accounted for."""

    terminal: Terminal
    typed: set[str] = field(default_factory=set)
    continued: set[str] = field(default_factory=set)
    accounted: list[str] = field(default_factory=list)
    is_open: bool = False  # the last step lets any lines follow

    def news(self) -> list[str]:
        """The lines that others have written and that no step has had."""
        left = list(self.accounted)
        found = []
        for line in map(str.rstrip, self.terminal.screen.lines):
            if line in self.typed or line.strip() in self.continued:
                continue
            # What others print while a line is read may stand behind the prompt of that line.
            line = _PROMPT.sub("", line)
            if not line:
                continue
            if line in left:
                left.remove(line)
            else:
                found.append(line)
        return found

    def prompt(self) -> str:
        """The prompt behind which a line would be typed, "" while there is none."""
        lines = [line for line in self.terminal.screen.lines if line]
        cursor_line = self.terminal.screen.cursor_line
        if not cursor_line and lines and lines[-1] not in self.typed:
            # Up to OTP 25 what others print comes behind the prompt, which is not shown again.
            shown = _PROMPT.match(lines[-1])
            return shown[0].rstrip() if shown else ""
        return cursor_line.rstrip() if self.terminal.PROMPT.fullmatch(cursor_line) else ""

    def rests(self, step: Step) -> bool:
        """Whether nothing more comes of itself: a shell asks for the next line."""
        return step.prompt in ("", "$", "^C") or bool(self.prompt())

    def account(self, wanted: Sequence[str]) -> list[str] | None:
        """The lines of the news that are wanted, with all others if those may be there; None if some lack."""
        news = self.news()
        found = []
        for line in wanted:
            if line.strip() == _REST:
                continue
            fits = next((each for each in news if _fits(line, each)), None)
            if fits is None:
                return None
            news.remove(fits)
            found.append(fits)
        return [*found, *(news if _has_rest(wanted) else [])]


def _has_rest(wanted: Sequence[str]) -> bool:
    return _REST in map(str.strip, wanted)


def _fits(wanted: str, line: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, wanted.split("..."))), line) is not None


class Player:
    """Plays transcripts with one BEAM; a context manager that closes the terminals."""

    def __init__(
        self,
        beam: Beam,
        *,
        host: str = "localhost",
        epmd_port: int,
        record: bool = False,
        patience: float = PATIENCE,
    ) -> None:
        """`patience`: the seconds that a line may take to come."""
        self._beam, self._host, self._port = beam, host, epmd_port
        self._record, self._patience = record, patience
        self._screens: dict[str, Screen] = {}
        self._files, self._inside = beam.make_home()

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: object) -> None:
        for screen in self._screens.values():
            screen.terminal.close()
        shutil.rmtree(self._files, ignore_errors=True)

    def play(self, text: str) -> list[Step]:
        """Type it all again; the steps as they were seen.  Raises Different, or HarnessError."""
        played = [self._play(step) for step in steps(text.replace("@localhost", f"@{self._host}"))]
        for name in list(self._screens):
            self._leave(name)
        return played

    def _play(self, step: Step) -> Step:
        if step.prompt == "$":
            self._leave(step.terminal)
            self._screens[step.terminal] = Screen(self._opened(step.typed))
        screen = self._screens[step.terminal]
        if step.prompt == "^C":
            screen.typed.add("^C")
            screen.terminal.press("\x03")
            screen.terminal.wait_for_end(PATIENCE)
        elif step.prompt not in ("", "$"):
            step = self._type(screen, step)
        return step._replace(shown=self._shown(screen, step))

    def _type(self, screen: Screen, step: Step) -> Step:
        screen.terminal.wait_until(lambda: bool(screen.prompt()), "a prompt", PATIENCE)
        prompt = screen.prompt()
        if self._record:
            step = step._replace(prompt=prompt)
        elif prompt != step.prompt:
            raise Different(f"{step}\nis typed at the prompt {prompt}")
        if step.typed.startswith("flush()") and len(step.shown) > 1:
            asyncio.run(self._wait_for_mail(step.prompt, len(step.shown) - 1))
        screen.typed.add(f"{step.prompt} {step.typed}".rstrip())
        if not screen.terminal.screen.cursor_line:
            screen.typed.add(step.typed.rstrip())
        if step.prompt.startswith("..."):
            # From OTP 28 on the prompts of such lines go when the last of them has been typed.
            screen.continued.add(step.typed.strip())
        row = screen.terminal.screen.row
        screen.terminal.type(step.typed)
        screen.terminal.wait_until(lambda: screen.terminal.screen.row > row, "the line", PATIENCE)
        return step

    async def _wait_for_mail(self, prompt: str, count: int) -> None:
        """Wait until the process at a prompt has messages to show."""
        name = prompt.partition("(")[2].partition(")")[0]
        async with Node(f"replay@{self._host}", "secret", hidden=True, epmd_port=self._port):
            await erpc.call(
                name, "Elixir.Code", "eval_string", [_MAIL.encode(), [(Atom("count"), count)]], 60
            )

    def _shown(self, screen: Screen, step: Step) -> list[str]:
        if self._record:
            return self._recorded(screen, step)
        found: list[str] | None = None

        def is_shown() -> bool:
            nonlocal found
            found = screen.account(step.shown) if screen.rests(step) else None
            return found is not None

        try:
            screen.terminal.wait_until(is_shown, "\n".join(step.shown), self._patience)
        except HarnessError as error:
            raise Different(
                f"{step}\nshows\n{_lines(screen.news())}\nin the place of\n{_lines(step.shown)}\n{error}"
            ) from None
        screen.accounted += found or []
        screen.is_open = _has_rest(step.shown)
        return step.shown

    def _recorded(self, screen: Screen, step: Step) -> list[str]:
        seen = -1
        while len(screen.terminal.screen.lines) != seen:
            seen = len(screen.terminal.screen.lines)
            try:
                screen.terminal.wait_until(lambda: False, "nothing", _QUIET)
            except HarnessError:
                continue
        news = screen.news()
        screen.accounted += news
        known = list(step.shown)
        return [
            next((each for each in known if each != _REST and _fits(each, line)), _constant(line))
            for line in news
        ]

    def _leave(self, name: str) -> None:
        """Close a terminal; whatever it has shown must have been in the transcript."""
        if (screen := self._screens.pop(name, None)) is None:
            return
        news = screen.news()
        screen.terminal.close()
        if news and not screen.is_open and not self._record:
            raise Different(f"{name} shows, and the transcript does not say,\n{_lines(news)}")

    # --- commands -------------------------------------------------------------------------------

    def _opened(self, command: str) -> Terminal:
        program, *words = shlex.split(command)
        return self._iex(words) if program == "iex" else self._python(program, words)

    def _iex(self, words: list[str]) -> Terminal:
        options = dict(zip(words[::2], words[1::2], strict=False))
        files = words[4:]
        for file in files:
            shutil.copy(HERE / file, self._files / file)
        return Iex(
            self._beam,
            options["--sname"],
            cookie=options["--cookie"],
            epmd_port=self._port,
            arguments=[f"{self._inside}/{file}" for file in files],
            timeout=PATIENCE,
        )

    def _python(self, program: str, words: list[str]) -> Terminal:
        files = [str(HERE / word) if ".py:" in word else word for word in words]
        environment = {
            **os.environ,
            "ERL_EPMD_PORT": str(self._port),
            "TERM": "xterm",
            "PYTHONUNBUFFERED": "1",
        }
        kind = _Remsh if words[0] == "remsh" else Terminal
        return kind(f"{program} {shlex.join(words)}", [sys.executable, "-m", program, *files], environment)


def _constant(line: str) -> str:
    for pattern, replacement in _VARIES:
        line = pattern.sub(replacement, line)
    return line


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


# --- the command ----------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/replay", description="Type the lessons' transcripts again."
    )
    parser.add_argument("--beam", help="otp25, otp27, ...; default: every BEAM that has Elixir")
    parser.add_argument("--record", action="store_true", help="write the files from what the terminals show")
    parser.add_argument("files", nargs="*", type=Path, default=TRANSCRIPTS)
    options = parser.parse_args()
    beams = [beam for beam in discover("all") if beam.elixir and options.beam in (None, beam.name)]
    if not beams:
        parser.error("there is no such BEAM with Elixir")
    failed = [file for beam in beams for file in options.files if not _replay(beam, file, options.record)]
    return 1 if failed else 0


def _replay(beam: Beam, file: Path, record: bool) -> bool:
    with Epmd() as epmd, Player(beam, epmd_port=epmd.port, record=record) as player:
        try:
            played = player.play(file.read_text())
        except (Different, HarnessError) as error:
            print(f"{file.name} with {beam}: {error}")
            return False
    if record:
        file.write_text(written(played))
    print(f"{file.name} with {beam}: {len(played)} steps")
    return True


if __name__ == "__main__":
    sys.exit(main())
