cimport cython
from pyerlnode.process._steps cimport clock

cdef class GivingWay:
    cdef int _left
    cdef int _rest
    @cython.locals(began=double)
    cpdef before_read(self)
    cpdef took(self, double seconds)
