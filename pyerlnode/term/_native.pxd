# What other native parts of the package may call without going through Python.

cdef object decode_within(bytes octets, Py_ssize_t offset, Py_ssize_t end, tuple atoms, object limits, Py_ssize_t *after)
cdef bytes encode_two(object first, object second, bint both, object atom_ref, Py_ssize_t *split)
