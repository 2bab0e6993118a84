# ruff: noqa: E501 (a template is one line)
"""Random expressions of Erlang and Elixir, each the same for the same seed.

A grammar is a table of templates for each kind of value.  In a template `«int»` is any expression of
that kind, `«new int»` a new variable that may be used from there to the end of its scope, `«again»`
a pattern that is the value of a variable in scope, and `«(»` ... `«)»` a scope.  Kinds are kept
nearly everywhere, so that most expressions have a value; where they are not, the failure counts.
Whatever grows is kept small: shifts, repetitions and recursion are of counts below ten.

Where releases do not agree there is nothing to compare.  Up to OTP 27 `lists:sort/1` may turn 1 and
1.0 round, so only integers are sorted; and Elixir compiles the patterns of maps that stand inside the key
of a map to what no release of erl_eval knows, so there are none.

Proof: interop/test_random_closures.py.
"""

from __future__ import annotations

import random
import re
from functools import cache
from typing import Final, NamedTuple

Grammar = dict[str, tuple[list[str], list[str]]]

STRANGE: Final = 0.02  # how often an expression is not of the kind that it should be
_HOLE: Final = re.compile("«([^»]+)»")
_GIVES_ZEROS: Final = re.compile(r"\((- ?«\w+»|«\w+» [*/] «\w+»)\)")
# Not maps: as lists, they would show the order of their keys.
_KINDS: Final = ("int", "float", "bool", "atom", "ints", "tuple", "bin", "any", "num")

_NUMBERS: Final = ["0", "1", "2", "3", "-1", "-7", "255", "100", "65536"]
_BIGS: Final = ["18446744073709551616", "-9223372036854775809", "1180591620717411303425", "4294967295"]
_FLOATS: Final = [
    "0.0",
    "1.0",
    "1.5",
    "-2.5",
    "0.1",
    "1.0e22",
    "-3.0",
    "255.0",
    "1.0e300",
    "9007199254740992.0",
]

