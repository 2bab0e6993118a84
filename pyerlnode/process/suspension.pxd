cimport cython
from pyerlnode.process.scheduler cimport Runnable

cdef class Resumable(Runnable):
    cpdef resume(self)

cdef class Suspension:
    cdef public object _waiter
    cpdef wake(self)
