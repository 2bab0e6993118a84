from pyerlnode.process.process cimport Process

cdef class Suspendable:
    cdef public object _held
    cdef public Process process
