# Bytes to terms.

cdef struct Reader:
    const unsigned char *start
    const unsigned char *at
    const unsigned char *end
    Py_ssize_t pending          # terms that were announced and have not begun
    Py_ssize_t depth            # containers that are open
    Py_ssize_t max_depth
    Py_ssize_t elements         # what is left of the limits
    Py_ssize_t new_atoms
    Py_ssize_t integer_bytes
    Py_ssize_t views            # binaries of this size are not copied; -1: all are
    Py_ssize_t cache_refs
    bint text
    bint structs
    PyObject *octets            # what `start` points into; NULL: made when it is needed, see `_whole`
    const unsigned char *apart  # where a binary's bytes are left out; NULL: nowhere
    PyObject *binary            # that binary
    PyObject *atoms
    PyObject *settings
    PyObject *context           # the reference's, made when it is needed


# Where the collector goes over objects that only just came: not worth it for small terms.
cdef enum:
    LARGE = 8192

# `_term`, for one who looks at what was raised himself: a try statement would save, and bring back,
# what is being handled outside, which takes longer than reading a small term.
ctypedef PyObject *(*Reading)(Reader *) noexcept

# What the limits were the last time; they are frozen, and nearly always the same.
cdef object _limits = None
cdef Py_ssize_t _limit_depth, _limit_elements, _limit_new_atoms, _limit_integer_bytes


cdef Py_ssize_t _bounded(object limit) except? -2:
    return PY_SSIZE_T_MAX if limit > PY_SSIZE_T_MAX else -1 if limit < 0 else int(limit)


cdef int _take_limits(object limits) except -1:
    global _limits, _limit_depth, _limit_elements, _limit_new_atoms, _limit_integer_bytes
    _limits = None
    _limit_depth = _bounded(limits.depth)
    _limit_elements = _bounded(limits.elements)
    _limit_new_atoms = _bounded(limits.new_atoms)
    _limit_integer_bytes = _bounded(limits.integer_bytes)
    _limits = limits
    return 0


def decode(data, *, bint text=False, limits=DEFAULT_LIMITS, bint structs=True, views=None):
    """Give the term that `data` begins with: see `_decode.decode`."""
    octets = data if type(data) is bytes else memoryview(data).tobytes()
    cdef const unsigned char *start = <const unsigned char *>PyBytes_AS_STRING(octets)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(octets)
    if size < 2 or start[0] != 131 or start[1] == 80:
        return _reference().decode_with(decode_at, octets, text, limits, structs, views)
    return _decode(octets, 1, (), text, limits, structs, views, NULL)


def decode_at(data, offset, *, atoms=(), bint text=False, limits=DEFAULT_LIMITS, bint structs=True, views=None):
    """Read one term without version byte at `offset`: see `_decode.decode_at`."""
    octets = data if type(data) is bytes else memoryview(data).tobytes()
    cdef Py_ssize_t end
    if not 0 <= offset <= len(octets):
        raise UsageError(f"offset {offset} in {len(octets)} bytes")
    term = _decode(octets, offset, atoms, text, limits, structs, views, &end)
    return (term, end)


cdef object _decode(
    bytes octets, Py_ssize_t offset, object atoms, bint text, object limits, bint structs, object views,
    Py_ssize_t *end,
):
    cdef Reader r
    cdef PyObject *term
    cdef bint paused = False
    if limits is not _limits:
        _take_limits(limits)
    if type(atoms) is not tuple:
        atoms = tuple(atoms)
    r.start = <const unsigned char *>PyBytes_AS_STRING(octets)
    r.at = r.start + offset
    r.end = r.start + PyBytes_GET_SIZE(octets)
    r.pending = 1
    r.depth = 0
    r.max_depth = _limit_depth
    r.elements = _limit_elements
    r.new_atoms = _limit_new_atoms
    r.integer_bytes = _limit_integer_bytes
    r.views = -1 if views is None else max(_bounded(views), 0)
    r.cache_refs = 0
    r.text = text
    r.structs = structs
    r.octets = <PyObject *>octets
    r.apart = NULL
    r.atoms = <PyObject *>atoms
    r.settings = <PyObject *>limits
    r.context = NULL
    if r.end - r.at > LARGE:
        paused = PyGC_Disable()
    term = (<Reading>_term)(&r)
    if paused:
        PyGC_Enable()
    Py_XDECREF(r.context)
    if term != NULL or not PyErr_ExceptionMatches(_MALFORMED):
        if end != NULL:
            end[0] = r.at - r.start
        return Term_Owned(term)
    PyErr_Clear()
    # Some atoms may have come to be known by now; they stay counted.
    found = _reference().read_again(
        octets, offset, atoms, text, limits, structs, views, r.new_atoms
    )
    if end != NULL:
        end[0] = found[1]
    return found[0]


