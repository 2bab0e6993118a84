# What other native parts of the package may call without going through Python.

cdef object decode_within(
    const unsigned char *start, Py_ssize_t size, tuple atoms, object limits, Py_ssize_t *after
)
cdef object decode_around(bytes octets, bytes binary, Py_ssize_t before, tuple atoms, object limits)
cdef bytes encode_two(
    object first, object second, bint both, object atom_ref, Py_ssize_t *split, Py_ssize_t large, list apart
)
