cimport cython
from pyerlnode.process._fifo cimport Fifo
from pyerlnode.process._steps cimport call_as, context_with, current_copy, run_in, call_in, seen_by_collector, spared_by_collector
from pyerlnode.process.mailbox cimport Mailbox
from pyerlnode.process.scheduler cimport Home, Receiver, Runnable, RunQueue

cdef class Process(Runnable)  # which a task has one of

from pyerlnode.process.task cimport ProcessTask

cdef class Process(Runnable):
    # Side by side: between pointers each would take eight bytes.
    cdef public bint _queued
    cdef public bint _started
    cdef public bint async_dist
    cdef public bint inline
    cdef public int receives
    cdef public bint trap_exit
    cdef object __weakref__
    cdef public object aliases
    cdef public object at_end
    cdef public object behaviour
    cdef public object context
    cdef public object dictionary
    cdef public object exit_reason
    cdef public object group_leader
    cdef public object links
    cdef public Mailbox mailbox
    cdef public object monitors
    cdef public object name
    cdef public object owner
    cdef public object pid
    cdef public RunQueue queue
    cdef public Home runtime
    cdef public object starting
    cdef public object suspended
    cdef public object task
    cdef public object timers
    cdef public object to_call

    cpdef set_up(self, Home runtime, pid, group_leader)
    cpdef begin(self, body, context=*)
    cpdef begin_idle(self, behaviour)
    cpdef wait_for_turn(self)
    @cython.locals(queue=RunQueue)
    cpdef begin_with(self, function, tuple args)
    @cython.locals(task=ProcessTask)
    cpdef _begin_now(self, context)
    cpdef call(self, context, function, tuple args)
    cpdef forgo(self)
    cpdef handle(self, message)
    cpdef turn(self)
    cpdef _run(self, context, handle=*, message=*)
    @cython.locals(mailbox=Mailbox, receiver=Receiver, new=Fifo, left=int)
    cpdef call_back(self)
    cpdef _wait_for(self, coroutine, context)
    cpdef coroutine_ended(self, task, error)
    cpdef _enqueue(self)
    @cython.locals(mailbox=Mailbox, queue=RunQueue, new=Fifo)
    cpdef put(self, message)
    @cython.locals(mailbox=Mailbox)
    cpdef deliver(self, message)
    cpdef check_alive(self)
    cpdef exit_signal(self, sender, reason)
    cpdef link_exit(self, sender, reason)
    @cython.locals(mailbox=Mailbox)
    cpdef die(self, reason)