# --- the reference codec, where it is needed -----------------------------------------

cdef object _decode_module = None
# What its functions raise instead of a TermDecodeError.
cdef tuple _MALFORMED = (_Refused, IndexError, _struct.error)


cdef object _reference():
    global _decode_module, _MALFORMED
    if _decode_module is None:
        from pyerlnode.term import _decode as module
        _MALFORMED += (module._Refused,)
        _decode_module = module
    return _decode_module


cdef object _context(Reader *r):
    """The reference's context, with what is left of the limits."""
    if r.context == NULL:
        context = _reference().Context(
            <object>r.atoms, <object>r.settings, r.text, None if r.views < 0 else r.views
        )
        Py_INCREF(context)
        r.context = <PyObject *>context
    context = <object>r.context
    context.elements = r.elements
    context.new_atoms = r.new_atoms
    context.cache_refs = r.cache_refs
    return context


cdef int _take_back(Reader *r, Py_ssize_t at) except -1:
    """Go on at the offset `at`, with what the reference's functions have left of the limits."""
    context = <object>r.context
    r.elements = context.elements
    r.new_atoms = context.new_atoms
    r.cache_refs = context.cache_refs
    if not 0 <= at <= r.end - r.start:
        _refuse()
    r.at = r.start + at
    return 0


cdef object _whole(Reader *r):
    """What `start` points into as an object, for the reference's functions."""
    if r.octets == NULL:
        if r.apart != NULL:
            _refuse()
        r.octets = PyBytes_New(<const char *>r.start, r.end - r.start)
    return <object>r.octets


cdef object _rare(Reader *r, int tag):
    """What the reference has a function for, with `at` behind the tag."""
    module = _reference()
    context = _context(r)
    read = context.leaves[tag]
    if read is not None:
        value, at = read(_whole(r), r.at - r.start, context)
        _take_back(r, at)
        return value
    read = module.OPENERS[tag]
    if read is None:
        _refuse()
    size, build, at = read(_whole(r), r.at - r.start, context)
    _take_back(r, at)
    _open(r, size)
    items = [_term(r) for _ in range(size)]
    r.depth -= 1
    _context(r)
    return build(items, r.at - r.start)


cdef object _deep(Reader *r):
    """A container at the end of what recursion may do, with `at` on its tag."""
    value, at = _reference().read_deep(
        _whole(r), r.at - r.start, _context(r), r.structs, r.depth
    )
    _take_back(r, at)
    return value


# --- the reader ----------------------------------------------------------------------

cdef inline const unsigned char *_take(Reader *r, Py_ssize_t size) except NULL:
    """The only way on: the next `size` bytes, which are there."""
    cdef const unsigned char *at = r.at
    if size > r.end - at:
        _refuse()
    r.at = at + size
    return at


cdef inline int _open(Reader *r, Py_ssize_t size) except -1:
    """Begin a container of `size` terms; each takes a byte at least, and so does every other one to come."""
    r.depth += 1
    r.elements -= size
    r.pending += size
    if r.depth > r.max_depth or r.elements < 0 or r.pending > r.end - r.at:
        _refuse()
    return 0


