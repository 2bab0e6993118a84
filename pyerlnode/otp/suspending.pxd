from pyerlnode.process.process cimport Process
from pyerlnode.process.scheduler cimport Receiver

cdef class Suspendable(Receiver):
    cdef public object _held
    cdef public Process process
