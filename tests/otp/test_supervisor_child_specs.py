"""Forms of child specifications, and what is wrong with others: rows F of the OTP rules."""

from __future__ import annotations

from typing import Any

import pytest
from supervised import pids, start

from pyerlnode.errors import BadArg, Exit
from pyerlnode.otp import ChildSpec, DynamicSupervisor, GenServer, Supervision, Supervisor, child_spec
from pyerlnode.otp.supervisor.child import Child, SpecError
from pyerlnode.otp.supervisor.flags import Flags
from pyerlnode.otp.supervisor.supervisor import start_supervisor
from pyerlnode.term import Atom, Pid, encode

MFA = (Atom("Elixir.A"), Atom("start_link"), [1])


class Counter(GenServer, module="Elixir.Counter"):
    def init(self, initial: int = 0) -> None:
        self.count = initial


class Own(GenServer):
    """Says itself how it is started."""

    @staticmethod
    def child_spec(arg: Any = 7) -> Any:
        return {"id": f"own{arg}", "start": (Counter, "start_link", [arg]), "restart": "temporary"}


# --- forms --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "id", "start_args"),
    [
        (Counter, "Elixir.Counter", []),
        ((Counter, 3), "Elixir.Counter", [3]),
        ((Counter, 3, {"id": "c"}), "c", [3]),
        ((Counter, 3, {"name": "n"}), "Elixir.Counter", [3, [(Atom("name"), "n")]]),
        ({"id": "c", "start": (Counter, "start_link", [3])}, "c", [3]),
        (ChildSpec("c", (Counter.start_link, [3])), "c", [3]),
        (ChildSpec("c", Counter.start_link), "c", []),
        (Own, "own7", [7]),
        ((Own, 8), "own8", [8]),
        ((Own, 8, {"id": "c"}), "c", [8]),
    ],
)
def test_forms(form: Any, id: str, start_args: list[Any]) -> None:
    spec = child_spec(form)
    term = spec.to_term()
    encode(term)
    assert (spec.id, term[Atom("start")]) == (id, ("Elixir.Counter", "start_link", start_args))
    assert isinstance(spec.id, Atom)


def test_defaults_and_units() -> None:
    assert child_spec(Counter).to_term() == {
        "id": "Elixir.Counter",
        "start": ("Elixir.Counter", "start_link", []),
        "restart": "permanent",
        "significant": False,
        "shutdown": 5000,
        "type": "worker",
        "modules": ["Elixir.Counter"],
    }
    assert child_spec(Counter, type="supervisor").to_term()[Atom("shutdown")] == "infinity"
    assert child_spec(Counter, shutdown=0.25).to_term()[Atom("shutdown")] == 250
    assert child_spec(Counter, shutdown="brutal_kill").to_term()[Atom("shutdown")] == "brutal_kill"
    assert child_spec(Counter, modules="dynamic").to_term()[Atom("modules")] == "dynamic"
    assert child_spec(Counter, modules=["A"]).to_term()[Atom("modules")] == ["A"]
    assert child_spec(Supervisor.child([], strategy="one_for_one", name="s")).id == "s"
    assert child_spec(Supervisor.child([], strategy="one_for_one")).type == "supervisor"
    assert child_spec(DynamicSupervisor.child(name="d")).to_term()[Atom("shutdown")] == "infinity"


def test_the_tuple_of_otp_has_milliseconds() -> None:
    spec = child_spec((Atom("t"), MFA, "transient", 100, "worker", [Atom("Elixir.A")]))
    assert (spec.id, spec.shutdown, spec.restart) == ("t", 0.1, "transient")
    assert spec.to_term()[Atom("start")] == MFA


async def test_every_form_starts() -> None:
    async def plain() -> Any:
        return await Counter.start_link(1, name="plain")

    sup = await start(
        Counter,
        (Counter, 2, {"name": "Elixir.Two", "id": "two"}),
        ChildSpec("plain", plain),
        Own,
        Supervisor.child([(Counter, 3)], strategy="rest_for_one", id="inner"),
        DynamicSupervisor.child(name="dynamic"),
    )
    children = await pids(sup)
    assert list(reversed(children)) == ["Elixir.Counter", "two", "plain", "own7", "inner", "dynamic"]
    assert all(isinstance(pid, Pid) for pid in children.values())
    assert list(await pids(children["inner"])) == ["Elixir.Counter"]
    assert await pids("dynamic") == {}