cdef object _term(Reader *r):
    cdef const unsigned char *p
    cdef int tag = _take(r, 1)[0]
    cdef Py_ssize_t size
    r.pending -= 1
    if tag == 97:
        return PyLong_FromLong(_take(r, 1)[0])
    elif tag == 98:
        return PyLong_FromLong(<int32_t>_u32(_take(r, 4)))
    elif tag == 119:
        size = _take(r, 1)[0]
        return <object>_utf8_atom(r, size).value
    elif tag == 109:
        return _binary(r)
    elif tag == 104:
        if r.depth >= DEEP:
            r.at -= 1
            return _deep(r)
        return _tuple(r, _take(r, 1)[0])
    elif tag == 108:
        if r.depth >= DEEP:
            r.at -= 1
            return _deep(r)
        return _list(r, _u32(_take(r, 4)))
    elif tag == 106:
        return []
    elif tag == 116:
        if r.depth >= DEEP:
            r.at -= 1
            return _deep(r)
        return _map(r, _u32(_take(r, 4)))
    elif tag == 70:
        return _float(r)
    elif tag == 88:
        return _pid(r)
    elif tag == 90:
        return _reference_term(r)
    elif tag == 107:
        p = _take(r, 2)
        size = <Py_ssize_t>p[0] << 8 | p[1]
        return _octets(r, [], size)
    elif tag == 110:
        return _big(r, _take(r, 1)[0])
    elif tag == 111:
        return _big(r, _u32(_take(r, 4)))
    elif tag == 105:
        if r.depth >= DEEP:
            r.at -= 1
            return _deep(r)
        return _tuple(r, _u32(_take(r, 4)))
    elif tag == 82 or tag == 100 or tag == 115 or tag == 118:
        return <object>_any_atom(r, tag).value
    elif r.depth >= DEEP and (tag == 67 or tag == 112):
        r.at -= 1
        return _deep(r)
    return _rare(r, tag)


# --- atoms ---------------------------------------------------------------------------

cdef inline _AtomBase _utf8_atom(Reader *r, Py_ssize_t size):
    cdef const char *text = <const char *>_take(r, size)
    cdef PyObject *atom = _table_find(text, size)
    if atom != NULL:
        return <_AtomBase>atom
    return _unknown_atom(r, text, size)


cdef _AtomBase _unknown_atom(Reader *r, const char *text, Py_ssize_t size):
    try:
        name = PyUnicode_DecodeUTF8(text, size, NULL)
    except UnicodeDecodeError:
        _refuse()
    return _named(r, name)


cdef _AtomBase _latin1_atom(Reader *r, Py_ssize_t size):
    return _named(r, PyUnicode_DecodeLatin1(<const char *>_take(r, size), size, NULL))


cdef _AtomBase _named(Reader *r, str name):
    atom = _atoms.get(name)
    if atom is None:
        if len(name) > 255 or r.new_atoms <= 0:
            _refuse()
        try:
            atom = _intern(name)
        except UsageError:
            _refuse()
        r.new_atoms -= 1
    return <_AtomBase>atom


cdef _AtomBase _any_atom(Reader *r, int tag):
    """The atom behind `tag`, in any of its forms."""
    cdef const unsigned char *p
    if tag == 119:
        return _utf8_atom(r, _take(r, 1)[0])
    if tag == 82:
        return _cached_atom(r, _take(r, 1)[0])
    if tag == 115:
        return _latin1_atom(r, _take(r, 1)[0])
    if tag != 118 and tag != 100:
        _refuse()
    p = _take(r, 2)
    if tag == 118:
        return _utf8_atom(r, <Py_ssize_t>p[0] << 8 | p[1])
    return _latin1_atom(r, <Py_ssize_t>p[0] << 8 | p[1])


cdef _AtomBase _cached_atom(Reader *r, Py_ssize_t index):
    cdef PyObject *atom
    if index >= PyTuple_GET_SIZE(<object>r.atoms):
        _refuse()
    atom = PyTuple_GET_ITEM(r.atoms, index)
    if Py_TYPE(atom) is not ATOM:
        _refuse()
    r.cache_refs += 1
    return <_AtomBase>atom


# --- other leaves --------------------------------------------------------------------

