cdef class Names:
    cdef public dict _names
    cdef public object _runtime
    cpdef get(self, name)