# --- what Python says to wrong ones -------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (5, "a child is a class of servers, .*, not 5"),
        ("Elixir.Counter", "a child is a class of servers"),
        ((Counter,), "a child is a class of servers"),
        ((Counter, 1, 2), "dict of options, not 2"),
        ((Counter, 1, {"nam": "x"}), "has no 'nam'; expected id, start, .*, name, timeout"),
        ((Own, 1, {"name": "x"}), "has no 'name'"),
        ({"id": "c"}, "needs 'start'"),
        ({"start": MFA}, "needs 'id'"),
        ({"id": "c", "start": MFA, "restrat": 1}, "has no 'restrat'"),
        ({"id": "c", "start": MFA, "restart": "sometimes"}, "restart: one of .* not 'sometimes'"),
        ({"id": "c", "start": MFA, "type": "x"}, "type: one of worker, supervisor"),
        ({"id": "c", "start": MFA, "shutdown": -1}, "shutdown: seconds.* not -1"),
        ({"id": "c", "start": MFA, "shutdown": True}, "shutdown: seconds"),
        ({"id": "c", "start": MFA, "modules": "x"}, "modules: a list"),
        ({"id": "c", "start": MFA, "significant": 1}, "significant: True or False"),
        ({"id": "c", "start": 5}, "start: .* wanted, not 5"),
        ({"id": "c", "start": (Counter, "absent", [])}, "start: "),
        ({"id": object(), "start": MFA}, "id: a term is wanted"),
    ],
)
async def test_a_wrong_form_is_refused_with_what_was_expected(form: Any, message: str) -> None:
    with pytest.raises(BadArg, match=message):
        child_spec(form)
    with pytest.raises(BadArg, match=message):
        await Supervisor.start_link([form], strategy="one_for_one")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs a strategy"),
        ({"strategy": "one_for_none"}, "strategy: one of .* not 'one_for_none'"),
        ({"strategy": "one_for_one", "max_restarts": -1}, "max_restarts: an integer from 0"),
        ({"strategy": "one_for_one", "max_seconds": 0}, "max_seconds: an integer from 1"),
        ({"strategy": "one_for_one", "auto_shutdown": "x"}, "auto_shutdown: one of"),
        ({"strategy": "simple_one_for_one"}, "takes exactly one child"),
        ({"strategy": "one_for_one", "nam": 1}, "has no option 'nam'"),
    ],
)
async def test_wrong_options_are_refused(options: Any, message: str) -> None:
    with pytest.raises(BadArg, match=message):
        await Supervisor.start_link([], **options)
    with pytest.raises(BadArg, match=message):
        Supervisor.child([], **options)


async def test_what_is_no_list_of_children() -> None:
    for children in (5, "text", {"id": 1}, b""):
        with pytest.raises(BadArg, match="a list of child specifications"):
            await Supervisor.start_link(children, strategy="one_for_one")
    with pytest.raises(BadArg, match="takes one list"):
        await Supervisor.start_link(strategy="one_for_one")
    with pytest.raises(BadArg, match="auto_shutdown is not for simple_one_for_one"):
        Supervision([Counter], strategy="simple_one_for_one", auto_shutdown="any_significant")


# --- what OTP says to wrong ones ------------------------------------------------------------------


def spec(**fields: Any) -> dict[Any, Any]:
    return {Atom(key): value for key, value in {"id": 1, "start": MFA, **fields}.items()}


def bad(*pairs: Any) -> tuple[Any, ...]:
    return ("bad_combination", list(pairs))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (Atom("what"), ("invalid_child_spec", "what")),
        ((1, MFA, Atom("permanent"), 5, Atom("worker")), None),
        ({}, "missing_id"),
        ({Atom("id"): 1}, "missing_start"),
        ({Atom("start"): 5}, "missing_id"),
        (spec(start=Atom("no")), ("invalid_mfa", "no")),
        (spec(start=(Atom("m"), Atom("f"), 5)), ("invalid_mfa", ("m", "f", 5))),
        (spec(start=[Atom("m"), Atom("f"), []]), ("invalid_mfa", ["m", "f", []])),
        ((1, 2, 3, 4, 5, 6), ("invalid_mfa", 2)),
        (spec(restart=Atom("no"), shutdown=-1), ("invalid_restart_type", "no")),
        (spec(shutdown=-1), ("invalid_shutdown", -1)),
        (spec(shutdown=1.5), ("invalid_shutdown", 1.5)),
        (spec(type=Atom("no"), shutdown=-1), ("invalid_child_type", "no")),
        (spec(modules=Atom("no")), ("invalid_modules", "no")),
        (spec(modules=[1]), ("invalid_module", 1)),
        (spec(significant=3, type=Atom("no")), ("invalid_significant", 3)),
        (spec(significant=True), bad(("auto_shutdown", "never"), ("significant", True))),
    ],
)
async def test_wrong_specifications_get_the_reasons_of_otp(wrong: Any, reason: Any) -> None:
    reason = reason or ("invalid_child_spec", wrong)
    with pytest.raises(SpecError) as refused:
        Child.from_term(wrong)
    assert refused.value.reason == reason
    assert await otp_start({}, [wrong]) == ("start_spec", reason)


