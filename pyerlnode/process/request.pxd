from pyerlnode.process.process cimport Process
from pyerlnode.process.suspension cimport Suspension

cdef class Request(Suspension):
    cdef public double _deadline
    cdef public bint is_over
    cdef public Process process
    cdef public object _timer
    cdef public bint _usual
    cdef public object down_reason
    cdef public object item
    cdef public object message
    cdef public object ref
    cpdef close(self)