ERLANG: Final[Grammar] = {
    "int": (
        [*_NUMBERS, *_NUMBERS, *_BIGS, "$a", "16#ff"],
        [
            "(«int» + «int»)",
            "(«int» - «int»)",
            "(«int» * «int»)",
            "(«int» div «int»)",
            "(«int» rem «int»)",
            "(«int» band «int»)",
            "(«int» bor «int»)",
            "(«int» bxor «int»)",
            "(bnot «int»)",
            "(- «int»)",
            "(«int» bsl «count»)",
            "(«int» bsr «count»)",
            "abs(«int»)",
            "trunc(«num»)",
            "round(«num»)",
            "floor(«num»)",
            "ceil(«num»)",
            "length(«ints»)",
            "hd(«ints»)",
            "byte_size(«bin»)",
            "bit_size(«bin»)",
            "tuple_size(«tuple»)",
            "map_size(«map»)",
            "lists:sum(«ints»)",
            "lists:foldl(«(»fun(«new int», «new int») -> «int» end«)», «int», «ints»)",
            "case «int» of «(»«new int» when «guard» -> «int»«)»; _ -> «int» end",
            "case «ints» of «(»[«new int» | _] -> «int»«)»; [] -> «int» end",
            "«(»begin «1 new int» = «int», «2 int» end«)»",
            "if «guard» -> «int»; true -> «int» end",
            "«(»(fun F(0, «new int») -> «int»; F(N, A) -> F(N - 1, A + «int») end)(«count», «int»)«)»",
            "(«fun»)(«int»)",
            "(try «int» catch _:_ -> «int» end)",
            "(try «int» of «(»«new int» when «guard» -> «int»«)» catch error:_ -> «int» after «any» end)",
            "«(»begin <<«1 new int»:«count», _/bits>> = «bin», «2 int» end«)»",
            "«(»begin <<«1 new int»:16/«sign»-«endian», _/bits>> = «bin», «2 int» end«)»",
            "maps:get(«key», «map», «int»)",
            "binary:decode_unsigned(«bin»)",
            "«(»begin {«1 new int», «1 new int»} = {«int», «int»}, «2 int» end«)»",
        ],
    ),
    "count": (["0", "1", "2", "3", "4", "5", "7", "8"], ["length([«any», «any»])", "(«count» band 7)"]),
    "float": (
        _FLOATS,
        [
            "(«num» / «num»)",
            "float(«num»)",
            "(«float» + «num»)",
            "(«num» * «float»)",
            "(- «float»)",
            "«(»begin <<«1 new float»/float>> = <<«num»/float>>, «2 float» end«)»",
            "«(»begin <<«1 new float»:32/float-little>> = <<«num»:32/float-little>>, «2 float» end«)»",
        ],
    ),
    "num": (
        ["1", "0", "2.0", "-1.5"],
        ["«int»", "«float»", "max(«num», «num»)", "min(«num», «num»)", "(«num» - «num»)", "abs(«num»)"],
    ),
    "bool": (
        ["true", "false"],
        [
            *[f"(«any» {op} «any»)" for op in ("==", "/=", "=:=", "=/=", "<", ">", "=<", ">=")],
            *[f"(«num» {op} «num»)" for op in ("==", "/=", "=:=", "=/=", "<", ">", "=<", ">=")],
            "(«bool» and «bool»)",
            "(«bool» or «bool»)",
            "(«bool» xor «bool»)",
            "(not «bool»)",
            "(«bool» andalso «any»)",
            "(«bool» andalso «bool»)",
            "(«bool» orelse «bool»)",
            "is_integer(«any»)",
            "is_float(«any»)",
            "is_list(«any»)",
            "is_map(«any»)",
            "is_binary(«any»)",
            "is_bitstring(«any»)",
            "is_atom(«any»)",
            "is_map_key(«key», «map»)",
            "lists:member(«any», «list»)",
            "is_function(«fun», «count»)",
            "is_boolean(«any»)",
            "is_number(«any»)",
            "is_tuple(«any»)",
        ],
    ),
    "atom": (
        ["a", "b", "ok", "error", "true", "undefined", "nil", "'A b'", "[]"],
        ["element(1, {«atom», «any»})", "«bool»"],
    ),
    "ints": (
        ["[]", "[1]", "[1, 2, 3]", '"abc"', "[3, 1, 2, 1]"],
        [
            "[«int», «int»]",
            "[«int» | «ints»]",
            "(«ints» ++ «ints»)",
            "(«ints» -- «ints»)",
            "tl(«ints»)",
            "lists:reverse(«ints»)",
            "lists:sort([X || X <- «ints», is_integer(X)])",
            "lists:usort(«ints»)",
            "lists:seq(1, «count»)",
            "«(»[«2 int» || «1 gens»]«)»",
            "lists:map(«fun», «ints»)",
            "«(»lists:filter(fun(«new int») -> «bool» end, «ints»)«)»",
            "binary_to_list(«bin»)",
            "integer_to_list(«int»)",
            "tuple_to_list({«int», «int»})",
            "«(»case «ints» of [_, «new int» | _] when «guard» -> [«int»]; «new ints» -> «ints» end«)»",
        ],
    ),
    "list": (
        ["[]", "[a, 1.0, 1]"],
        [
            "«ints»",
            "[«any», «any»]",
            "[«any» | «any»]",
            "[«any» | «list»]",
            "maps:keys(#{«key» => «any»})",
            "lists:sort([«atom», «bin», {«any»}, «map»])",
            "lists:usort([«atom», «bin», «atom»])",
            "«(»[«2 any» || «1 gens»]«)»",
        ],
    ),
    "tuple": (
        ["{}", "{a}", "{1, 1.0}", "{ok, <<1>>}"],
        [
            "{«any», «any»}",
            "{«any», «any», «any»}",
            "setelement(«count», «tuple», «any»)",
            "list_to_tuple(«list»)",
            "erlang:append_element(«tuple», «any»)",
        ],
    ),
    "key": (["a", "b", "1", "1.0", "<<>>", "[]", "{}", "0.0", "-0.0", "true"], ["«any»"]),
    "map": (
        ["#{}", "#{a => 1}", "#{1 => a, 1.0 => b}", "#{b => #{}}"],
        [
            "#{«key» => «any»}",
            "#{«key» => «any», «key» => «any»}",
            "(«map»)#{«key» => «any»}",
            "(«map»)#{«key» := «any»}",
            "(«map»)#{a => «any», b => «any»}",
            "maps:put(«key», «any», «map»)",
            "maps:merge(«map», «map»)",
            "maps:remove(«key», «map»)",
            "maps:from_list([{«key», «any»}, {«key», «any»}])",
            "«(»maps:map(fun(_, «new any») -> «any» end, #{«key» => «any»})«)»",
        ],
    ),
    "bin": (
        ["<<>>", "<<1, 2, 3>>", '<<"abc">>', "<<255, 128, 0, 7>>", '<<"é"/utf8>>', "<<5:3>>", "<<1, 2:4>>"],
        [
            "<<«int»>>",
            "<<«int», «int»:16>>",
            "<<«int»:«count»>>",
            "<<«int»:«count»/unit:4>>",
            "<<«int»:16/«endian»>>",
            "<<«int»:13/«endian»>>",
            "<<(«bin»)/bits, «int»>>",
            "<<(«bin»)/binary, «int»:3>>",
            "<<«num»/float>>",
            "<<«num»:32/float-«endian»>>",
            "<<«num»:16/float>>",
            "<<(«bin»):«count»/binary>>",
            "<<(«bin»):«count»/bits>>",
            "<<«int»/utf8>>",
            "<<(«int» band 16#ffff)/utf16-«endian»>>",
            "<<(abs(«int») rem 55296)/utf8, 33>>",
            "«(»<< <<«2 int»:«2 count»>> || «1 gens» >>«)»",
            "«(»<< <<«2 int»>> || «1 gens» >>«)»",
            "«(»begin <<_:«count», «1 new bin»/bits>> = «bin», «2 bin» end«)»",
            "«(»begin <<«1 new bin»:«count»/binary, _/bits>> = «bin», «2 bin» end«)»",
            "«(»case «bin» of <<N, «new bin»:N/binary, _/bits>> -> «bin»; <<_, «new bin»/bits>> -> «bin»; _ -> <<>> end«)»",
            "list_to_binary([«bin», «ints»])",
            "integer_to_binary(«int»)",
            "float_to_binary(«float», [short])",
            "atom_to_binary(«atom»)",
            "binary:part(<< <<X>> || <<X>> <= «bin» >>, 0, «count»)",
        ],
    ),
    "fun": (
        ["fun erlang:abs/1", "fun(X) -> X end"],
        [
            "fun(«(»«new int») -> «int» end«)»",
            "fun(«(»«new int») when «guard» -> «int»; (_) -> «int» end«)»",
            "«(»fun G(0) -> «int»; G(N) when N > 0, N < 9 -> G(N - 1); G(«new int») -> «int» end«)»",
        ],
    ),
    "guard": (
        ["true", "1 < 2"],
        [
            "«gterm» < «gterm»",
            "«gterm» == «gterm»",
            "«gterm» =:= «gterm»",
            "«gterm» >= «gterm»",
            "«gterm» =/= «gterm»",
            "is_integer(«gterm»)",
            "is_list(«gterm»)",
            "is_map(«gterm»)",
            "is_float(«gterm»)",
            "«guard», «guard»",
            "«guard»; «guard»",
            "(is_atom(«gterm») andalso «gterm» == a)",
            "(«gterm» + 1 > «gterm» orelse is_atom(«gterm»))",
            "not is_tuple(«gterm»)",
            "length(«gterm») > 1",
            "hd(«gterm») =:= 1",
            "map_get(a, «gterm») =:= 1",
            "element(1, «gterm») == a",
            "byte_size(«gterm») > 1",
            "is_map_key(a, «gterm»)",
            "tuple_size(«gterm») == 2",
            "«gterm»",
            "(is_list(«gterm») and (length(«gterm») > 0))",
            "«gterm» rem 2 =:= 0",
            "abs(«gterm») > 1",
            "«gterm» / 2 > 1",
        ],
    ),
    "gterm": (
        ["1", "a", "1.0", "[]", "0", "<<>>", "true"],
        ["{a, «gterm»}", "[«gterm»]", "(«gterm» + «gterm»)", "#{a => «gterm»}", "<<«gterm»>>"],
    ),
    "pat": (
        ["_", "«new any»", "1", "a", "[]", "1.0", "{}", "#{}", "<<>>", '"abc"'],
        [
            "«new any»",
            "{«pat», «pat»}",
            "[«pat» | «pat»]",
            "[«pat»]",
            "#{a := «pat»}",
            "#{1 := «pat», b := «pat»}",
            "{«pat»}",
            "«again»",
            "{«pat», «pat»} = «new any»",
            "<<_, «new bin»/bits>>",
            "<<«new int»:«size», _/bits>>",
            "<<«new int»/utf8, _/binary>>",
            '"a" ++ «new any»',
            "[«pat», «pat» | «pat»]",
            "<<«new int»:16/«endian»-«sign»>>",
            "<<1, _/binary>>",
            "<<«new int»:5/signed, _:«size», «new bin»/bits>>",
        ],
    ),
    "size": (["1", "3", "8", "12", "16", "0"], []),
    "endian": (["big", "little"], []),
    "sign": (["signed", "unsigned"], []),
    "gens": (
        ["«1 new int» <- «ints»"],
        [
            "«1 new int» <- «ints», «2 guard1»",
            "«1 new int» <- «ints», «2 bool»",
            "«1 pat» <- «list»",
            "«1 new int» <- «ints», «2 gens»",
            "<<«1 new int»>> <= «bin»",
            "<<«1 new int»:3>> <= «bin»",
            "<<«1 new int»:16/«endian», _:«width»>> <= «bin»",
            "<<«1 new int»/utf8>> <= «bin»",
            "<<1:1, «1 new int»:7>> <= «bin»",
            "{«1 pat», «1 pat»} <- «list»",
            "<<«1 new bin»:2/binary>> <= «bin»",
        ],
    ),
    "guard1": (["«gterm» < «gterm»"], ["«gterm» + 1 > 2", "hd(«gterm») == a", "is_atom(«gterm»)", "«gterm»"]),
    "width": (["1", "4", "8"], []),
    "any": (
        ["1", "a", "1.0", "[]", '<<"x">>', "{}", "-0.0"],
        [
            *[
                f"«{kind}»"
                for kind in ("int", "float", "bool", "atom", "ints", "list", "tuple", "map", "bin", "num")
            ]
            * 2,
            "case «any» of «(»«pat» when «guard» -> «any»«)»; «(»«pat» -> «any»«)»; «(»«pat» -> «any»«)» end",
            "case «any» of «(»«pat» -> «any»«)»; «(»«pat» when «guard» -> «any»«)»; _ -> «any» end",
            "«(»begin «1 pat» = «any», «2 any» end«)»",
            "(fun(«(»«pat», «pat») -> «any»«)»; («(»«pat», «pat») when «guard» -> «any»«)»; (_, _) -> «any» end)(«any», «any»)",
            "if «guard» -> «any»; «guard» -> «any» end",
            "(try «any» catch «(»«class»:«pat» -> «any»«)» end)",
            "(try «any» of «(»«pat» -> «any»«)»; «(»«pat» -> «any»«)» catch «(»_:«pat» -> «any»«)» end)",
            "(try «any» catch «(»«class»:«pat» when «guard» -> «any»«)»; «(»_:«new any» -> {«any», caught}«)» after «any» end)",
            "(catch «any»)",
            "throw(«any»)",
            "error(«any»)",
            "exit(«any»)",
            "element(«count», «tuple»)",
            "maps:get(«key», «map»)",
            "maps:find(«key», «map»)",
            "«(»begin «1 new any» = «any», {«2 any», «2 any»} end«)»",
            "hd(«list»)",
            "(«fun»)(«any»)",
            "(«any»)(«any»)",
            "lists:foldl(«(»fun(«new any», «new any») -> «any» end«)», «any», «list»)",
            "«(»begin «1 new any» = «any», case «2 any» of «3 again» -> same; _ -> «3 any» end end«)»",
        ],
    ),
    "class": (["error", "throw", "exit", "_"], []),
}

