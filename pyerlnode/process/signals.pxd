cimport cython
from pyerlnode.process.alias_tag cimport alias_in
from pyerlnode.process.monitors cimport Monitors, Watcher
from pyerlnode.process.process cimport Process
from pyerlnode.process.runtime cimport Runtime
from pyerlnode.protocol.control cimport AliasSend, Demonitor, Monitor, RegSend, Send

cdef class Signals:
    cdef public dict _handlers
    cdef public Runtime _runtime
    cpdef receive(self, node, control)
    @cython.locals(process=Process)
    cpdef _send(self, node, Send control)
    @cython.locals(process=Process)
    cpdef _reg_send(self, node, RegSend control)
    cpdef _alias_send(self, node, AliasSend control)
    cpdef _find(self, to)
    @cython.locals(process=Process, monitors=Monitors)
    cpdef _monitor(self, node, Monitor control)
    @cython.locals(process=Process)
    cpdef _demonitor(self, node, Demonitor control)
    @cython.locals(monitors=Monitors)
    cpdef bint _forget_watcher(self, Process process, ref) except? 0
