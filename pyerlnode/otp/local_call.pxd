cimport cython
from pyerlnode.process.process cimport Process
from pyerlnode.process.request cimport Request
from pyerlnode.process.task cimport ProcessTask

cdef class LocalCall(Request):
    cdef public object _caller
    cdef public bint _opened
    cdef public object _timeout
    cdef public object request
    cdef public Process server
    cpdef close(self)
    @cython.locals(task=ProcessTask)
    cpdef answer(self, value)
