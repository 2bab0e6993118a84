cimport cython

cdef class Runnable:
    cpdef turn(self)

cdef class RunQueue:
    cdef public object _context
    cdef public object loop
    cdef public object ready
    cdef public list _after
    cdef public bint scheduled
    cdef public double _stop
    cdef public object handed_to
    cpdef append(self, item)
    cpdef after_run(self, callback)
    cpdef run_with(self, deliver)
    cpdef schedule(self)
    cpdef _call_after(self)
