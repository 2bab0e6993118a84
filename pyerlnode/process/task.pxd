cimport cython
from pyerlnode.process._steps cimport enter_task, leave_task, one_step
from pyerlnode.process.process cimport Process
from pyerlnode.process.scheduler cimport RunQueue
from pyerlnode.process.suspension cimport Resumable, Suspension

cdef int _RUNS, _DONE, _CANCELLED

cdef class ProcessTask(Resumable):
    cdef object __weakref__
    cdef public bint _asyncio_future_blocking
    cdef public object _callbacks
    cdef public object _cancel_message
    cdef public int _cancels
    cdef public object _context
    cdef public object _coro
    cdef public int _ended
    cdef public object _exception_in
    cdef public object _fut_waiter
    cdef public bint _must_cancel
    cdef public RunQueue _queue
    cdef public bint _queued
    cdef public bint _known
    cdef public Process process
    cdef public bint watched
    cpdef set_up(self, Process process, coro, context)
    cpdef begin(self)
    cpdef turn(self)
    @cython.locals(queue=RunQueue)
    cpdef resume(self)
    @cython.locals(queue=RunQueue, process=Process)
    cpdef bint hand_over(self, Process to, message) except? 0
    cpdef wait_in_this_run(self)
    cpdef step(self)
    cpdef _put_off(self, suspended)
    cpdef _park(self, awaited)
    cpdef _finish(self, error)
    cpdef _make_known(self)

@cython.locals(process=Process)
cpdef bint runs_in(process) except? 0