cdef object _binary(Reader *r):
    cdef Py_ssize_t size = _u32(_take(r, 4))
    if r.at == r.apart:
        return <object>r.binary
    cdef const char *octets = <const char *>_take(r, size)
    if 0 <= r.views <= size:
        return memoryview(<object>r.octets)[octets - <const char *>r.start : r.at - r.start]
    if r.text:
        try:
            return PyUnicode_DecodeUTF8(octets, size, NULL)
        except UnicodeDecodeError:
            pass
    return PyBytes_FromStringAndSize(octets, size)


cdef object _float(Reader *r):
    cdef uint64_t bits = _u64(_take(r, 8))
    cdef double value
    memcpy(&value, &bits, 8)
    if value - value != 0.0:
        _refuse()
    return PyFloat_FromDouble(value)


cdef object _big(Reader *r, Py_ssize_t size):
    cdef bint minus = _take(r, 1)[0] != 0
    cdef const unsigned char *digits = _take(r, size)
    if size > r.integer_bytes:
        _refuse()
    value = _PyLong_FromByteArray(digits, size, 1, 0)
    return -value if minus else value


cdef object _octets(Reader *r, list items, Py_ssize_t size):
    """Add the integers of a STRING to `items`."""
    cdef const unsigned char *octets = _take(r, size)
    cdef Py_ssize_t at
    cdef list result
    r.elements -= size
    if r.elements < 0:
        _refuse()
    result = PyList_New(size)
    for at in range(size):
        item = PyLong_FromLong(octets[at])
        Py_INCREF(item)
        PyList_SET_ITEM(result, at, item)
    if not items:
        return result
    items += result
    return items


cdef PyObject *_last_node = <PyObject *>_NIL


cdef _AtomBase _node(Reader *r):
    """The node of a pid or a reference, mostly the same as that of the one before."""
    global _last_node
    cdef Py_ssize_t length = (<_AtomBase>_last_node).length
    if r.end - r.at >= length and Term_Same(
        <const char *>r.at, PyBytes_AS_STRING((<_AtomBase>_last_node).wire), length
    ):
        r.at += length
        return <_AtomBase>_last_node
    atom = _any_atom(r, _take(r, 1)[0])
    # Atoms are never freed.
    _last_node = <PyObject *>atom
    return atom


cdef object _pid(Reader *r):
    cdef Pid pid = Pid.__new__(Pid)
    cdef const unsigned char *p
    pid.atom = _node(r)
    p = _take(r, 12)
    pid.number = _u32(p)
    pid.turn = _u32(p + 4)
    pid.epoch = _u32(p + 8)
    return pid


cdef object _reference_term(Reader *r):
    cdef Reference ref = Reference.__new__(Reference)
    cdef const unsigned char *p = _take(r, 2)
    cdef int count = p[0] << 8 | p[1], at
    if count > WORDS:
        _refuse()
    ref.atom = _node(r)
    p = _take(r, 4 + 4 * count)
    ref.epoch = _u32(p)
    ref.count = count
    for at in range(count):
        ref.word[at] = _u32(p + 4 + 4 * at)
    return ref


# --- containers ----------------------------------------------------------------------

cdef object _tuple(Reader *r, Py_ssize_t size):
    cdef Py_ssize_t at
    cdef PyObject *item
    cdef tuple result
    _open(r, size)
    result = PyTuple_New(size)
    for at in range(size):
        item = (<Reading>_term)(r)
        if item == NULL:
            Term_Raised()
        Term_SetTuple(result, at, item)
    r.depth -= 1
    return result


cdef Py_ssize_t _ints(Reader *r, list result, Py_ssize_t at, Py_ssize_t size) except -1:
    """Read the integers of 32 bits that come in a row into the list, from `at` on; give the place behind them."""
    cdef const unsigned char *p = r.at
    cdef Py_ssize_t first = at
    cdef PyObject *item
    while at < size and r.end - p >= 5 and p[0] == 98:
        item = Term_Int(<int32_t>_u32(p + 1))
        if item == NULL:
            Term_Raised()
        Term_SetList(result, at, item)
        p += 5
        at += 1
    r.at = p
    r.pending -= at - first
    return at


