cimport cython
from pyerlnode.otp.local_call cimport LocalCall
from pyerlnode.otp.server cimport Server
from pyerlnode.process.process cimport Process
from pyerlnode.process.runtime cimport Runtime, this_process

@cython.locals(there=Process, runtime=Runtime)
cpdef call_here(Process process, server, request, timeout)

@cython.locals(process=Process, there=Process, runtime=Runtime)
cpdef bint cast_here(server, request) except? 0
