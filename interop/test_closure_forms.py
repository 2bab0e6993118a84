"""Expressions of Erlang, as closures, in the BEAM that made them and on a Python node: the same outcome."""

from __future__ import annotations

import pytest

EXPRESSIONS = r"""
X = 1, case 2 of X -> same; Y -> {X, Y} end
{X, X} = {1, 2}
X = 1, {X, Y} = {1, 2}, X + Y
X = 5, F = fun(X) -> X * 2 end, {F(3), X}
[X || X <- [1, 2, 3], X > 1]
X = 9, [X || X <- [1, 2]] ++ [X]
[{X, Y} || X <- [1, 2], Y <- [a, b]]
[X || {ok, X} <- [{ok, 1}, no, {ok, 2}]]
[X || X <- a]
[X || X <- [1 | 2]]
[X || X <- [1, 2], foo]
[X || X <- [1, a, 2], X + 1 > 2]
[X || X <- [1, a], erlang:abs(X) > 0]
<< <<X, Y>> || X <- [1, 2], <<Y>> <= <<7, 8>> >>
<< <<X:4>> || X <- [1, 2, 3] >>
[X || <<X:2, _:6>> <= <<255, 1, 128>>]
[X || <<1:4, X:4>> <= <<16#12, 16#23, 16#14>>]
[X || <<X:16>> <= <<1, 2, 3>>]
case {1, 2, 3} of {_, X, _} when X > 5; X =:= 2 -> X end
case 1 of 1.0 -> float; _ -> int end
case [] of [_ | _] -> cons; [] -> nil end
case x of y -> 1 end
if 1 > 2 -> a; true -> b end
if 1 > 2 -> a end
(fun(1) -> a end)(2)
(fun(X) -> X end)(1, 2)
F = fun F(0) -> done; F(N) -> F(N - 1) end, F(1000)
F = fun F([]) -> 0; F([_ | T]) -> 1 + F(T) end, F(lists:seq(1, 300))
try 1 of 1 -> one after ok end
try 1 of 2 -> two catch _:_ -> caught end
try throw(x) catch X -> {caught, X} end
try exit(x) catch exit:X -> {exit, X} end
try error(x) catch error:X -> {error, X} end
try error(x) catch throw:X -> X end
try error({a, 1}) catch error:{a, N} when N > 1 -> big; error:{a, N} -> N end
try X = 1, X + a catch error:E -> E end
try (try throw(a) after throw(b) end) catch X -> X end
try (try throw(a) catch a -> throw(b) end) catch X -> X end
catch throw(x)
catch exit(x)
element(1, catch error(x))
element(1, element(2, catch error(x)))
catch 1 + 1
1 + a
1 / 0
1 div 0
-7 div 2
-7 rem 2
7.5 div 2
1 bsl 70
1 bsr -3
-1 bsr 1
bnot 5
5 band 3 bor 8 bxor 1
1 / 2
4 / 2
1.0e308 * 10
+1
- (1.5)
not true
not 1
true and 1
true andalso 1
1 andalso true
false andalso error(x)
true orelse error(x)
1 == 1.0
1 =:= 1.0
1 < a
[1] < {1, 2}
#{a => 1} < [1]
<<1>> > [1]
#{1 => a, 1.0 => b}
#{a => 1}#{a := 2, b => 3}
#{a => 1}#{b := 2}
(fun(M) -> M#{a => 1} end)([])
#{a := X} = #{a => 1, b => 2}, X
K = b, #{K := X} = #{a => 1, b => 2}, X
#{c := _} = #{a => 1}
<<1, 2, 3:16>>
<<1:3, 2:5, 3:4>>
<<16#ABC:12/little>>
<<X:12/little>> = <<16#BC, 16#A:4>>, X
<<(-1):8>>
<<300>>
<<(-5):16/little-signed>>
<<X:8/signed>> = <<255>>, X
<<X:16/little-signed>> = <<255, 255>>, X
<<1.5/float>>
<<1.5:32/float-little>>
<<X:32/float>> = <<1.5:32>>, X
<<1/float>>
<<X/float>> = <<127, 240, 0, 0, 0, 0, 0, 0>>, X
<<"abc">>
<<"é"/utf8>>
<<16#1F600/utf8>>
<<16#1F600/utf16>>
<<16#1F600/utf32-little>>
<<16#D800/utf8>>
<<X/utf8, R/binary>> = <<"éa"/utf8>>, {X, R}
<<X/utf16-little, _/binary>> = <<16#1F600/utf16-little, 1>>, X
<<N, B:N/binary, R/bitstring>> = <<2, 1, 2, 3:4>>, {B, R}
<<A:4/binary-unit:4, _/bits>> = <<1, 2, 3>>, A
<<_:3, X:7, _/bits>> = <<170, 85>>, X
N = 4, <<X:N, _/bits>> = <<171>>, X
<<X/binary>> = <<1:3>>, X
<<(<<1, 2, 3>>):2/binary>>
<<(<<1, 2, 3>>):4/binary>>
<<(<<1:3>>)/binary>>
<<(<<1:3>>)/bitstring, 1:5>>
<<a>>
<<1:a>>
<<1:(-1)>>
"abc" ++ X = "abcd", X
[$a, $b]
"ab" ++ [1 | 2]
[1, 2] ++ 3
[] ++ 3
1 ++ [2]
[1, 2, 3, 2] -- [2, 4]
{A, B} = {1, {2, 3}}, {B, A}
{A, A} = {1, 1}
begin X = 1, X + 1 end
self() ! hello, receive hello -> got after 0 -> none end
receive after 0 -> late end
receive after 1 -> late end
receive after x -> late end
self() ! {n, 1}, self() ! {n, 2}, receive {n, 2} -> receive {n, X} -> X end end
put(k, 1), put(k, 2), {get(k), erase(k), get(k)}
nothere:f(1)
nothere()
lists:nothere(1)
M = lists, F = reverse, M:F([1, 2])
apply(lists, reverse, [[1, 2]])
apply(fun(X) -> X end, [1])
F = fun lists:reverse/1, F([1, 2])
F = fun erlang:'+'/2, F(1, 2)
5()
(5)(1)
element(3, {1, 2})
element(0, {1})
hd([])
tl([1 | 2])
length([1 | 2])
tuple_size([])
map_size([])
map_get(b, #{a => 1})
is_map_key(a, [])
byte_size(<<1:3>>)
bit_size(<<1:3>>)
setelement(2, {a, b}, c)
round(2.5) + round(-2.5)
trunc(-2.5)
floor(-2.5)
ceil(-2.5)
abs(-0.5)
float(3)
max(1, 1.0)
min(1, 1.0)
erlang:raise(throw, x, [])
erlang:raise(exit, {a, b}, [])
error(badarg)
exit({shutdown, 1})
throw({ball, 2})
is_function(fun() -> ok end, 0)
is_function(fun(_) -> ok end, 2)
X = [begin Y = Z, Y * 2 end || Z <- [1, 2]], X
F = fun(X) when is_list(X), length(X) > 1; is_tuple(X) -> yes; (_) -> no end, [F([1]), F([1, 2]), F({}), F(1)]
F = fun(X) when hd(X) > 1 -> yes; (_) -> no end, [F([]), F([2]), F(x)]
{ok, [{a, #{b := [X | _]}} = Y]} = {ok, [{a, #{b => [1, 2]}}]}, {X, Y}
case #{1 => a} of #{1.0 := X} -> X; #{1 := Y} -> Y end
"""

