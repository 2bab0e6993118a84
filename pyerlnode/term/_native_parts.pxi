# What the frames of the distribution protocol are read and written with: see _native.pxd.

cdef object decode_within(
    const unsigned char *start, Py_ssize_t size, tuple atoms, object limits, Py_ssize_t *after
):
    """As `decode_at`, of `size` bytes; whatever is wrong with them is a _Refused, or a TermError."""
    cdef Reader r
    r.apart = NULL
    r.start = start
    r.end = start + size
    return _decode_within(&r, atoms, limits, after)


cdef object decode_around(
    bytes octets, bytes binary, Py_ssize_t before, tuple atoms, object limits
):
    """The same, where the bytes of a binary are not in `octets` but belong behind so many of them.

    It is the caller's business that the binary's length stands there.
    """
    cdef Reader r
    cdef Py_ssize_t after
    r.start = <const unsigned char *>PyBytes_AS_STRING(octets)
    r.end = r.start + PyBytes_GET_SIZE(octets)
    r.apart = r.start + before
    r.binary = <PyObject *>binary
    return _decode_within(&r, atoms, limits, &after)


cdef object _decode_within(Reader *r, tuple atoms, object limits, Py_ssize_t *after):
    cdef bint paused = False
    if limits is not _limits:
        _take_limits(limits)
    r.at = r.start
    r.pending = 1
    r.depth = 0
    r.max_depth = _limit_depth
    r.elements = _limit_elements
    r.new_atoms = _limit_new_atoms
    r.integer_bytes = _limit_integer_bytes
    r.views = -1
    r.cache_refs = 0
    r.text = False
    r.structs = True
    r.plain = True
    r.octets = NULL
    r.atoms = <PyObject *>atoms
    r.settings = <PyObject *>limits
    r.context = NULL
    if r.end - r.start > LARGE:
        paused = PyGC_Disable()
    try:
        term = _term(r)
    finally:
        if paused:
            PyGC_Enable()
        Py_XDECREF(r.context)
        Py_XDECREF(r.octets)
    after[0] = r.at - r.start
    return term


cdef bytes encode_two(
    object first, object second, bint both, object atom_ref, Py_ssize_t *split, Py_ssize_t large, list apart
):
    """The encodings of `first` and, if `both`, `second` in a row, without version bytes; `split`: where that begins.

    The bytes of binaries of `second` that have `large` bytes or more are not among them: `apart` gets each
    of these, and behind it the offset where they belong.
    """
    cdef Writer w
    cdef bytearray out
    cdef PyObject *result = NULL
    _begin(&w, atom_ref, False)
    if (<Writing>_write_borrowed)(&w, <PyObject *>first) == 0:
        split[0] = w.at - w.start
        if both:
            w.large = large
            w.apart = <PyObject *>apart
        if not both or (<Writing>_write_borrowed)(&w, <PyObject *>second) == 0:
            result = (<Resulting>_result)(&w)
    _release(&w)
    if result != NULL or not PyErr_ExceptionMatches(_FAILED):
        return Term_Owned(result)
    PyErr_Clear()
    apart.clear()
    out = bytearray()
    _reference_encoder().encode_parts(first, out, atom_ref)
    split[0] = len(out)
    if both:
        _reference_encoder().encode_parts(second, out, atom_ref)
    return bytes(out)
