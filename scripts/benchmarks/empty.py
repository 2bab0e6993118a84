"""An application without processes of its own: what a start costs at least."""

from pyerlnode import Application, Atom


class Empty(Application):
    async def start(self, type: Atom, args: object) -> None:
        return None


app = Empty
