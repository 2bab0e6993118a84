from pyerlnode.process._fifo cimport Fifo
from pyerlnode.process.suspension cimport Suspension

cdef class Mailbox:
    cdef public object bound
    cdef public Fifo new
    cdef public Fifo passed
    cdef public Receive receiving
    cpdef put(self, message)
    cpdef rewind(self)
    cpdef scan(self, match)

cdef class Receive(Suspension):
    cdef public Mailbox _mailbox
    cdef public object _match
    cdef public bint _timed_out
    cdef public object message
