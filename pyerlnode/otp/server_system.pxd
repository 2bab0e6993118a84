from pyerlnode.otp.dispatch cimport Handlers
from pyerlnode.otp.suspending cimport Suspendable

cdef class ServerSystem(Suspendable):
    cdef public object _class
    cdef public Handlers _handlers
    cdef public object debug
    cdef public object parent
    cdef public object state
