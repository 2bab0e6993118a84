cimport cython
from pyerlnode.process._steps cimport clock

cdef class GivingWay:
    cdef int _rest
    cdef public int left
    @cython.locals(began=double)
    cpdef before_read(self)
    cpdef took(self, double seconds)
