cdef class FrameReader:
    cdef public bytearray _data
    cdef public Py_ssize_t _limit
    cdef public Py_ssize_t _need
    cdef public Py_ssize_t _prefix
    cdef public object _window
    cpdef window(self, data)
    cpdef advance(self, Py_ssize_t at)
