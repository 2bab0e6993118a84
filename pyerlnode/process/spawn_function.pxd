cimport cython
from pyerlnode.process.process cimport Process
from pyerlnode.process.runtime cimport Runtime, this_process

@cython.locals(parent=Process, runtime=Runtime, child=Process)
cpdef Process spawn_here(function, tuple args, max_mailbox)

cpdef check_is_here(max_mailbox)
