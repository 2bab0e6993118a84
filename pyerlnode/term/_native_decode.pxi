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
    bint plain                  # every binary is read as bytes
    PyObject *octets            # what `start` points into; NULL: made when it is needed, see `_whole`
    const unsigned char *apart  # where a binary's bytes are left out; NULL: nowhere
    PyObject *binary            # that binary
    PyObject *atoms
    PyObject *settings
    PyObject *context           # the reference's, made when it is needed


# Where the collector goes over objects that only just came: not worth it for small terms.
cdef enum:
    LARGE = 8192

# What gives an object, for one who looks at what was raised himself: a try statement would save, and
# bring back, what is being handled outside, which takes longer than reading a small term.
ctypedef PyObject *(*Reading)(Reader *) noexcept
ctypedef PyObject *(*ReadingSome)(Reader *, Py_ssize_t) noexcept
ctypedef PyObject *(*ReadingBehind)(Reader *, PyObject *) noexcept

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
    r.plain = not text and r.views < 0
    r.octets = <PyObject *>octets
    r.apart = NULL
    r.atoms = <PyObject *>atoms
    r.settings = <PyObject *>limits
    r.context = NULL
    if r.end - r.at > LARGE:
        paused = PyGC_Disable()
    term = _read(&r)
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


cdef inline object _term(Reader *r):
    return Term_Owned(_read(r))


cdef inline PyObject *_refused() noexcept:
    Term_RefuseHere(_REFUSED)
    return NULL


# By the tag, with `at` on it and a byte at least behind it.  Each kind that comes often has a function that
# looks once whether all of it is there, and leaves whatever is out of the ordinary to `_other`.
cdef Reading _readers[256]


cdef inline PyObject *_read(Reader *r) noexcept:
    """The next term as a reference of one's own; NULL, with something raised, where there is none."""
    if r.end - r.at < 2:
        return (<Reading>_last)(r)
    return _readers[r.at[0]](r)


cdef PyObject *_read_byte(Reader *r) noexcept:
    cdef const unsigned char *p = r.at
    r.pending -= 1
    r.at = p + 2
    return Term_Long(p[1])


cdef PyObject *_read_int(Reader *r) noexcept:
    cdef const unsigned char *p = r.at
    if r.end - p < 5:
        return _refused()
    r.pending -= 1
    r.at = p + 5
    return Term_Long(<int32_t>_u32(p + 1))


cdef enum:
    RECENT = 128                # two for each of so many as 6 bits say

# Short atoms that came lately, where their bytes say, in one of two places.  Atoms are never freed.
cdef PyObject *_recent[RECENT]
# Of HEAD bytes, those that belong to an atom of each length.
cdef uint64_t _masks[HEAD + 1][2]


cdef int _set_atoms() except -1:
    cdef Py_ssize_t at
    for at in range(RECENT):
        _recent[at] = <PyObject *>_NIL
    for at in range(HEAD + 1):
        memset(_masks[at], 0xFF, at)
    return 0


_set_atoms()


cdef inline PyObject **_places(const unsigned char *p, uint64_t *head) noexcept:
    """Where the atom stands if it came lately; and its bytes, with zeros behind them."""
    cdef const uint64_t *mask = _masks[p[1] + 2]
    memcpy(head, p, HEAD)
    head[0] &= mask[0]
    head[1] &= mask[1]
    return _recent + ((head[0] ^ (head[1] << 7 | head[1] >> 57)) * 0xFF51AFD7ED558CCDULL >> 58) * 2


cdef inline bint _has_head(PyObject *atom, const uint64_t *head) noexcept:
    cdef uint64_t other[2]
    memcpy(other, (<_AtomBase>atom).head, HEAD)
    return (other[0] ^ head[0] | other[1] ^ head[1]) == 0


cdef PyObject *_read_atom(Reader *r) noexcept:
    cdef const unsigned char *p = r.at
    cdef uint64_t head[2]
    cdef PyObject **places
    cdef PyObject *atom
    if p[1] > HEAD - 2 or r.end - p < HEAD:
        return _read_far_atom(r)
    places = _places(p, head)
    atom = places[0]
    if not _has_head(atom, head):
        atom = places[1]
        if not _has_head(atom, head):
            return _read_far_atom(r)
    r.pending -= 1
    r.at = p + 2 + p[1]
    atom = (<_AtomBase>atom).value
    Term_Incref(atom)
    return atom


cdef PyObject *_read_far_atom(Reader *r) noexcept:
    """An atom that did not come lately, or is not short."""
    cdef const unsigned char *p = r.at
    cdef Py_ssize_t size = p[1], left = r.end - p
    cdef uint64_t head[2]
    cdef PyObject **places
    cdef PyObject *atom
    if left < 2 + size:
        return _refused()
    atom = _table_find(<const char *>p + 2, size)
    if atom == NULL:
        return (<Reading>_other)(r)
    if size <= HEAD - 2 and left >= HEAD:
        places = _places(p, head)
        places[1] = places[0]
        places[0] = atom
    r.pending -= 1
    r.at = p + 2 + size
    atom = (<_AtomBase>atom).value
    Term_Incref(atom)
    return atom


