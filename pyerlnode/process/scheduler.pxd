cimport cython
from pyerlnode.process._steps cimport clock

cdef class Runnable:
    cpdef turn(self)
    cpdef forgo(self)

cdef class RunQueue:
    cdef public object _context
    cdef public object loop
    cdef public object ready
    cdef public list _after
    cdef public bint scheduled
    cdef public double _stop
    cdef public object handed_to
    cdef public object _known_as
    cdef public int not_begun
    cpdef append(self, item)
    cpdef after_run(self, callback)
    cpdef run_now(self)
    cpdef schedule(self)
    @cython.locals(item=Runnable, started=double, now=double, stop=double)
    cpdef _give_turns(self)
    cpdef _show_not_begun(self)
    cpdef _call_after(self)

cdef class Home:
    cdef public RunQueue queue
    cdef public object before_end
    cpdef bury(self, process)

cdef class Receiver:
    cpdef message(self, message)
