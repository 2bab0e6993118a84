cdef class Fifo:
    # A power of two long; None where nothing stands.
    cdef list _ring
    cdef Py_ssize_t _first
    cdef Py_ssize_t _count
    cpdef append(self, item)
    cpdef popleft(self)
    cpdef appendleft(self, item)
    cdef int _grow(self) except -1
    cdef Py_ssize_t _place(self, Py_ssize_t index) except -1