cdef PyObject *_read_bytes(Reader *r) noexcept:
    cdef const unsigned char *p = r.at
    cdef Py_ssize_t left = r.end - p - 5, size
    if left < 0 or not r.plain or p + 5 == r.apart:
        return (<Reading>_other)(r)
    if <uint64_t>left < _u32(p + 1):
        return _refused()
    size = _u32(p + 1)
    r.pending -= 1
    r.at = p + 5 + size
    return Term_NewBytes(<const char *>p + 5, size)


cdef PyObject *_read_small_tuple(Reader *r) noexcept:
    cdef const unsigned char *p = r.at
    if r.depth >= DEEP:
        return (<Reading>_other)(r)
    r.pending -= 1
    r.at = p + 2
    return _read_tuple(r, p[1])


cdef PyObject *_read_list(Reader *r) noexcept:
    cdef const unsigned char *p = r.at
    cdef Py_ssize_t size
    if r.depth >= DEEP or r.end - p < 5:
        return (<Reading>_other)(r)
    r.pending -= 1
    r.at = p + 5
    size = _u32(p + 1)
    return _read_cell(r) if size == 1 else (<ReadingSome>_list)(r, size)


cdef PyObject *_read_map(Reader *r) noexcept:
    cdef const unsigned char *p = r.at
    if r.depth >= DEEP or r.end - p < 5:
        return (<Reading>_other)(r)
    r.pending -= 1
    r.at = p + 5
    return (<ReadingSome>_map)(r, _u32(p + 1))


cdef PyObject *_read_float(Reader *r) noexcept:
    cdef const unsigned char *p = r.at
    cdef uint64_t bits
    cdef double value
    if r.end - p < 9:
        return _refused()
    bits = _u64(p + 1)
    memcpy(&value, &bits, 8)
    if value - value != 0.0:
        return _refused()
    r.pending -= 1
    r.at = p + 9
    return Term_Float(value)


cdef int _set_readers() except -1:
    cdef int tag
    for tag in range(256):
        _readers[tag] = <Reading>_other
    _readers[97] = _read_byte
    _readers[98] = _read_int
    _readers[119] = _read_atom
    _readers[109] = _read_bytes
    _readers[104] = _read_small_tuple
    _readers[108] = _read_list
    _readers[116] = _read_map
    _readers[70] = _read_float
    _readers[88] = _read_pid
    _readers[90] = _read_reference
    return 0


_set_readers()


cdef object _last(Reader *r):
    """The only term that takes less than two bytes."""
    if _take(r, 1)[0] != 106:
        _refuse()
    r.pending -= 1
    return []


cdef object _other(Reader *r):
    """Any term that has no function of its own, or is not what that expects."""
    cdef const unsigned char *p
    cdef int tag = _take(r, 1)[0]
    cdef Py_ssize_t size
    r.pending -= 1
    if tag == 119 or tag == 82 or tag == 100 or tag == 115 or tag == 118:
        return <object>_any_atom(r, tag).value
    elif tag == 109:
        return _binary(r)
    elif tag == 88:
        return _pid(r)
    elif tag == 90:
        return _reference_term(r)
    elif tag == 106:
        return []
    elif tag == 107:
        p = _take(r, 2)
        size = <Py_ssize_t>p[0] << 8 | p[1]
        return _octets(r, [], size)
    elif tag == 110:
        return _big(r, _take(r, 1)[0])
    elif tag == 111:
        return _big(r, _u32(_take(r, 4)))
    elif r.depth >= DEEP and (tag == 104 or tag == 105 or tag == 108 or tag == 116 or tag == 67 or tag == 112):
        r.at -= 1
        return _deep(r)
    elif tag == 105:
        return Term_Owned(_read_tuple(r, _u32(_take(r, 4))))
    elif tag == 108 or tag == 116:
        _refuse()
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


# The last pid that came: who calls monitors as well, and sends more than one message.
cdef Pid _last_pid = Pid("nil", 0, 0, 0)


cdef inline bint _is_last_pid(const unsigned char *p) noexcept:
    """Whether the twelve bytes behind the last node are those of the last pid."""
    return (
        _u32(p) == _last_pid.number
        and _u32(p + 4) == _last_pid.turn
        and _u32(p + 8) == _last_pid.epoch
        and <PyObject *>_last_pid.atom is _last_node
    )


cdef inline const unsigned char *_behind_node(
    const Reader *r, const unsigned char *p, Py_ssize_t more
) noexcept:
    """The place behind the last node, where that stands at `p` and so many bytes behind it; else NULL."""
    cdef Py_ssize_t length = (<_AtomBase>_last_node).length
    if r.end - p < length + more or not Term_Same(
        <const char *>p, PyBytes_Start(<PyObject *>(<_AtomBase>_last_node).wire), length
    ):
        return NULL
    return p + length


