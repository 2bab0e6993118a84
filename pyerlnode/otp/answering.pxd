cimport cython
from pyerlnode.process.alias_tag cimport alias_in
from pyerlnode.process.process cimport Process
from pyerlnode.process.runtime cimport Runtime

@cython.locals(runtime=Runtime)
cpdef bint answer(Process process, caller, value) except? 0
