from pyerlnode.protocol.control cimport AliasSend, Send

cdef class ControlWriter:
    cdef public bint _alias
    cdef public bint _altact
    cdef public bint _exit_payload
    cdef public object _local_name
    cdef public bint _monitor_names
    cdef public bint _monitors
    cdef public bint _send_sender
    cdef public bint _spawn
    cdef public dict _writers
    cpdef write(self, control)
    cpdef _write_send(self, Send c)
    cpdef _write_alias_send(self, AliasSend c)
    cpdef _altact_tuple(self, int flags, c)