cdef PyObject *_read_pid(Reader *r) noexcept:
    cdef const unsigned char *p = _behind_node(r, r.at + 1, 12)
    if p == NULL:
        return (<Reading>_other)(r)
    r.pending -= 1
    r.at = p
    if not _is_last_pid(p):
        return (<Reading>_pid_of_last_node)(r)
    r.at = p + 12
    Term_Incref(<PyObject *>_last_pid)
    return <PyObject *>_last_pid


cdef object _pid(Reader *r):
    _node(r)
    r.at = _take(r, 12)
    return _pid_of_last_node(r)


cdef object _pid_of_last_node(Reader *r):
    """A pid whose twelve bytes stand at `at`, and are there."""
    global _last_pid
    cdef const unsigned char *p = r.at
    cdef PyObject *node = _last_node
    cdef Pid pid = Pid.__new__(Pid)
    r.at = p + 12
    pid.atom = <_AtomBase>node
    pid.number = _u32(p)
    pid.turn = _u32(p + 4)
    pid.epoch = _u32(p + 8)
    _last_pid = pid
    return pid


cdef PyObject *_read_reference(Reader *r) noexcept:
    cdef const unsigned char *p = r.at
    cdef Py_ssize_t count
    if r.end - p < 3:
        return _refused()
    count = <Py_ssize_t>p[1] << 8 | p[2]
    p = _behind_node(r, p + 3, 4 + 4 * count)
    if p == NULL or count > WORDS:
        return (<Reading>_other)(r)
    r.pending -= 1
    r.at = p
    return (<ReadingSome>_of_last_node)(r, count)


cdef object _of_last_node(Reader *r, Py_ssize_t count):
    """A reference whose creation and words stand at `at`, and are there."""
    cdef PyObject *node = _last_node
    cdef Reference ref = Reference.__new__(Reference)
    ref.atom = <_AtomBase>node
    _take_words(r, ref, count)
    return ref


cdef inline void _take_words(Reader *r, Reference ref, Py_ssize_t count) noexcept:
    cdef const unsigned char *p = r.at
    cdef Py_ssize_t at
    ref.epoch = _u32(p)
    ref.count = <int>count
    for at in range(count):
        p += 4
        ref.word[at] = _u32(p)
    r.at = p + 4


cdef object _reference_term(Reader *r):
    cdef Reference ref = Reference.__new__(Reference)
    cdef const unsigned char *p = _take(r, 2)
    cdef Py_ssize_t count = <Py_ssize_t>p[0] << 8 | p[1]
    if count > WORDS:
        _refuse()
    ref.atom = _node(r)
    r.at = _take(r, 4 + 4 * count)
    _take_words(r, ref, count)
    return ref


# --- containers ----------------------------------------------------------------------

cdef inline bint _opened(Reader *r, Py_ssize_t size) noexcept:
    """As `_open`: whether that may be."""
    r.depth += 1
    r.elements -= size
    r.pending += size
    return r.depth <= r.max_depth and r.elements >= 0 and r.pending <= r.end - r.at


cdef PyObject *_read_tuple(Reader *r, Py_ssize_t size) noexcept:
    cdef Py_ssize_t at
    cdef PyObject *item
    cdef PyObject *result
    if not _opened(r, size):
        return _refused()
    result = Term_NewTuple(size)
    if result == NULL:
        return NULL
    for at in range(size):
        item = _read(r)
        if item == NULL:
            Py_XDECREF(result)
            return NULL
        Term_PutTuple(result, at, item)
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
    result = PyList_New(size)
    at = 0
    while at < size:
        if r.end - r.at >= 5 and r.at[0] == 98:
            at = _ints(r, result, at, size)
            continue
        item = _read(r)
        if item == NULL:
            Term_Raised()
        Term_SetList(result, at, item)
        at += 1
    tail = _tail(r, result)
    r.depth -= 1
    return tail


cdef PyObject *_read_cell(Reader *r) noexcept:
    """A list of one element and its tail: an alias is an improper one."""
    cdef PyObject *head
    cdef PyObject *result
    if not _opened(r, 1):
        return _refused()
    r.pending += 1
    head = _read(r)
    if head == NULL:
        return NULL
    result = (<ReadingBehind>_cell)(r, head)
    Py_XDECREF(head)
    r.depth -= 1
    return result


cdef object _cell(Reader *r, object head):
    cdef ImproperList improper
    cdef int tag = r.at[0] if r.at < r.end else 0
    if 106 <= tag <= 108:
        return _tail(r, [head])
    tail = _term(r)
    if type(tail) is Reference and KindOf(head) is ATOM:
        return _alias(head, tail)
    improper = ImproperList.__new__(ImproperList)
    improper.head = head
    improper.tail = tail
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
        if KindOf(key) is not ATOM and not _is_flat(<PyObject *>key):
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
