%% A state machine that does what it is told, and remembers every event: what the one in
%% statem_machine.py is compared with.
-module(statem_machine).
-behaviour(gen_statem).
-export([callback_mode/0, init/1, a/3, b/3, terminate/3, code_change/4, event/4]).

callback_mode() -> [state_functions, state_enter].

init(Options) -> {ok, a, Options#{events => []}, maps:get(first, Options, [])}.

a(Type, Content, Data) -> event(Type, Content, a, Data).

b({call, _}, {later, _}, _) -> {keep_state_and_data, [postpone]};
b(cast, {later, _}, _) -> {keep_state_and_data, [postpone]};
b(Type, Content, Data) -> event(Type, Content, b, Data).

event({call, From}, {run, Kind, Argument, Actions}, State, Data) ->
    result(Kind, Argument, log({call, run, State}, Data), [action(From, A) || A <- Actions]);
event(cast, {run, Kind, Argument, Actions}, State, Data) ->
    result(Kind, Argument, log({cast, run, State}, Data), Actions);
event({call, From}, Request, State, Data) ->
    {keep_state, log({call, Request, State}, Data), [{reply, From, {State, Request}}]};
event(enter, Old, State, #{entering := Actions} = Data) ->
    {keep_state, log({enter, Old, State}, Data), Actions};
event(Type, Content, State, Data) ->
    {keep_state, log({Type, Content, State}, Data)}.

log(Event, #{events := Events} = Data) -> Data#{events := Events ++ [Event]}.

action(From, {reply, Value}) -> {reply, From, Value};
action(_, Action) -> Action.

result(next_state, State, Data, Actions) -> {next_state, State, Data, Actions};
result(keep_state, _, Data, Actions) -> {keep_state, Data, Actions};
result(repeat_state, _, Data, Actions) -> {repeat_state, Data, Actions};
result(stop, Reason, Data, _) -> {stop, Reason, Data};
result(stop_and_reply, Reason, Data, Replies) -> {stop_and_reply, Reason, Replies, Data};
result(entering, Actions, Data, Now) -> {keep_state, Data#{entering => Actions}, Now};
result(fail, Reason, _, _) -> error(Reason);
result(exit, Reason, _, _) -> exit(Reason);
result(throw, State, Data, Actions) -> throw({next_state, State, Data, Actions}).

terminate(Reason, State, #{report := Pid}) -> Pid ! {terminate, Reason, State};
terminate(_, _, _) -> ok.

code_change(_, _, _, {refuse, Reason}) -> Reason;
code_change(Old, State, Data, {go, Next}) -> {ok, Next, log({code_change, Old, State}, Data)}.
