"""Functions of Elixir that only call one of Erlang: a table.

Source: the `defdelegate`s and one-line functions of Elixir 1.18; what the compiler inlines stays
callable by its own name, for `&Kernel.+/2` and `apply/3`.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyerlnode.services.evaluator.requests import Remote
from pyerlnode.services.evaluator.stdlib.registry import Library

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.services.evaluator.stdlib.arguments import Steps
    from pyerlnode.term import Term

# Elixir's module, and for each function: its name, the arguments' order, Erlang's module and name.
_TABLE: Final[dict[str, str]] = {
    "Kernel": """
        + 01 erlang +        - 01 erlang -          * 01 erlang *          / 01 erlang /
        + 0 erlang +         - 0 erlang -           ++ 01 erlang ++        -- 01 erlang --
        == 01 erlang ==      != 01 erlang /=        === 01 erlang =:=      !== 01 erlang =/=
        < 01 erlang <        <= 01 erlang =<        > 01 erlang >          >= 01 erlang >=
        div 01 erlang div    rem 01 erlang rem      not 0 erlang not       abs 0 erlang abs
        apply 01 erlang apply    apply 012 erlang apply    binary_part 012 erlang binary_part
        bit_size 0 erlang bit_size    byte_size 0 erlang byte_size    ceil 0 erlang ceil
        exit 0 erlang exit   floor 0 erlang floor   hd 0 erlang hd         tl 0 erlang tl
        is_atom 0 erlang is_atom       is_binary 0 erlang is_binary   is_bitstring 0 erlang is_bitstring
        is_boolean 0 erlang is_boolean  is_float 0 erlang is_float    is_function 0 erlang is_function
        is_function 01 erlang is_function   is_integer 0 erlang is_integer   is_list 0 erlang is_list
        is_map 0 erlang is_map         is_map_key 10 erlang is_map_key   is_number 0 erlang is_number
        is_pid 0 erlang is_pid         is_port 0 erlang is_port       is_reference 0 erlang is_reference
        is_tuple 0 erlang is_tuple     length 0 erlang length         make_ref _ erlang make_ref
        map_size 0 erlang map_size     max 01 erlang max              min 01 erlang min
        node _ erlang node             node 0 erlang node             round 0 erlang round
        self _ erlang self             send 01 erlang send            spawn 0 erlang spawn
        spawn 012 erlang spawn         spawn_link 0 erlang spawn_link spawn_link 012 erlang spawn_link
        spawn_monitor 0 erlang spawn_monitor   spawn_monitor 012 erlang spawn_monitor
        throw 0 erlang throw           trunc 0 erlang trunc           tuple_size 0 erlang tuple_size
    """,
    "Bitwise": """
        band 01 erlang band  bor 01 erlang bor      bxor 01 erlang bxor    bnot 0 erlang bnot
        bsl 01 erlang bsl    bsr 01 erlang bsr      &&& 01 erlang band     ||| 01 erlang bor
        ^^^ 01 erlang bxor   <<< 01 erlang bsl      >>> 01 erlang bsr      ~~~ 0 erlang bnot
    """,
    "Integer": """
        to_string 0 erlang integer_to_binary        to_string 01 erlang integer_to_binary
        to_charlist 0 erlang integer_to_list        to_charlist 01 erlang integer_to_list
        to_char_list 0 erlang integer_to_list       to_char_list 01 erlang integer_to_list
    """,
    "Float": "pow 01 math pow",
    "List": """
        duplicate 10 lists duplicate  flatten 0 lists flatten   flatten 01 lists flatten
        foldl 210 lists foldl         foldr 210 lists foldr     ends_with? 10 lists suffix
        to_atom 0 erlang list_to_atom            to_existing_atom 0 erlang list_to_existing_atom
        to_float 0 erlang list_to_float          to_integer 0 erlang list_to_integer
        to_integer 01 erlang list_to_integer     to_tuple 0 erlang list_to_tuple
    """,
    "Tuple": "to_list 0 erlang tuple_to_list",
    "Atom": """
        to_string 0 erlang atom_to_binary   to_charlist 0 erlang atom_to_list
        to_char_list 0 erlang atom_to_list
    """,
    "String": """
        to_integer 0 erlang binary_to_integer    to_integer 01 erlang binary_to_integer
        to_float 0 erlang binary_to_float        to_atom 0 erlang binary_to_atom
        to_existing_atom 0 erlang binary_to_existing_atom
    """,
    "Function": "info 0 erlang fun_info  info 01 erlang fun_info  capture 012 erlang make_fun",
    "Process": """
        alive? 0 erlang is_process_alive   link 0 erlang link             unlink 0 erlang unlink
                                           demonitor 0 erlang demonitor   demonitor 01 erlang demonitor
        exit 01 erlang exit                flag 01 erlang process_flag    flag 012 erlang process_flag
        group_leader _ erlang group_leader group_leader 10 erlang group_leader
        list _ erlang processes            registered _ erlang registered
        send 012 erlang send               spawn 01 erlang spawn_opt      spawn 0123 erlang spawn_opt
        read_timer 0 erlang read_timer     hibernate 012 erlang hibernate
        alias _ erlang alias               alias 0 erlang alias           unalias 0 erlang unalias
    """,
    "Node": """
        self _ erlang node          list _ erlang nodes           list 0 erlang nodes
        alive? _ erlang is_alive    get_cookie _ erlang get_cookie
        spawn 01 erlang spawn       spawn 0123 erlang spawn       spawn_link 01 erlang spawn_link
        spawn_link 0123 erlang spawn_link        monitor 01 erlang monitor_node
        spawn_monitor 01 erlang spawn_monitor    spawn_monitor 0123 erlang spawn_monitor
        ping 0 net_adm ping         disconnect 0 erlang disconnect_node      connect 0 net_kernel connect_node
    """,
    "System": """
        system_time _ erlang system_time    monotonic_time _ erlang monotonic_time    os_time _ os system_time
        time_offset _ erlang time_offset    unique_integer _ erlang unique_integer
        unique_integer 0 erlang unique_integer
    """,
}
_GROUPS: Final = {"Process": "process", "Node": "process", "System": "time"}
_PROCESS: Final = frozenset(
    {"exit", "make_ref", "node", "self", "send", "spawn", "spawn_link", "spawn_monitor"}
)


def _caller(order: tuple[int, ...], module: str, name: str) -> Callable[..., Steps]:
    def call(*args: Term) -> Steps:
        return (yield Remote(module, name, tuple(args[at] for at in order)))

    return call


def _register(elixir: str, table: str) -> None:
    library = Library(f"Elixir.{elixir}", group=_GROUPS.get(elixir, "pure"))
    words = table.split()
    for name, digits, module, target in zip(*[iter(words)] * 4, strict=True):
        order = () if digits == "_" else tuple(map(int, digits))
        group = "process" if elixir == "Kernel" and name in _PROCESS else None
        library.function(name, len(order), group=group)(_caller(order, module, target))


for _elixir, _table in _TABLE.items():
    _register(_elixir, _table)
