%% The machine of statem_machine.erl in the other callback mode, without calls at the entry of a state.
-module(statem_other).
-behaviour(gen_statem).
-export([callback_mode/0, init/1, handle_event/4, terminate/3]).

callback_mode() -> handle_event_function.

init(Options) -> {ok, {at, 1}, Options#{events => []}}.

handle_event(Type, Content, State, Data) ->
    statem_machine:event(Type, Content, {other, State}, Data).

terminate(Reason, State, Data) -> statem_machine:terminate(Reason, State, Data).
