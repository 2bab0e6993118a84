# What other native parts of the package may call without going through Python.

from libc.stdint cimport uint64_t

# Who knows a number for an atom: what `encode_parts` and `encode_two` may have as their `atom_ref`.
cdef class AtomRefs:
    # -1 for one that has to be written out
    cdef int number(self, object atom) except -2

cdef object decode_within(
    const unsigned char *start, Py_ssize_t size, tuple atoms, object limits, Py_ssize_t *after
)
cdef object decode_around(bytes octets, bytes binary, Py_ssize_t before, tuple atoms, object limits)
cdef bytes encode_two(
    object first, object second, bint both, object atom_ref, Py_ssize_t *split, Py_ssize_t large, list apart
)

# `Pid(node, number & 0xFFFFFFF, number >> 28, creation)`, and the number again
cdef object pid_of(object node, uint64_t number, object creation)
cdef object pid_number(object pid)
