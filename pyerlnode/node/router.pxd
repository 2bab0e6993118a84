cimport cython
from pyerlnode.node.link cimport LinkBase
from pyerlnode.process.runtime cimport Runtime
from pyerlnode.process.scheduler cimport RunQueue
from pyerlnode.process.signals cimport Signals

cdef class Router:
    cdef public object _after_read
    cdef public dict _known
    cdef public dict _links
    cdef public object _max_unsent
    cdef public list _observers
    cdef public dict _senders
    cdef public Signals _signals
    cdef public Py_ssize_t busy_limit
    cdef public object dialler
    cdef public Runtime runtime
    @cython.locals(link=LinkBase)
    cpdef signal(self, node, control)
    cpdef is_connected(self, node)
    @cython.locals(queue=RunQueue)
    cpdef link_events(self, link, list events)
    @cython.locals(signals=Signals)
    cpdef _hand_on(self, LinkBase link, list events)
