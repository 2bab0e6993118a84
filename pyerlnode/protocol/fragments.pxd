cimport cython

cdef class Outbox:
    cdef public bint _apart
    cdef public dict _lanes
    cdef public list _ready
    cdef public Py_ssize_t frame_size
    cdef public Py_ssize_t pending
    cpdef bint passes(self, key) except? 0
    cpdef put(self, list pieces, Py_ssize_t size, key=*, rest=*)
    cpdef put_now(self, data)
    cpdef take_pieces(self, limit=*)
