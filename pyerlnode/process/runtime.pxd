cimport cython
from pyerlnode.process._steps cimport gives_coroutine, nth_pid, number_of, this_thread, value_of
from pyerlnode.process.names cimport Names
from pyerlnode.process.process cimport Process
from pyerlnode.process.scheduler cimport Home, RunQueue

cdef class Runtime(Home):
    cdef object __weakref__
    cdef public object name
    cdef public object creation
    cdef public object loop
    cdef public unsigned long thread
    cdef public object context
    cdef public object threads
    cdef public object workers
    cdef public Names names
    cdef public object timers
    cdef public object deadlines
    cdef public object signals
    cdef public dict aliases
    cdef public dict spawns
    cdef public object distribution
    cdef public object apply_hook
    cdef public dict name_hooks
    cdef public dict kept
    cdef public object group_leader
    cdef public dict _processes
    cdef public unsigned long long _last_process
    cdef public object _last_ref
    cdef public dict _involved
    cdef public set _to_forget
    cdef public dict _node_watchers
    cdef public dict _attached
    cdef public object _to_bury
    cdef public bint _burying
    cdef public bint stopping

    @cython.locals(process=Process)
    cpdef Process process(self, pid)
    cpdef make_ref(self)
    @cython.locals(n=cython.ulonglong, process=Process)
    cpdef Process new_process(self, group_leader=*)
    @cython.locals(process=Process)
    cpdef Process spawn(self, body, parent=*)
    @cython.locals(child=Process)
    cpdef Process spawn_function(self, Process parent, function, tuple args)
    @cython.locals(process=Process)
    cpdef send(self, to, message, sender=*)
    @cython.locals(process=Process)
    cpdef _send_to_name(self, name, node, message, sender)
    cpdef _send_to_alias(self, ref, message, sender)
    cpdef _sender_pid(self, Process sender)
    cpdef signal(self, node, control)
    cpdef signal_if_connected(self, node, control)
    @cython.locals(involved=dict)
    cpdef involve(self, node, process)
    cpdef bury(self, process)
    cpdef _bury(self, Process process)
    cpdef _tell(self, Process process)

cdef class ProcessAlias:
    cdef public object mode
    cdef public Process process
    cdef public object ref
    cpdef alias_message(self, message)

@cython.locals(process=Process, runtime=Runtime, home=Runtime, here=cython.ulong)
cpdef Process this_process()
