cimport cython
from pyerlnode.process.process cimport Process

cdef class Watch:
    cdef public object alias
    cdef public object found
    cdef public object item
    cdef public object request
    cdef public object tag

cdef class Watcher:
    cdef public object name
    cdef public object pid

cdef class Monitors:
    cdef public Process _process
    cdef public dict watched_by
    cdef public dict watching
    cpdef watch(self, ref, Watch watch)
    @cython.locals(watch=Watch, target=Process, monitors=Monitors)
    cpdef unwatch(self, ref)
    @cython.locals(watch=Watch)
    cpdef down(self, ref, reason)
