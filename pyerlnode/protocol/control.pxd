cdef class Link:
    cdef public object sender
    cdef public object to

cdef class Unlink:
    cdef public object id
    cdef public object sender
    cdef public object to

cdef class UnlinkAck:
    cdef public object id
    cdef public object sender
    cdef public object to

cdef class Exit:
    cdef public object sender
    cdef public object to
    cdef public object reason
    cdef public object token

cdef class Exit2:
    cdef public object sender
    cdef public object to
    cdef public object reason
    cdef public object token
    cdef public bint priority

cdef class Send:
    cdef public object sender
    cdef public object to
    cdef public object message
    cdef public object token
    cdef public bint priority

cdef class RegSend:
    cdef public object sender
    cdef public object to
    cdef public object message
    cdef public object token
    cdef public bint priority

cdef class AliasSend:
    cdef public object sender
    cdef public object to
    cdef public object message
    cdef public object token
    cdef public bint priority

cdef class GroupLeader:
    cdef public object leader
    cdef public object to

cdef class Monitor:
    cdef public object sender
    cdef public object to
    cdef public object ref

cdef class Demonitor:
    cdef public object sender
    cdef public object to
    cdef public object ref

cdef class MonitorExit:
    cdef public object sender
    cdef public object to
    cdef public object ref
    cdef public object reason

cdef class SpawnRequest:
    cdef public object ref
    cdef public object sender
    cdef public object group_leader
    cdef public object module
    cdef public object function
    cdef public object arity
    cdef public object options
    cdef public object args
    cdef public object token

cdef class SpawnReply:
    cdef public object ref
    cdef public object to
    cdef public object flags
    cdef public object result
    cdef public object token
