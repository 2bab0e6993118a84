# What the frames of the distribution protocol are read and written with: see _native.pxd.

cdef object decode_within(
    bytes octets, Py_ssize_t offset, Py_ssize_t end, tuple atoms, object limits, Py_ssize_t *after
):
    """As `decode_at`, of the bytes before `end`; whatever is wrong with them is a _Refused, or a TermError."""
    cdef Reader r
    cdef bint paused = False
    if limits is not _limits:
        _take_limits(limits)
    r.start = <const unsigned char *>PyBytes_AS_STRING(octets)
    r.at = r.start + offset
    r.end = r.start + end
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
    r.octets = <PyObject *>octets
    r.atoms = <PyObject *>atoms
    r.settings = <PyObject *>limits
    r.context = NULL
    if end - offset > LARGE:
        paused = PyGC_Disable()
    try:
        term = _term(&r)
    finally:
        if paused:
            PyGC_Enable()
        Py_XDECREF(r.context)
    after[0] = r.at - r.start
    if after[0] > end:
        # A function of the reference codec, which knows of no end, has read on.
        _refuse()
    return term


cdef bytes encode_two(object first, object second, bint both, object atom_ref, Py_ssize_t *split):
    """The encodings of `first` and, if `both`, `second` in a row, without version bytes; `split`: where that begins."""
    cdef Writer w
    cdef bytearray out
    _begin(&w, atom_ref, False)
    try:
        _write(&w, first)
        split[0] = w.at - w.start
        if both:
            _write(&w, second)
        return _result(&w)
    except _FAILED:
        pass
    finally:
        _release(&w)
    out = bytearray()
    _reference_encoder().encode_parts(first, out, atom_ref)
    split[0] = len(out)
    if both:
        _reference_encoder().encode_parts(second, out, atom_ref)
    return bytes(out)
