cimport cython
from pyerlnode.protocol.control_codec cimport ControlWriter
from pyerlnode.protocol.fragments cimport Outbox

cdef class FrameParser:
    cdef public object _assembler
    cdef public object _cache
    cdef public bint _fragments
    cdef public object _limits
    cdef public object _max_frame
    cdef public object _peer_name
    cdef public object read
    cdef public object read_all
    cdef public object unfinished

cdef class FrameWriter:
    cdef public object _cache
    cdef public ControlWriter _control
    cdef public object _fragment_size
    cdef public bint _header_form
    cdef public Outbox _outbox
    cdef public object _sequence
    @cython.locals(outbox=Outbox)
    cpdef write(self, control)
    cpdef _write_header_form(self, control, head, payload, cache)
