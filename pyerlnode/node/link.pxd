cimport cython
from pyerlnode.node._bytes cimport first_bytes, write_now
from pyerlnode.node.giving_way cimport GivingWay
from pyerlnode.process._steps cimport Callback
from pyerlnode.process.scheduler cimport RunQueue
from pyerlnode.protocol.connection cimport Connection

cdef class LinkBase(Callback):
    cdef public bytearray _buffer
    cdef public int _descriptor
    cdef public bint _dirty
    cdef public GivingWay _giving_way
    cdef public object _gone
    cdef public object _loop
    cdef public bint _paused
    cdef public Py_ssize_t _portion
    cdef public Py_ssize_t _room
    cdef public object _timer
    cdef public object _transport
    cdef public bint _unwritten
    cdef public object _view
    cdef public object address
    cdef public object after_read
    cdef public bint busy
    cdef public Py_ssize_t busy_limit
    cdef public bint closed
    cdef public Connection connection
    cdef public object node
    cdef public object on_writable
    cdef public object owner
    cdef public RunQueue queue
    cdef public object reason
    cdef public Py_ssize_t received
    cdef public Py_ssize_t sent
    cdef public bint up
    cdef public bint visible
    cdef public object what
    cpdef call_back(self)
    cpdef _write(self, transport, data)
    cpdef send(self, control)
    @cython.locals(connection=Connection)
    cpdef data_received(self, data)