cdef object _list(Reader *r, Py_ssize_t size):
    cdef Py_ssize_t at
    cdef PyObject *item
    cdef list result
    _open(r, size)
    r.pending += 1
    if size == 1:
        return _cell(r)
    result = PyList_New(size)
    at = 0
    while at < size:
        if r.end - r.at >= 5 and r.at[0] == 98:
            at = _ints(r, result, at, size)
            continue
        item = (<Reading>_term)(r)
        if item == NULL:
            Term_Raised()
        Term_SetList(result, at, item)
        at += 1
    tail = _tail(r, result)
    r.depth -= 1
    return tail


cdef object _cell(Reader *r):
    """A list of one element and its tail: an alias is an improper one."""
    cdef ImproperList improper
    head = _term(r)
    cdef int tag = r.at[0] if r.at < r.end else 0
    if 106 <= tag <= 108:
        tail = _tail(r, [head])
        r.depth -= 1
        return tail
    improper = ImproperList.__new__(ImproperList)
    improper.head = head
    improper.tail = _term(r)
    r.depth -= 1
    return improper


cdef object _tail(Reader *r, list result):
    """What stands behind the elements: NIL ends the list, another list goes on with the same one."""
    cdef const unsigned char *p = _take(r, 1)
    cdef Py_ssize_t size, at
    while p[0] == 108:
        size = _u32(_take(r, 4))
        r.elements -= size
        r.pending += size
        if r.elements < 0 or r.pending > r.end - r.at:
            _refuse()
        for at in range(size):
            result.append(_term(r))
        p = _take(r, 1)
    if p[0] == 106:
        r.pending -= 1
        return result
    if p[0] == 107:
        r.pending -= 1
        p = _take(r, 2)
        return _octets(r, result, <Py_ssize_t>p[0] << 8 | p[1])
    r.at -= 1
    return _improper(result, _term(r))


cdef object _improper(list items, object tail):
    if not items:
        return tail
    cdef ImproperList improper = ImproperList.__new__(ImproperList)
    improper.parts = tuple(items)
    improper.tail = tail
    return improper


cdef inline bint _is_flat(PyObject *key) noexcept:
    """Whether a dict can hold the key, and no code of a peer's choosing hashes it."""
    cdef PyTypeObject *kind = Py_TYPE(key)
    return (
        kind is ATOM
        or kind is &PyBytes_Type
        or kind is &PyLong_Type
        or kind is &PyUnicode_Type
        or kind is &PyFloat_Type
        or kind is &PyBool_Type
        or key is Py_None
        or kind is <PyTypeObject *>Pid
        or kind is <PyTypeObject *>Reference
        or kind is <PyTypeObject *>Port
    )


cdef object _map(Reader *r, Py_ssize_t size):
    cdef Py_ssize_t at
    cdef dict result
    cdef bint struct = False
    _open(r, 2 * size)
    # A peer's word is not enough to make a table for more than so many pairs.
    result = Term_NewDict(min(size, 16 + ((r.end - r.at) >> 3)))
    for at in range(size):
        key = _term(r)
        if not _is_flat(<PyObject *>key):
            return _exact(r, result, [key, _term(r)], size - at - 1)
        if key is _STRUCT:
            struct = True
        value = _term(r)
        PyDict_SetDefault(result, key, value)
        if PyDict_GET_SIZE(result) != at + 1:
            return _exact(r, result, [key, value], size - at - 1)
    r.depth -= 1
    return _reference()._as_struct(result) if struct and r.structs else result


cdef object _exact(Reader *r, dict before, list items, Py_ssize_t left):
    """The map where a dict may lose something: the pairs `before`, those of `items`, and those `left`."""
    cdef Py_ssize_t at
    pairs = [part for pair in before.items() for part in pair]
    pairs += items
    for at in range(2 * left):
        pairs.append(_term(r))
    r.depth -= 1
    result = _reference()._build_map(pairs, 0)
    if r.structs and type(result) is dict and "__struct__" in result:
        return _reference()._as_struct(result)
    return result
