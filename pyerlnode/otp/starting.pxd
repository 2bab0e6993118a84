cimport cython
from pyerlnode.process.process cimport Process
from pyerlnode.process.suspension cimport Suspension
from pyerlnode.process.task cimport runs_in

cdef class Starting(Suspension):
    cdef public bint _timed_out
    cdef public object _to_come
    cdef public Process child
    cdef public Process parent
    cdef public object ref
    cdef public object result
    cpdef acknowledge(self, result)

cdef class Origins:
    cdef public dict _dictionary
    cdef public tuple _key
    @cython.locals(last=tuple)
    cpdef dict of(self, Process parent, tuple initial_call)

@cython.locals(starting=Starting)
cpdef init_ack(Process process, result)
cpdef link_new(Process process, Process new)
