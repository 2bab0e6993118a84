# cython: language_level=3
"""What `_steps.py` says, by Python's C interface."""

from cpython.object cimport PyObject

from pyerlnode.term._native cimport pid_number, pid_of

import asyncio.tasks
from asyncio import _enter_task, _leave_task
from time import perf_counter

cdef extern from *:
    """
    static PyObject *pyerlnode_one_step(PyObject *context, PyObject *coroutine, PyObject *ended) {
        PyObject *result = NULL;
        PySendResult kind;
        if (PyContext_Enter(context) < 0) return NULL;
        kind = PyIter_Send(coroutine, Py_None, &result);
        if (PyContext_Exit(context) < 0) {
            Py_CLEAR(result);
            return NULL;
        }
        if (kind == PYGEN_RETURN) {
            Py_DECREF(result);
            Py_INCREF(ended);
            return ended;
        }
        return result;  /* NULL where it has raised */
    }

    static PyObject *pyerlnode_run_in(PyObject *context, PyObject *function, PyObject *argument) {
        PyObject *result;
        if (PyContext_Enter(context) < 0) return NULL;
        result = PyObject_CallOneArg(function, argument);
        if (PyContext_Exit(context) < 0) Py_CLEAR(result);
        return result;
    }

    /* In the context that is the current one; 0, or -1 with an exception. */
    static int pyerlnode_put(PyObject *variable, PyObject *value) {
        PyObject *token = PyContextVar_Set(variable, value);
        Py_XDECREF(token);
        return token == NULL ? -1 : 0;
    }

    /* As `pyerlnode_put`, for what it probably is already. */
    static int pyerlnode_set(PyObject *variable, PyObject *value) {
        PyObject *old;
        if (PyContextVar_Get(variable, NULL, &old) < 0) return -1;
        Py_XDECREF(old);
        return old == value ? 0 : pyerlnode_put(variable, value);
    }

    static PyObject *pyerlnode_call_as(
        PyObject *context, PyObject *one, PyObject *first, PyObject *other, PyObject *second,
        PyObject *function, PyObject *arguments
    ) {
        PyObject *result = NULL;
        if (PyContext_Enter(context) < 0) return NULL;
        if (pyerlnode_set(one, first) == 0 && pyerlnode_put(other, second) == 0)
            result = PyObject_Call(function, arguments, NULL);
        if (PyContext_Exit(context) < 0) Py_CLEAR(result);
        return result;
    }

    static PyObject *pyerlnode_context_with(
        PyObject *one, PyObject *first, PyObject *other, PyObject *second
    ) {
        PyObject *context = PyContext_CopyCurrent();
        int failed;
        if (context == NULL) return NULL;
        if (PyContext_Enter(context) < 0) {
            Py_DECREF(context);
            return NULL;
        }
        failed = pyerlnode_set(one, first) < 0 || pyerlnode_put(other, second) < 0;
        if (PyContext_Exit(context) < 0 || failed) Py_CLEAR(context);
        return context;
    }

    static int pyerlnode_gives_coroutine(PyObject *function, Py_ssize_t count) {
        PyCodeObject *code;
        PyObject *defaults;
        Py_ssize_t least;
        if (PyMethod_Check(function)) {
            function = PyMethod_GET_FUNCTION(function);
            count++;
        }
        if (!PyFunction_Check(function)) return 0;
        code = (PyCodeObject *)PyFunction_GET_CODE(function);
        if (!(code->co_flags & CO_COROUTINE) || code->co_kwonlyargcount) return 0;
        defaults = PyFunction_GET_DEFAULTS(function);
        least = code->co_argcount - (defaults == NULL ? 0 : PyTuple_GET_SIZE(defaults));
        return least <= count && (count <= code->co_argcount || code->co_flags & CO_VARARGS);
    }

    static PyObject *pyerlnode_value_of(PyObject *variable) {
        PyObject *value;
        if (PyContextVar_Get(variable, Py_None, &value) < 0) return NULL;
        return value;
    }

    #ifdef _WIN32
    static double pyerlnode_clock(void) { return -1.0; }
    #else
    #include <time.h>
    static double pyerlnode_clock(void) {
        struct timespec now;
        if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return -1.0;
        return now.tv_sec + now.tv_nsec * 1e-9;
    }
    #endif
    """
    object pyerlnode_one_step(object context, object coroutine, object ended)
    object pyerlnode_run_in(object context, object function, object argument)
    object pyerlnode_call_as(
        object context, object one, object first, object other, object second, object function, object arguments
    )
    bint pyerlnode_gives_coroutine(object function, Py_ssize_t count)
    object pyerlnode_value_of(object variable)
    double pyerlnode_clock()
    unsigned long PyThread_get_thread_ident()
    void PyObject_GC_UnTrack(object)
    void PyObject_GC_Track(object)
    bint PyObject_GC_IsTracked(object)
    object PyContext_CopyCurrent()
    int PyContext_Enter(object) except -1
    int PyContext_Exit(object) except -1
    bint PyObject_TypeCheck(object, type) noexcept
    object pyerlnode_context_with(object one, object first, object other, object second)
    PyObject *PyDict_GetItemWithError(dict, object) except? NULL
    int PyDict_SetItem(dict, object, object) except -1
    int PyDict_DelItem(dict, object) except -1


