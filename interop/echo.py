"""The registered GenServer `echo`: what benchmarks and tests of calls talk to.

    pyerlnode run --sname py@localhost --cookie secret interop/echo.py:app

call `{:echo, x}` answers x; cast `{:cast, x}` counts; call `:count` answers the number
of casts so far; call `:reset` answers `:ok` and the count is 0.
"""

from typing import Any

from pyerlnode import Application, Atom, GenServer, Pid, on_call, on_cast


class Echo(GenServer):
    def init(self) -> None:
        self.casts = 0

    @on_call
    def echo(self, term: Any) -> Any:
        return term

    @on_call
    def count(self) -> int:
        return self.casts

    @on_call
    def reset(self) -> Atom:
        self.casts = 0
        return Atom("ok")

    @on_cast("cast")
    def counted(self, term: Any) -> None:
        self.casts += 1


class EchoApplication(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        return await Echo.start_link(name="echo")


app = EchoApplication
