"""Any sequence of local operations gives each process the mail, and the end, that a simple model foretells.

The processes run nothing: signals between processes of one node take effect at once, so
after each step what has been delivered must be exactly what the model says.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from process_tools import tables

from pyerlnode.errors import BadArg, ErlangError, Exit
from pyerlnode.process import Process, Runtime, api, current_process
from pyerlnode.term import Atom, Reference

NAMES = st.sampled_from(["one", "two"])
REASONS = st.sampled_from([Atom(text) for text in ("normal", "kill", "killed", "boom")])


@dataclass(eq=False)
class Model:
    """What is known of one process."""

    process: Process
    mail: list[Any] = field(default_factory=list)
    seen: int = 0  # so many of it were there before this step
    trap_exit: bool = False
    reason: Any = None  # of its end
    links: set[Model] = field(default_factory=set)
    watching: dict[Reference, tuple[Model, Any]] = field(default_factory=dict)
    aliases: dict[Reference, str] = field(default_factory=dict)
    name: str | None = None

    @property
    def alive(self) -> bool:
        return self.reason is None


class Processes(RuleBasedStateMachine):
    """Operations as a process would do them, each beside its model."""

    processes = Bundle("processes")
    references = Bundle("references")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.runtime = self.loop.run_until_complete(self._make())
        self.models: list[Model] = []

    async def _make(self) -> Runtime:
        return Runtime("here@localhost", 1)

    def teardown(self) -> None:
        for model in self.models:
            model.process.die(Atom("normal"))
        left = {name: count for name, count in tables(self.runtime).items() if count}
        self.loop.close()
        assert left == {}

    # --- the model's rules ------------------------------------------------------------

    def put(self, model: Model, message: Any) -> None:
        if model.alive:
            model.mail.append(message)

    def signal(self, model: Model, sender: Model, reason: Any, *, by_link: bool) -> None:
        """An exit signal; P8 to P14."""
        if not model.alive:
            return
        if reason == "kill" and not by_link:
            self.end(model, Atom("killed"))
        elif model.trap_exit:
            self.put(model, ("EXIT", sender.process.pid, reason))
        elif reason != "normal" or (sender is model and not by_link):
            self.end(model, reason)

    def end(self, model: Model, reason: Any) -> None:
        ended = [(model, reason)]
        model.reason = reason
        for one, why in ended:
            one.mail, one.seen, one.name, one.aliases = [], 0, None, {}
            one.watching = {}
            links, one.links = one.links, set()
            for other in self.models:
                if other in links and other.alive:
                    other.links.discard(one)
                    if other.trap_exit:
                        self.put(other, ("EXIT", one.process.pid, why))
                    elif why != "normal":
                        other.reason = why
                        ended.append((other, why))
            for other in self.models:
                for ref, (target, item) in list(other.watching.items()):
                    if target is one:
                        self.down(other, ref, item, why)

    def down(self, model: Model, ref: Any, item: Any, reason: Any) -> None:
        model.watching.pop(ref, None)
        if model.aliases.get(ref) in ("demonitor", "reply_demonitor"):
            del model.aliases[ref]
        self.put(model, ("DOWN", ref, "process", item, reason))

    def act(self, model: Model, function: Any, *args: Any, **options: Any) -> Any:
        """Call an API function as the process of `model`."""
        token = current_process.set(model.process)
        try:
            return function(*args, **options)
        finally:
            current_process.reset(token)

    # --- operations -------------------------------------------------------------------

    @rule(target=processes, trap_exit=st.booleans())
    def spawn(self, trap_exit: bool) -> Model:
        model = Model(self.runtime.new_process(), trap_exit=trap_exit)
        model.process.trap_exit = trap_exit
        self.models.append(model)
        return model

    @rule(sender=processes, to=processes, number=st.integers(0, 9))
    def send(self, sender: Model, to: Model, number: int) -> None:
        if sender.alive:
            self.act(sender, api.send, to.process.pid, number)
            self.put(to, number)

    @rule(model=processes, to=processes)
    def link(self, model: Model, to: Model) -> None:
        if not model.alive:
            return
        try:
            self.act(model, api.link, to.process.pid)
        except ErlangError as error:
            assert error.reason == "noproc"
            assert not to.alive
            assert not model.trap_exit
            return
        if to.alive:
            if model is not to:
                model.links.add(to)
                to.links.add(model)
        else:
            self.put(model, ("EXIT", to.process.pid, "noproc"))

    @rule(model=processes, to=processes)
    def unlink(self, model: Model, to: Model) -> None:
        if model.alive:
            self.act(model, api.unlink, to.process.pid)
            model.links.discard(to)
            to.links.discard(model)

    @rule(
        target=references,
        model=processes,
        to=processes,
        alias=st.sampled_from([None, "explicit_unalias", "demonitor", "reply_demonitor"]),
    )
    def monitor(self, model: Model, to: Model, alias: str | None) -> Any:
        if not model.alive:
            return (model, self.runtime.make_ref())
        ref = self.act(model, api.monitor, to.process.pid, alias=alias)
        if alias is not None:
            model.aliases[ref] = alias
        if to.alive:
            model.watching[ref] = (to, to.process.pid)
        else:
            self.down(model, ref, to.process.pid, "noproc")
        return (model, ref)

    @rule(model=processes, name=NAMES)
    def monitor_by_name(self, model: Model, name: str) -> None:
        if model.alive:
            item = (Atom(name), Atom("here@localhost"))
            ref = self.act(model, api.monitor, name)
            holders = [one for one in self.models if one.name == name]
            if holders:
                model.watching[ref] = (holders[0], item)
            else:
                self.down(model, ref, item, "noproc")

    @rule(reference=references, flush=st.booleans())
    def demonitor(self, reference: Any, flush: bool) -> None:
        model, ref = reference
        if not model.alive:
            return
        found = self.act(model, api.demonitor, ref, flush=flush)
        assert found == (ref in model.watching)
        if found:
            del model.watching[ref]
            if model.aliases.get(ref) in ("demonitor", "reply_demonitor"):
                del model.aliases[ref]
        elif flush:
            model.mail = [one for one in model.mail if not (type(one) is tuple and one[1] == ref)]
            model.seen = len(model.mail)

    @rule(target=references, model=processes, reply=st.booleans())
    def alias(self, model: Model, reply: bool) -> Any:
        if not model.alive:
            return (model, self.runtime.make_ref())
        ref = self.act(model, api.alias, reply=reply)
        model.aliases[ref] = "reply" if reply else "explicit_unalias"
        return (model, ref)

    @rule(reference=references)
    def unalias(self, reference: Any) -> None:
        model, ref = reference
        if model.alive:
            assert self.act(model, api.unalias, ref) == (ref in model.aliases)
            model.aliases.pop(ref, None)

    @rule(reference=references, sender=processes)
    def send_to_alias(self, reference: Any, sender: Model) -> None:
        model, ref = reference
        if sender.alive:
            self.act(sender, api.send, ref, "by alias")
            mode = model.aliases.get(ref)
            if mode in ("reply", "reply_demonitor"):
                del model.aliases[ref]
            if mode == "reply_demonitor":
                model.watching.pop(ref, None)
            if mode is not None:
                self.put(model, "by alias")

    @rule(sender=processes, to=processes, reason=REASONS)
    def exit(self, sender: Model, to: Model, reason: Any) -> None:
        if sender.alive:
            try:
                self.act(sender, api.exit, to.process.pid, reason)
            except Exit as error:
                assert sender is to
                assert error.reason == ("killed" if reason == "kill" else reason)
            self.signal(to, sender, reason, by_link=False)

    @rule(model=consumes(processes), reason=REASONS)
    def ends_by_itself(self, model: Model, reason: Any) -> None:
        if model.alive:
            model.process.die(reason)
            self.end(model, reason)

    @rule(model=processes, name=NAMES)
    def register(self, model: Model, name: str) -> None:
        free = not any(one.name == name for one in self.models)
        possible = model.alive and model.name is None and free
        try:
            self.runtime.names.register(name, model.process.pid)
        except BadArg:
            assert not possible
        else:
            assert possible
            model.name = name

    @rule(name=NAMES)
    def unregister(self, name: str) -> None:
        holders = [one for one in self.models if one.name == name]
        try:
            self.runtime.names.unregister(name)
        except BadArg:
            assert not holders
        else:
            holders[0].name = None

    # --- what must hold ---------------------------------------------------------------

    @invariant()
    def everybody_has_what_the_model_says(self) -> None:
        for model in self.models:
            assert model.process.alive == model.alive, model
            if model.alive:
                self.same_mail(model, list(model.process.mailbox or ()))
                links = model.process.links
                assert {one.process.pid for one in model.links} == set(links.active() if links else ())
            else:
                assert model.process.exit_reason == model.reason
            holder = self.runtime.names.get(model.name) if model.name else None
            assert holder is (model.process if model.name else None)

    def same_mail(self, model: Model, actual: list[Any]) -> None:
        """What came earlier stays in front; one step's messages of several senders may come in any order."""
        assert actual[: model.seen] == model.mail[: model.seen]
        new = model.mail[model.seen :]
        for message in actual[model.seen :]:
            new.remove(message)
        assert new == []
        model.mail, model.seen = actual, len(actual)

    @invariant()
    def the_tables_hold_what_the_model_says(self) -> None:
        held = tables(self.runtime)
        assert held["aliases"] == sum(len(one.aliases) for one in self.models)
        assert held["watching"] == sum(len(one.watching) for one in self.models)
        others = sum(target is not one for one in self.models for target, _ in one.watching.values())
        assert held["watched by"] == others


TestProcesses = Processes.TestCase
TestProcesses.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