ENDED = object()


cpdef object one_step(object context, object coroutine):
    return pyerlnode_one_step(context, coroutine, ENDED)


cdef class Callback:
    cpdef call_back(self):
        raise NotImplementedError


cpdef object call_in(object context, Callback callback):
    PyContext_Enter(context)
    try:
        return callback.call_back()
    finally:
        PyContext_Exit(context)


cpdef bint is_a(object value, type kind) noexcept:
    return PyObject_TypeCheck(value, kind)


cpdef object run_in(object context, object function, object argument):
    return pyerlnode_run_in(context, function, argument)


cpdef object call_as(
    object context, object one, object first, object other, object second, object function, tuple arguments
):
    return pyerlnode_call_as(context, one, first, other, second, function, arguments)


cpdef bint gives_coroutine(object function, Py_ssize_t count) except? 0:
    return pyerlnode_gives_coroutine(function, count)


cpdef object context_with(object one, object first, object other, object second):
    return pyerlnode_context_with(one, first, other, second)


cpdef object value_of(object variable):
    return pyerlnode_value_of(variable)


cpdef unsigned long this_thread() noexcept:
    return PyThread_get_thread_ident()


cpdef double clock() except? -1.0:
    cdef double now = pyerlnode_clock()
    return now if now >= 0 else perf_counter()


cpdef object nth_pid(object node, unsigned long long number, object creation):
    return pid_of(node, number, creation)


cpdef object number_of(object pid):
    return pid_number(pid)


cpdef object current_copy():
    return PyContext_CopyCurrent()


cpdef void spared_by_collector(object waiting) noexcept:
    PyObject_GC_UnTrack(waiting)


cpdef void seen_by_collector(object begun) noexcept:
    if not PyObject_GC_IsTracked(begun):
        PyObject_GC_Track(begun)


cdef dict _tasks_by_loop():
    """Where asyncio keeps which task runs now, if this release of Python has that in a dict; or None."""
    kept = getattr(asyncio.tasks, "_current_tasks", None)
    if type(kept) is not dict:
        return None
    loop, task = object(), object()
    try:
        _enter_task(loop, task)
    except (RuntimeError, TypeError):  # it wants a loop that runs, or a task of its own
        return None
    try:
        return kept if kept.get(loop) is task else None
    finally:
        _leave_task(loop, task)


cdef dict _running = _tasks_by_loop()


cpdef object enter_task(object loop, object task):
    if _running is None or PyDict_GetItemWithError(_running, loop) is not NULL:
        _enter_task(loop, task)  # which says what is wrong
    else:
        PyDict_SetItem(_running, loop, task)


cpdef object leave_task(object loop, object task):
    if _running is None or PyDict_GetItemWithError(_running, loop) is not <PyObject *>task:
        _leave_task(loop, task)
    else:
        PyDict_DelItem(_running, loop)