COMPARE = """
kate = :kate@localhost
run = fn fun ->
  try do {:ok, fun.()} catch kind, reason -> {kind, reason} end
end
there = fn fun ->
  try do {:ok, :erpc.call(kate, fun)} catch
    :error, {:exception, reason, _} -> {:error, reason}
    :exit, {:exception, reason} -> {:exit, reason}
    kind, reason -> {kind, reason}
  end
end
plain = fn
  {kind, {:badarity, {f, args}}} when is_function(f) -> {kind, {:badarity, args}}
  {kind, {:badfun, f}} when is_function(f) -> {kind, :badfun}
  {kind, reason} -> {kind, reason}
end
different =
  for text <- texts do
    {:ok, tokens, _} = :erl_scan.string(String.to_charlist("fun() -> " <> text <> " end."))
    {:ok, forms} = :erl_parse.parse_exprs(tokens)
    {:value, fun, _} = :erl_eval.exprs(forms, [])
    {text, plain.(run.(fun)), plain.(there.(fun))}
  end
  |> Enum.filter(fn {_, here, there} -> here !== there end)
different
"""


@pytest.mark.timeout(120)
def test_the_same_outcome_on_both_sides(beam_node, python_node, target, here) -> None:
    python_node("kate", target("exported.py:app"))
    alex = beam_node("alex")
    texts = [line for line in EXPRESSIONS.splitlines() if line]
    listed = ", ".join(map(elixir_text, texts))
    assert alex.eval_elixir(here(f"texts = [{listed}]\n{COMPARE}")).text == "[]"


def elixir_text(text: str) -> str:
    """A literal of Elixir."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("#{", "\\#{")
    return f'"{escaped}"'