ELIXIR: Final[Grammar] = {
    "int": (
        [*_NUMBERS, *_NUMBERS, *_BIGS, "?a", "0xFF"],
        [
            "(«int» + «int»)",
            "(«int» - «int»)",
            "(«int» * «int»)",
            "div(«int», «int»)",
            "rem(«int», «int»)",
            "(-«int»)",
            "abs(«int»)",
            "Bitwise.band(«int», «int»)",
            "Bitwise.bor(«int», «int»)",
            "Bitwise.bsl(«int», «count»)",
            "Bitwise.bsr(«int», «count»)",
            "trunc(«num»)",
            "round(«num»)",
            "floor(«num»)",
            "ceil(«num»)",
            "length(«ints»)",
            "hd(«ints»)",
            "byte_size(«bin»)",
            "bit_size(«bin»)",
            "tuple_size(«tuple»)",
            "map_size(«map»)",
            "Enum.sum(«ints»)",
            "Enum.count(«ints»)",
            "String.length(«text»)",
            "«(»Enum.reduce(«ints», «int», fn «new int», «new int» -> «int» end)«)»",
            "(case «int» do «(»«new int» when «guard» -> «int»«)»; _ -> «int» end)",
            "(case «ints» do «(»[«new int» | _] -> «int»«)»; [] -> «int» end)",
            "«(»(«1 new int» = «int»; «2 int»)«)»",
            "(if «bool», do: «int», else: «int»)",
            "(cond do «bool» -> «int»; «bool» -> «int»; true -> «int» end)",
            "(«fun»).(«int»)",
            "(try do «int» rescue _ -> «int» end)",
            "(try do «int» catch _, _ -> «int» end)",
            "«(»(with «1 new int» when «1 guard» <- «int», «2 new int» <- «2 int» do «3 int» end)«)»",
            "«(»(<<«1 new int»::size(«count»), _::bitstring>> = «bin»; «2 int»)«)»",
            "«(»(<<«1 new int»::«sign»-«endian»-16, _::bits>> = «bin»; «2 int»)«)»",
            "Map.get(«map», «key», «int»)",
            "«(»({«1 new int», «1 new int»} = {«int», «int»}; «2 int»)«)»",
            "Integer.mod(«int», «int»)",
            "Integer.floor_div(«int», «int»)",
            "«(»(for «1 gens», reduce: 0 do «2 new int» -> «2 int» end)«)»",
            "(«ints» |> Enum.map(«fun») |> Enum.sum())",
        ],
    ),
    "count": (["0", "1", "2", "3", "4", "5", "7", "8"], ["length([«any», «any»])"]),
    "float": (
        _FLOATS,
        [
            "(«num» / «num»)",
            "(«float» + «num»)",
            "(«num» * «float»)",
            "(-«float»)",
            "«(»(<<«1 new float»::float>> = <<«num»::float>>; «2 float»)«)»",
        ],
    ),
    "num": (
        ["1", "0", "2.0", "-1.5"],
        ["«int»", "«float»", "max(«num», «num»)", "min(«num», «num»)", "(«num» - «num»)"],
    ),
    "bool": (
        ["true", "false"],
        [
            *[f"(«any» {op} «any»)" for op in ("==", "!=", "===", "!==", "<", ">", "<=", ">=")],
            *[f"(«num» {op} «num»)" for op in ("==", "!=", "===", "!==", "<", ">", "<=", ">=")],
            "(«bool» and «bool»)",
            "(«bool» or «bool»)",
            "(not «bool»)",
            "(!«any»)",
            "(«bool» and «any»)",
            "(«any» in «list»)",
            "is_integer(«any»)",
            "is_float(«any»)",
            "is_list(«any»)",
            "is_map(«any»)",
            "is_binary(«any»)",
            "is_nil(«any»)",
            "is_map_key(«map», «key»)",
            "is_function(«fun», «count»)",
            "match?(«(»«pat»«)», «any»)",
            "(«int» in 1..5)",
            "(«int» in [1, 2, 3])",
            "Enum.any?(«ints», «(»fn «new int» -> «bool» end«)»)",
            "Enum.member?(«list», «any»)",
        ],
    ),
    "atom": ([":a", ":b", ":ok", "nil", "true", ':"A b"', "Foo"], ["elem({«atom», «any»}, 0)", "«bool»"]),
    "ints": (
        ["[]", "[1]", "[1, 2, 3]", '~c"abc"', "[3, 1, 2, 1]"],
        [
            "[«int», «int»]",
            "[«int» | «ints»]",
            "(«ints» ++ «ints»)",
            "(«ints» -- «ints»)",
            "tl(«ints»)",
            "Enum.reverse(«ints»)",
            "Enum.sort(for x <- «ints», is_integer(x), do: x)",
            "Enum.to_list(1..«count»//1)",
            "«(»(for «1 gens», do: «2 int»)«)»",
            "Enum.map(«ints», «fun»)",
            "«(»Enum.filter(«ints», fn «new int» -> «bool» end)«)»",
            ":binary.bin_to_list(«bin»)",
            "Enum.take(«ints», «count»)",
            "«(»(case «ints» do [_, «new int» | _] when «guard» -> [«int»]; «new ints» -> «ints» end)«)»",
            "Enum.map(«ints», &(&1 + «int»))",
            "Enum.uniq(«ints»)",
            "Enum.zip_with(«ints», «ints», fn a, b -> a + b end)",
        ],
    ),
    "list": (
        ["[]", "[:a, 1.0, 1]", "[a: 1]"],
        [
            "«ints»",
            "[«any», «any»]",
            "[«any» | «any»]",
            "[«any» | «list»]",
            "Enum.sort([«atom», «bin», {«any»}, «map»])",
            "«(»(for «1 gens», do: «2 any»)«)»",
            "[a: «any», b: «any»]",
            "Map.keys(%{«key» => «any»})",
            "«(»(for «1 gens», uniq: true, do: «2 any»)«)»",
        ],
    ),
    "tuple": (
        ["{}", "{:a}", "{1, 1.0}", "{:ok, <<1>>}"],
        [
            "{«any», «any»}",
            "{«any», «any», «any»}",
            "put_elem(«tuple», «count», «any»)",
            "List.to_tuple(«list»)",
        ],
    ),
    "key": ([":a", ":b", "1", "1.0", '"a"', "[]", "nil", "true"], ["«any»"]),
    "map": (
        ["%{}", "%{a: 1}", "%{1 => :a, 1.0 => :b}", "%{b: %{}}"],
        [
            "%{«key» => «any»}",
            "%{«key» => «any», a: «any»}",
            "%{«map» | a: «any»}",
            "Map.put(«map», «key», «any»)",
            "Map.merge(«map», «map»)",
            "Map.delete(«map», «key»)",
            "Map.new([{«key», «any»}, {«key», «any»}])",
            "«(»(for «1 gens», into: %{}, do: {«2 key», «2 any»})«)»",
            "Map.update(«map», «key», «any», fn _ -> «any» end)",
            "Map.take(«map», [:a, «key»])",
        ],
    ),
    "text": (
        ['""', '"abc"', '"é✓"', '"a\\nb"'],
        [
            '"x#{«any»}"',
            '"#{«num»}-#{«atom»}"',
            "(«text» <> «text»)",
            "to_string(«num»)",
            "String.upcase(«text»)",
            "inspect(«num»)",
            "Integer.to_string(«int»)",
            'Enum.join(«ints», ",")',
            "String.reverse(«text»)",
            "Atom.to_string(«atom»)",
            '"#{«ints»}"',
            '«(»(for <<«1 new int» <- «text»>>, into: "", do: <<«2 int»>>)«)»',
        ],
    ),
    "bin": (
        ["<<>>", "<<1, 2, 3>>", '"abc"', "<<255, 128, 0, 7>>", '"é"', "<<5::3>>", "<<1, 2::4>>"],
        [
            "«text»",
            "<<«int», «int»::16>>",
            "<<«int»::size(«count»)>>",
            "<<«int»::size(«count»)-unit(4)>>",
            "<<«int»::16-«endian»>>",
            "<<«int»::13-«endian»>>",
            "<<«bin»::bits, «int»>>",
            "<<«bin»::binary, «int»::3>>",
            "<<«num»::float>>",
            "<<«num»::float-32-«endian»>>",
            "<<«num»::float-16>>",
            "<<«bin»::binary-size(«count»)>>",
            "<<«int»::utf8>>",
            "<<abs(«int»)::utf16-«endian»>>",
            "«(»(for «1 gens», into: <<>>, do: <<«2 int»::4>>)«)»",
            "«(»(<<_::size(«count»), «1 new bin»::bits>> = «bin»; «2 bin»)«)»",
            "«(»(<<«1 new bin»::binary-size(«count»), _::bits>> = «bin»; «2 bin»)«)»",
            "(case «bin» do «(»<<n, «new bin»::binary-size(n), _::bits>> -> «bin»«)»; «(»<<_, «new bin»::bits>> -> «bin»«)»; _ -> <<>> end)",
            ":binary.part(for(<<x <- «bin»>>, into: <<>>, do: <<x>>), 0, «count»)",
        ],
    ),
    "fun": (
        ["&abs/1", "& &1"],
        [
            "«(»fn «new int» -> «int» end«)»",
            "(fn «(»«new int» when «guard» -> «int»«)»; _ -> «int» end)",
            "&(&1 * 2)",
            "&rem(&1, 3)",
        ],
    ),
    "guard": (
        ["true", "1 < 2"],
        [
            "«gterm» < «gterm»",
            "«gterm» == «gterm»",
            "«gterm» === «gterm»",
            "«gterm» >= «gterm»",
            "is_integer(«gterm»)",
            "is_list(«gterm»)",
            "is_map(«gterm»)",
            "«guard» when «guard»",
            "(is_atom(«gterm») and «gterm» == :a)",
            "(«gterm» + 1 > «gterm» or is_atom(«gterm»))",
            "not is_tuple(«gterm»)",
            "length(«gterm») > 1",
            "hd(«gterm») === 1",
            "map_size(«gterm») > 0",
            "elem(«gterm», 0) == :a",
            "byte_size(«gterm») > 1",
            "is_nil(«gterm»)",
            "is_map_key(«gterm», :a)",
            "«gterm» in [1, :a, 1.0]",
            "«gterm» in 1..9",
            "rem(«gterm», 2) == 0",
            "«gterm» / 2 > 1",
            "is_struct(«gterm»)",
        ],
    ),
    "gterm": (
        ["1", ":a", "1.0", "[]", "0", '"a"', "true", "nil"],
        ["{:a, «gterm»}", "[«gterm»]", "(«gterm» + «gterm»)", "abs(«gterm»)"],
    ),
    "pat": (
        ["_", "«new any»", "1", ":a", "[]", "1.0", "{}", "%{}", '"abc"', "nil"],
        [
            "«new any»",
            "{«pat», «pat»}",
            "[«pat» | «pat»]",
            "[«pat»]",
            "%{a: «pat»}",
            "%{1 => «pat», :b => «pat»}",
            "{«pat»}",
            "«again»",
            "{«pat», «pat»} = «new any»",
            "<<_, «new bin»::bits>>",
            "<<«new int»::«size», _::bits>>",
            "<<«new int»::utf8, _::binary>>",
            '"a" <> «new bin»',
            "[«pat», «pat» | «pat»]",
            "[{:a, «pat»} | _]",
            "<<«new int»::16-«endian»-«sign»>>",
        ],
    ),
    "size": (["1", "3", "8", "12", "16"], []),
    "endian": (["big", "little"], []),
    "sign": (["signed", "unsigned"], []),
    "gens": (
        ["«1 new int» <- «ints»"],
        [
            "«1 new int» <- «ints», «2 bool»",
            "«1 pat» <- «list»",
            "«1 new int» <- «ints», «2 gens»",
            "«1 new int» <- 1..«count»//1",
            "<<«1 new int» <- «bin»>>",
            "<<«1 new int»::3 <- «bin»>>",
            "<<«1 new int»::16-«endian», _::4 <- «bin»>>",
            "<<«1 new int»::utf8 <- «text»>>",
            "{«1 pat», «1 pat»} <- %{«1 key» => «1 any»}",
            "{:a, «1 pat»} <- «list»",
            "«1 new int» when «1 guard» <- «ints»",
            "«1 new int» <- «ints», «2 new int» = «2 int»",
        ],
    ),
    "any": (
        ["1", ":a", "1.0", "[]", '"x"', "{}", "nil"],
        [
            *[
                f"«{kind}»"
                for kind in (
                    "int",
                    "float",
                    "bool",
                    "atom",
                    "ints",
                    "list",
                    "tuple",
                    "map",
                    "bin",
                    "num",
                    "text",
                )
            ]
            * 2,
            "(case «any» do «(»«pat» when «guard» -> «any»«)»; «(»«pat» -> «any»«)»; «(»«pat» -> «any»«)» end)",
            "(case «any» do «(»«pat» -> «any»«)»; «(»«pat» when «guard» -> «any»«)»; _ -> «any» end)",
            "«(»(«1 pat» = «any»; «2 any»)«)»",
            "(«any» && «any»)",
            "(«any» || «any»)",
            "(if «any», do: «any»)",
            "(unless «any», do: «any», else: «any»)",
            "(fn «(»«pat», «pat» -> «any»«)»; «(»«pat», «pat» when «guard» -> «any»«)»; _, _ -> «any» end).(«any», «any»)",
            "(cond do «any» -> «any»; «bool» -> «any» end)",
            "(try do «any» catch «(»«class», «pat» -> «any»«)» end)",
            "(try do «any» rescue ArithmeticError -> :arith; ArgumentError -> :arg end)",
            "(try do «any» rescue e in [ArithmeticError, MatchError, CaseClauseError, KeyError, BadMapError] -> e.__struct__ end)",
            "(try do «any» catch «(»«class», «pat» when «guard» -> «any»«)»; «(»_, «new any» -> {«any», :caught}«)» after «any» end)",
            "(try do «any» rescue _ -> :rescued else «(»«pat» -> «any»«)»; _ -> :other end)",
            "«(»(with «1 pat» <- «any», «2 pat» <- «2 any» do «3 any» end)«)»",
            "(with «(»«1 pat» <- «any», «2 new any» = «2 any» do «3 any»«)» else «(»«pat» -> «any»«)»; «(»«pat» when «guard» -> «any»«)» end)",
            "throw(«any»)",
            ":erlang.error(«any»)",
            "exit(«any»)",
            "elem(«tuple», «count»)",
            "Map.get(«map», «key»)",
            "(«map»).a",
            "Map.fetch(«map», «key»)",
            "Map.fetch!(«map», «key»)",
            "«(»(«1 new any» = «any»; {«2 any», «2 any»})«)»",
            "hd(«list»)",
            "(«fun»).(«any»)",
            "(«any» |> then(«(»fn «new any» -> «any» end«)»))",
            "Enum.reduce(«list», «any», «(»fn «new any», «new any» -> «any» end«)»)",
            "«(»(«1 new any» = «any»; case «2 any» do «3 again» -> :same; _ -> «3 any» end)«)»",
            "Enum.at(«list», «count»)",
            "(«list»)[:a]",
            "(«map»)[«key»]",
            'raise("no")',
            "Enum.group_by(«ints», «fun»)",
            "Enum.with_index(«list»)",
        ],
    ),
    "class": ([":error", ":throw", ":exit", "_"], []),
}


