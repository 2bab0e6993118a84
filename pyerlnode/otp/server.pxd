cimport cython
from pyerlnode.otp.answering cimport answer
from pyerlnode.otp.dispatch cimport Handler, Handlers
from pyerlnode.otp.local_call cimport LocalCall
from pyerlnode.otp.server_system cimport ServerSystem
from pyerlnode.otp.starting cimport init_ack

from pyerlnode.process._steps cimport is_a

cdef class Server(ServerSystem):
    cdef public object _caller
    cdef public bint _ending
    cdef public object _message
    cdef public object _timeout
    cdef public object _timer
    cdef public object _to_start
    cpdef start(self, process)
    cpdef _attach(self, process)
    cpdef _initialised(self, result)
    @cython.locals(call=LocalCall)
    cpdef message(self, message)
    @cython.locals(handler=Handler, mode=int, call=LocalCall)
    cpdef _dispatch(self, dict table, request)
    cpdef _otp_style(self, table, request, refused)
    cpdef _open_call(self)
    cpdef _settle(self, result, int mode, bint inline=*)
    cpdef _reply(self, value)
    cpdef _end(self, reason, stop=*, error=*)
