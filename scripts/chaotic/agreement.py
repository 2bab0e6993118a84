"""Whether all members believe the same, and nobody believes in the dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaotic.members import pid_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chaotic.members import View
    from pyerlnode.term import Pid


def differences(views: Mapping[str, View]) -> list[str]:
    """What is not as it should be, a sentence for each; none once all agree."""
    keepers = {name: view.keeper for name, view in views.items()}
    found: list[str] = []
    first = next(iter(views))
    for name, view in views.items():
        others = sorted(set(views) - {name})
        own_names = {f"chaos_{other}": keeper for other, keeper in keepers.items()}
        leader = views[first].names.get("leader")
        if leader is not None:
            own_names["leader"] = leader
        friends = [keepers[other] for other in others]
        found += _compare(name, "is connected to", view.nodes, others)
        found += _compare(name, "has the global names", _pairs(view.names), _pairs(own_names))
        found += _compare(name, "has in the group all", _texts(view.all), _texts(keepers.values()))
        found += _compare(name, "has in the group some", _texts(view.some), _texts(views[first].some))
        found += _compare(name, "monitors", _texts(view.monitored), _texts(friends))
        found += _compare(name, "is linked to", _texts(view.linked), _texts(friends))
    return found


def _compare(name: str, what: str, is_: list[str], wanted: list[str]) -> list[str]:
    if is_ == wanted:
        return []
    missing = [each for each in wanted if each not in is_]
    more = [each for each in is_ if each not in wanted]
    details = [f"without {', '.join(missing)}"] if missing else []
    details += [f"with {', '.join(more)}"] if more else []
    return [f"{name} {what} [{', '.join(is_)}] ({'; '.join(details) or 'another number of times'})"]


def _texts(pids: Iterable[Pid]) -> list[str]:
    return sorted(map(pid_text, pids))


def _pairs(names: Mapping[str, Pid]) -> list[str]:
    return sorted(f"{name}: {pid_text(pid)}" for name, pid in names.items())
