%% Evaluates Erlang and Elixir for the test harness, in a node that a test has started.
%%
%% Requests and answers are packets on a pair of pipes of their own, so that standard input
%% and output are the test's.  A packet is a list of fields, each with its length in 4 bytes.
%% Requests: [eval, ID, PROCESS, LANGUAGE, SOURCE], [cancel, PROCESS], [stop].
%% Answers: [ready, OS_PID, NODE], [ok, ID, TERM, TEXT], [raised, ID, TERM, TEXT, CLASS].
%% Evaluations with the same PROCESS run in one process, one after another, and share
%% variables, aliases, links, monitors and mailbox, as lines typed into one shell do.
%% Sent and compiled at start by pyerlnode/testing/nodes.py, without preprocessor; needs
%% OTP 25 and, for Elixir, 1.14.
-module(pyerlnode_evaluator).
-export([start/1]).

start(Port) ->
    Main = spawn(fun() ->
        receive owner -> ok end,
        started(init:notify_when_started(self())),
        io:setopts(user, [{encoding, unicode}]),
        say(Port, [<<"ready">>, list_to_binary(os:getpid()), atom_to_binary(node())]),
        loop(Port, #{})
    end),
    true = port_connect(Port, Main),
    unlink(Port),
    Main ! owner.

started(started) -> ok;
started(ok) -> receive {init, started} -> ok end.

%% Workers: #{Process => {Pid, Monitor, Id of the evaluation that runs, or none}}
loop(Port, Workers) ->
    receive
        {Port, {data, Packet}} ->
            loop(Port, request([Field || <<Length:32, Field:Length/binary>> <= Packet], Workers));
        {Port, eof} ->
            %% The test has ended, however it did: so does the node.
            erlang:halt(0, [{flush, false}]);
        {done, Name, Answer} ->
            say(Port, Answer),
            loop(Port, idle(Name, Workers));
        {'DOWN', _, process, Pid, Reason} ->
            loop(Port, ended(Port, Pid, Reason, Workers))
    end.

request([<<"eval">>, Id, Name, Language, Source], Workers) ->
    {Pid, Monitor, _} = worker(Name, Workers),
    Pid ! {pyerlnode_evaluate, Id, Language, Source},
    Workers#{Name => {Pid, Monitor, Id}};
request([<<"cancel">>, Name], Workers) ->
    cancel(Name, Workers);
request([<<"stop">>], Workers) ->
    init:stop(),
    Workers.

worker(Name, Workers) ->
    case Workers of
        #{Name := Worker} ->
            Worker;
        #{} ->
            Main = self(),
            {Pid, Monitor} = spawn_monitor(fun() -> work(Main, Name, [], none) end),
            {Pid, Monitor, none}
    end.

idle(Name, Workers) ->
    case Workers of
        #{Name := {Pid, Monitor, _}} -> Workers#{Name => {Pid, Monitor, none}};
        #{} -> Workers
    end.

cancel(Name, Workers) ->
    case Workers of
        #{Name := {Pid, Monitor, _}} ->
            demonitor(Monitor, [flush]),
            exit(Pid, kill),
            maps:remove(Name, Workers);
        #{} ->
            Workers
    end.

ended(Port, Pid, Reason, Workers) ->
    case [{Name, Id} || {Name, {P, _, Id}} <- maps:to_list(Workers), P =:= Pid] of
        [{Name, none}] ->
            maps:remove(Name, Workers);
        [{Name, Id}] ->
            say(Port, raised(Id, down, Reason, text(Reason))),
            maps:remove(Name, Workers);
        [] ->
            Workers
    end.

work(Main, Name, Variables, Elixir) ->
    %% Selective, so that messages for the test stay in the mailbox.
    receive
        {pyerlnode_evaluate, Id, Language, Source} ->
            {Answer, NewVariables, NewElixir} = evaluate(Id, Language, Source, Variables, Elixir),
            Main ! {done, Name, Answer},
            work(Main, Name, NewVariables, NewElixir)
    end.

evaluate(Id, Language, Source, Variables, Elixir) ->
    try
        case Language of
            <<"erlang">> ->
                {value, Value, New} = erl_eval:exprs(parse(Source), Variables),
                {ok(Id, Value, text(Value)), New, Elixir};
            <<"elixir">> ->
                {Value, New} = elixir(Source, Elixir),
                {ok(Id, Value, inspect(Value)), Variables, New}
        end
    catch
        Class:Reason:Stack ->
            Text = describe(Language, Class, Reason, Stack),
            {raised(Id, Class, Reason, Text), Variables, Elixir}
    end.

parse(Source) ->
    case erl_scan:string(unicode:characters_to_list(Source)) of
        {ok, Tokens, Line} -> parsed(erl_parse:parse_exprs(Tokens ++ dot(Tokens, Line)));
        {error, {_, Module, Why}, _} -> error({syntax, unicode:characters_to_binary(Module:format_error(Why))})
    end.

parsed({ok, Expressions}) -> Expressions;
parsed({error, {_, Module, Why}}) -> error({syntax, unicode:characters_to_binary(Module:format_error(Why))}).

dot(Tokens, Line) ->
    case Tokens =/= [] andalso element(1, lists:last(Tokens)) of
        dot -> [];
        _ -> [{dot, Line}]
    end.

elixir(Source, none) ->
    elixir(Source, {[], 'Elixir.Code':env_for_eval([{file, <<"eval">>}])});
elixir(Source, {Bindings, Environment}) ->
    Quoted = 'Elixir.Code':'string_to_quoted!'(Source, [{file, <<"eval">>}]),
    {Value, NewBindings, NewEnvironment} = 'Elixir.Code':eval_quoted_with_env(Quoted, Bindings, Environment),
    {Value, {NewBindings, NewEnvironment}}.

describe(<<"elixir">>, Class, Reason, Stack) -> 'Elixir.Exception':format(Class, Reason, Stack);
describe(<<"erlang">>, Class, Reason, Stack) -> text({Class, Reason, Stack}).

ok(Id, Value, Text) -> [<<"ok">>, Id, term_to_binary(Value), Text].

raised(Id, Class, Reason, Text) -> [<<"raised">>, Id, term_to_binary(Reason), Text, atom_to_binary(Class)].

%% Text of a large term costs a microsecond a byte, and nobody reads it: it is cut short.
large(Value) -> erlang:external_size(Value) > 1000000.

text(Value) ->
    Format = case large(Value) of true -> {"~0tP", [Value, 50]}; false -> {"~0tp", [Value]} end,
    unicode:characters_to_binary(apply(io_lib, format, tuple_to_list(Format))).

inspect(Value) ->
    Whole = case large(Value) of true -> []; false -> [{limit, infinity}, {printable_limit, infinity}] end,
    'Elixir.Kernel':inspect(Value, [{width, infinity} | Whole]).

say(Port, Fields) -> port_command(Port, [[<<(byte_size(Field)):32>>, Field] || Field <- Fields]).