def test_significant_children_must_be_able_to_end() -> None:
    with pytest.raises(SpecError) as refused:
        Child.from_term(spec(significant=True), Atom("any_significant"))
    assert refused.value.reason == bad(("restart", "permanent"), ("significant", True))
    assert Child.from_term(spec(significant=True, restart=Atom("transient")), Atom("any_significant"))


def test_what_is_unknown_in_a_map_is_not_looked_at() -> None:
    assert Child.from_term(spec(foo=1, shutdown=0)).shutdown == 0


class OtpStyle(Supervisor, module="Elixir.OtpStyle"):
    def init(self, result: Any) -> Any:
        return result


async def otp_start(flags: Any, specs: Any) -> Any:
    """The reason that a start with OTP's own terms fails with."""
    return await init_returns((Atom("ok"), (_atoms(flags), specs)))


async def init_returns(result: Any) -> Any:
    started = await start_supervisor(OtpStyle, (result,), {}, link=False, name=None)
    return started[1] if started[0] == "error" else started


def _atoms(flags: Any) -> Any:
    return {Atom(key): value for key, value in flags.items()} if isinstance(flags, dict) else flags


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ({"strategy": Atom("no"), "intensity": -1}, ("invalid_strategy", "no")),
        ({"intensity": -1, "period": 0}, ("invalid_intensity", -1)),
        ({"period": 0}, ("invalid_period", 0)),
        ({"period": 1.5}, ("invalid_period", 1.5)),
        ({"auto_shutdown": Atom("no")}, ("invalid_auto_shutdown", "no")),
        (Atom("what"), ("invalid_type", "what")),
        ((Atom("one_for_one"), 1), ("invalid_type", ("one_for_one", 1))),
        ((Atom("no"), 1, 2), ("invalid_strategy", "no")),
        (
            {"strategy": Atom("simple_one_for_one"), "auto_shutdown": Atom("any_significant")},
            bad(("auto_shutdown", "any_significant"), ("strategy", "simple_one_for_one")),
        ),
    ],
)
async def test_wrong_flags_get_the_reasons_of_otp(flags: Any, reason: Any) -> None:
    assert await otp_start(flags, []) == ("supervisor_data", reason)


async def test_other_starts_that_fail() -> None:
    simple = {"strategy": Atom("simple_one_for_one")}
    two = [spec(id=1), spec(id=1)]
    assert await otp_start({}, two) == ("start_spec", ("duplicate_child_name", 1))
    assert await otp_start(simple, []) == ("bad_start_spec", [])
    assert await otp_start(simple, two) == ("bad_start_spec", two)
    assert await otp_start(simple, [Atom("x")]) == ("start_spec", ("invalid_child_spec", "x"))
    assert await init_returns(Atom("nonsense")) == ("bad_return", ("Elixir.OtpStyle", "init", "nonsense"))
    assert await init_returns((Atom("ok"), 5)) == ("supervisor_data", ("invalid_type", "ok"))
    assert await init_returns(Atom("ignore")) == "ignore"
    assert await OtpStyle.start_link("ignore") is None


async def test_the_defaults_of_otp_and_of_elixir() -> None:
    assert Flags.from_term({}) == Flags(Atom("one_for_one"), 1, 5, Atom("never"))
    assert Supervision([], strategy="one_for_all").flags == Flags(Atom("one_for_all"), 3, 5, Atom("never"))
    assert Flags.from_term((Atom("rest_for_one"), 2, 3)) == Flags(Atom("rest_for_one"), 2, 3, Atom("never"))


async def test_an_init_that_raises() -> None:
    class Raises(Supervisor):
        async def init(self) -> Any:
            raise RuntimeError("no")

    with pytest.raises(Exit) as failed:
        await Raises.start_link()
    assert failed.value.reason[0]["message"] == b"no"


async def test_a_supervisor_class_without_init() -> None:
    class Empty(Supervisor):
        pass

    with pytest.raises(Exit) as failed:
        await Empty.start_link()
    assert b"no init" in failed.value.reason[0]["message"]
    with pytest.raises(BadArg, match="no option 'strategy'"):
        await Empty.start_link(strategy="one_for_one")


def test_a_specification_for_another_node() -> None:
    spec = child_spec((Counter, 1))
    assert spec.for_supervisor(local=True) is spec
    assert spec.for_supervisor(local=False) == spec.to_term()
    named = child_spec((Counter, 1, {"name": "n"}))
    with pytest.raises(BadArg, match="takes no option 'name'"):
        named.for_supervisor(local=False)
