cimport cython
from pyerlnode.process._fifo cimport Fifo
from pyerlnode.process._steps cimport Callback, clock, call_in

cdef class Runnable(Callback):
    cpdef turn(self)
    cpdef forgo(self)

cdef class RunQueue(Callback):
    cdef public object _context
    cdef public object loop
    cdef public Fifo ready
    cdef public list _after
    cdef public bint scheduled
    cdef public double _stop
    cdef public object handed_to
    cdef public object _known_as
    cdef public int not_begun
    cdef public Fifo spare
    cpdef append(self, item)
    cpdef after_run(self, callback)
    cpdef run_now(self)
    cpdef schedule(self)
    @cython.locals(item=Runnable, ready=Fifo, started=double, now=double, stop=double)
    cpdef _give_turns(self)
    cpdef _show_not_begun(self)
    cpdef _call_after(self)
    cpdef call_back(self)

cdef class Home:
    cdef public RunQueue queue
    cdef public object before_end
    cpdef bury(self, process)

cdef class Receiver:
    cpdef message(self, message)
