# cython: language_level=3
"""What `_bytes.py` says."""

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

cdef extern from *:
    """
    #ifdef _WIN32
    #include <io.h>
    #define Bytes_Write(descriptor, data, size) _write(descriptor, data, (unsigned int)(size))
    #else
    #include <unistd.h>
    #define Bytes_Write(descriptor, data, size) write(descriptor, data, size)
    #endif
    """
    Py_ssize_t Bytes_Write(int descriptor, const char *data, Py_ssize_t size) noexcept


cpdef Py_ssize_t write_now(int descriptor, bytes data) noexcept:
    return max(0, Bytes_Write(descriptor, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)))


cpdef bytes first_bytes(bytearray buffer, Py_ssize_t count):
    return PyBytes_FromStringAndSize(
        PyByteArray_AS_STRING(buffer), min(count, PyByteArray_GET_SIZE(buffer))
    )
