# cython: language_level=3, boundscheck=False, wraparound=False
"""What `_fifo.py` says: a ring in a list, which Python's collector looks into."""

from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE, PyList_SET_ITEM
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF

cdef extern from "Python.h":
    void Py_DECREF(PyObject *)

cdef enum:
    LEAST = 8
    # A ring that was longer is given back when it is empty.
    KEPT = 64


cdef inline void _set(list ring, Py_ssize_t place, object item) noexcept:
    cdef PyObject *old = <PyObject *>PyList_GET_ITEM(ring, place)
    Py_INCREF(item)
    PyList_SET_ITEM(ring, place, item)
    Py_DECREF(old)


cdef class Fifo:
    def __cinit__(self):
        self._ring = [None] * LEAST

    def __init__(self, items=()):
        self.extend(items)

    def __class_getitem__(cls, item):
        return cls

    cpdef append(self, item):
        while self._count == PyList_GET_SIZE(self._ring):
            self._grow()
        _set(self._ring, (self._first + self._count) & (PyList_GET_SIZE(self._ring) - 1), item)
        self._count += 1

    cpdef appendleft(self, item):
        while self._count == PyList_GET_SIZE(self._ring):
            self._grow()
        self._first = (self._first - 1) & (PyList_GET_SIZE(self._ring) - 1)
        _set(self._ring, self._first, item)
        self._count += 1

    cpdef popleft(self):
        if not self._count:
            raise IndexError("nothing stands here")
        item = <object>PyList_GET_ITEM(self._ring, self._first)
        _set(self._ring, self._first, None)
        self._first = (self._first + 1) & (PyList_GET_SIZE(self._ring) - 1)
        self._count -= 1
        if not self._count and PyList_GET_SIZE(self._ring) > KEPT:
            shorter = [None] * LEAST
            if not self._count:
                self._ring = shorter
                self._first = 0
        return item

    # A new list may begin a collection, and what that ends may put something here, or take it.

    cdef int _grow(self) except -1:
        cdef list ring = self._ring, longer
        cdef Py_ssize_t first = self._first, count = self._count
        longer = ring[first:] + ring[:first] + [None] * PyList_GET_SIZE(ring)
        if self._ring is ring and self._first == first and self._count == count:
            self._ring = longer
            self._first = 0
        return 0

    cdef Py_ssize_t _place(self, Py_ssize_t index) except -1:
        if index < 0:
            index += self._count
        if not 0 <= index < self._count:
            raise IndexError(f"{index}: {self._count} stand here")
        return (self._first + index) & (PyList_GET_SIZE(self._ring) - 1)

    def extend(self, items):
        for item in items:
            self.append(item)

    def extendleft(self, items):
        for item in items:
            self.appendleft(item)

    def __len__(self):
        return self._count

    def __bool__(self):
        return self._count != 0

    def __iter__(self):
        cdef Py_ssize_t index = 0
        while index < self._count:
            yield <object>PyList_GET_ITEM(self._ring, self._place(index))
            index += 1

    def __reversed__(self):
        cdef Py_ssize_t index = self._count
        while 0 < index <= self._count:
            index -= 1
            yield <object>PyList_GET_ITEM(self._ring, self._place(index))

    def __getitem__(self, Py_ssize_t index):
        return <object>PyList_GET_ITEM(self._ring, self._place(index))

    def __setitem__(self, Py_ssize_t index, item):
        _set(self._ring, self._place(index), item)

    def __delitem__(self, Py_ssize_t index):
        cdef Py_ssize_t place = self._place(index)
        if index < 0:
            index += self._count
        # Held until it is out: its end may be that of something that acts on this row.
        taken = <object>PyList_GET_ITEM(self._ring, place)
        # Those before it move on: what is taken out stands near the beginning, mostly.
        while index > 0:
            index -= 1
            before = <object>PyList_GET_ITEM(self._ring, self._place(index))
            _set(self._ring, place, before)
            place = self._place(index)
        self.popleft()

    def __repr__(self):
        return f"Fifo({list(self)!r})"
