from pyerlnode.process.runtime cimport Runtime

cdef class Deadlines:
    cdef public Runtime _runtime
    cdef public object _timer
    cdef public dict _waiting
    cpdef add(self, request, deadline)
    cpdef drop(self, request)
    cpdef _arm(self, deadline)
