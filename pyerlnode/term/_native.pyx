# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: embedsignature=False, auto_pickle=False
"""The native twin of the codec and of the value types that nearly every message holds.

It reads and writes what is well formed, and knows nothing about faults: what it refuses it
hands to the reference codec, which does the work again and says what is wrong, so that both
have the same errors.  Terms nested deeper than `DEEP` levels, and types that seldom come, are
the reference's, too.

    _native_c.pxi        what is better said in C: the digits of integers, short copies
    _native_types.pxi    Atom, Pid, Port, Reference, ImproperList; the table of atoms
    _native_decode.pxi   bytes to terms
    _native_encode.pxi   terms to bytes, and their exact bytes

Proof: the tests of tests/term run with either codec; tests/term/test_codecs.py compares them, and
tests/term/test_codec_memory.py what is kept from one term to the next.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Next
from cpython.list cimport PyList_GET_SIZE, PyList_New, PyList_SET_ITEM
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_FromLong
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeLatin1, PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

cimport cython

import os
import struct as _struct
from hashlib import blake2b

from pyerlnode.errors import TermEncodeError, UsageError
from pyerlnode.term.limits import DEFAULT_LIMITS

cdef extern from "Python.h":
    PyTypeObject PyBool_Type, PyByteArray_Type, PyBytes_Type, PyDict_Type, PyFloat_Type
    PyTypeObject PyList_Type, PyLong_Type, PyTuple_Type, PyUnicode_Type
    PyTypeObject *Py_TYPE(PyObject *)
    PyTypeObject *KindOf "Py_TYPE"(object)
    Py_ssize_t PY_SSIZE_T_MAX
    PyObject *Py_None
    PyObject *Py_True
    PyObject *Py_False
    PyObject *PyList_GET_ITEM(PyObject *, Py_ssize_t)
    PyObject *PyTuple_GET_ITEM(PyObject *, Py_ssize_t)
    PyObject *PyDict_SetDefault(object, object, object) except NULL
    Py_ssize_t PyDict_GET_SIZE(object)
    int PyUnicode_IS_COMPACT_ASCII(PyObject *)
    void *PyUnicode_DATA(PyObject *)
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject *)
    double FloatOf "PyFloat_AS_DOUBLE"(PyObject *)
    long long AsLongLong "PyLong_AsLongLongAndOverflow"(PyObject *, int *)
    Py_ssize_t BytesSize "PyBytes_GET_SIZE"(PyObject *)
    object _PyLong_FromByteArray(const unsigned char *, size_t, int, int)
    int _PyBytes_Resize(PyObject **, Py_ssize_t) except -1
    PyObject *PyBytes_New "PyBytes_FromStringAndSize"(const char *, Py_ssize_t) except NULL
    char *PyBytes_Start "PyBytes_AS_STRING"(PyObject *)
    int PyByteArray_Resize(object, Py_ssize_t) except -1
    char *PyByteArray_AS_STRING(object)
    Py_ssize_t PyByteArray_GET_SIZE(object)
    int PyGC_Disable()
    int PyGC_Enable()
    void Py_XDECREF(PyObject *)
    bint PyErr_ExceptionMatches(object)
    void PyErr_Clear()

ctypedef void (*destructor)(PyObject *) noexcept

cdef extern from "stdlib.h":
    void qsort(void *, size_t, size_t, int (*)(const void *, const void *) noexcept) noexcept

include "_native_c.pxi"

# Levels that C recursion goes down; each takes up to a kilobyte of stack.
cdef enum:
    DEEP = 200


class _Refused(Exception):
    """The reference codec has to say what is wrong."""


cdef object _REFUSED = _Refused


cdef inline int _refuse() except -1:
    return Term_Refuse(_REFUSED)


# --- numbers of the wire -------------------------------------------------------------

cdef inline uint32_t _u16(const unsigned char *p) noexcept:
    return <uint32_t>p[0] << 8 | p[1]


cdef inline uint32_t _u32(const unsigned char *p) noexcept:
    return <uint32_t>p[0] << 24 | <uint32_t>p[1] << 16 | <uint32_t>p[2] << 8 | p[3]


cdef inline uint64_t _u64(const unsigned char *p) noexcept:
    return <uint64_t>_u32(p) << 32 | _u32(p + 4)


cdef inline void _put32(unsigned char *p, uint32_t n) noexcept:
    p[0] = <unsigned char>(n >> 24)
    p[1] = <unsigned char>(n >> 16)
    p[2] = <unsigned char>(n >> 8)
    p[3] = <unsigned char>n


cdef inline void _put64(unsigned char *p, uint64_t n) noexcept:
    _put32(p, <uint32_t>(n >> 32))
    _put32(p + 4, <uint32_t>n)


include "_native_types.pxi"
include "_native_decode.pxi"
include "_native_encode.pxi"
include "_native_parts.pxi"
