cdef class Handler:
    cdef public object _converters
    cdef public int _fixed
    cdef public object _most
    cdef public int exact
    cdef public object function
    cdef public int least
    cdef public bint wants_caller

cdef class Handlers:
    cdef public dict calls
    cdef public dict casts
    cdef public dict infos
    cdef public Handler init
    cdef public object module
    cdef public tuple initial_call
    cdef public object overridden

cpdef Handlers handlers_made(cls)
