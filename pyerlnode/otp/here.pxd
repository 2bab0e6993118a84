cimport cython
from pyerlnode.otp.dispatch cimport Handlers, handlers_made
from pyerlnode.otp.local_call cimport LocalCall
from pyerlnode.otp.server cimport Server
from pyerlnode.otp.starting cimport Origins, Starting, link_new
from pyerlnode.process.process cimport Process
from pyerlnode.process.runtime cimport Runtime, this_process
from pyerlnode.process.task cimport ProcessTask, runs_in

@cython.locals(there=Process, runtime=Runtime)
cpdef call_here(Process process, server, request, timeout)

@cython.locals(process=Process, there=Process, runtime=Runtime)
cpdef bint cast_here(server, request) except? 0

@cython.locals(process=Process, child=Process, task=ProcessTask, runtime=Runtime, starting=Starting,
               handlers=Handlers)
cpdef start_here(cls, tuple args, bint link)
