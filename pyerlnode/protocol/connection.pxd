cimport cython
from pyerlnode.protocol.channel cimport FrameParser, FrameWriter
from pyerlnode.protocol.fragments cimport Outbox
from pyerlnode.protocol.framing cimport FrameReader

cdef class Connection:
    cdef public FrameReader _frames
    cdef public object _handshake
    cdef public bint _heard
    cdef public double _last_input
    cdef public double _next_look
    cdef public Outbox _outbox
    cdef public FrameParser _parser
    cdef public int _prefix
    cdef public bint _raised
    cdef public object _settings
    cdef public object _state
    cdef public double _up_at
    cdef public FrameWriter _writer
    cdef public bint _wrote
    cdef public object error
    cdef public object peer
    cpdef list receive(self, data, double now)
    @cython.locals(frames=FrameReader)
    cpdef _read_frames(self, FrameParser parser, data, list events)
    @cython.locals(writer=FrameWriter)
    cpdef Py_ssize_t send(self, control) except -1
    cpdef pieces_to_send(self, limit=*)
    cpdef _raise_error(self)