class Closure(NamedTuple):
    """A closure's language and its source."""

    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.language}: {self.text}"


class Variable(NamedTuple):
    """A variable in scope, and the kind of its values."""

    name: str
    kind: str


class Expressions:
    """Makes closures of one language, one after the other."""

    def __init__(self, language: str, seed: int, *, signed_zeros: bool = True) -> None:
        """`signed_zeros`: whether -0.0 may come of arithmetic, as it is the same as 0.0 up to OTP 26."""
        self.language = language
        self._signed_zeros = signed_zeros
        self.grammar = ERLANG if language == "erlang" else ELIXIR
        self._pick = random.Random(f"{language} {seed}")
        self._scope: list[Variable] = []
        self._made = 0
        self._keys = 0  # of maps, that what is made now stands in

    def closure(self) -> Closure:
        """The next one."""
        self._scope, self._made = [], 0
        root = self._pick.choice(self.grammar["any"][1])
        body = self._filled(_parsed(root), self._pick.choice((1, 2, 3, 3, 4, 4)))
        return Closure(
            self.language, f"fun() -> {body} end." if self.language == "erlang" else f"fn -> {body} end"
        )

    def _one(self, kind: str, depth: int) -> str:
        """An expression (or a pattern, guard, ...) of a kind, at most so many templates deep."""
        if kind in _KINDS and self._pick.random() < STRANGE:
            kind = self._pick.choice(_KINDS)
        known = self._variables(kind)
        if known and self._pick.random() < 0.4:
            return self._pick.choice(known).name
        leaves, branches = self.grammar[kind]
        use = branches if branches and depth > 0 and self._pick.random() < 0.85 else leaves
        self._keys += kind == "key"
        template = self._pick.choice(
            [each for each in use if not (self._keys and self._is_of_map(kind, each))]
        )
        if not self._signed_zeros and _GIVES_ZEROS.fullmatch(template):
            template = f"({template} + 0)"
        made = self._filled(_parsed(template), depth - 1)
        self._keys -= kind == "key"
        return made

    def _is_of_map(self, kind: str, template: str) -> bool:
        return kind == "pat" and self.language == "elixir" and template.startswith("%{") and template != "%{}"

    def _variables(self, kind: str) -> list[Variable]:
        """Those that fit: where anything may stand, and in guards, they all do."""
        if kind in ("any", "gterm"):
            return self._scope
        wanted = ("int", "float", "num") if kind == "num" else (kind,)
        return [each for each in self._scope if each.kind in wanted]

    def _filled(self, template: Template, depth: int) -> str:
        """The template's text; what has a number comes later than what has a smaller one."""
        texts = list(map(str, template.parts))
        for at in sorted(range(len(texts)), key=lambda at: _turn(template.parts[at])):
            part = template.parts[at]
            if isinstance(part, Template):
                before = self._scope
                self._scope = list(before)
                texts[at] = self._filled(part, depth)
                self._scope = before
            elif isinstance(part, Hole):
                texts[at] = self._hole(part.kind, depth)
        return "".join(texts)

    def _hole(self, kind: str, depth: int) -> str:
        if kind.startswith("new "):
            return self._new(kind[4:])
        return self._again() if kind == "again" else self._one(kind, depth)

    def _new(self, kind: str) -> str:
        self._made += 1
        name = f"V{self._made}" if self.language == "erlang" else f"v{self._made}"
        self._scope.append(Variable(name, kind))
        return name

    def _again(self) -> str:
        if not self._scope:
            return "_"
        name = self._pick.choice(self._scope).name
        return name if self.language == "erlang" else f"^{name}"


class Hole(NamedTuple):
    """A place in a template: what stands there, and when its turn is."""

    kind: str
    turn: int


class Template(NamedTuple):
    """Text, places and scopes."""

    parts: list[str | Hole | Template]


def _turn(part: str | Hole | Template) -> int:
    return part.turn if isinstance(part, Hole) else 0


@cache
def _parsed(text: str) -> Template:
    scopes = [Template([])]
    for index, piece in enumerate(_HOLE.split(text)):
        if index % 2 == 0:
            scopes[-1].parts.append(piece)
        elif piece == "(":
            scopes.append(Template([]))
        elif piece == ")":
            done = scopes.pop()
            scopes[-1].parts.append(done)
        else:
            turn, _, kind = piece.partition(" ")
            scopes[-1].parts.append(Hole(kind, int(turn)) if turn.isdigit() else Hole(piece, 0))
    (whole,) = scopes
    return whole
