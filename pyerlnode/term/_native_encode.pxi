# Terms to bytes, and their exact bytes.

# One pair of a map.  `order` holds the first bytes of the key's exact bytes: of an atom the first eight;
# of a binary the length, which stands before the octets, and the first four of them.
cdef struct Pair:
    uint64_t order
    const char *text            # the atom's wire, the binary's octets
    PyObject *key
    PyObject *value

# A dict whose pairs are being written.  They are borrowed until code runs that may change it.
cdef struct OpenMap:
    Pair *pairs
    Py_ssize_t size
    bint held
    OpenMap *outer

cdef struct Writer:
    unsigned char *start
    unsigned char *at
    unsigned char *end
    PyObject *owned             # the bytes object that `start` points into; NULL where it is the scratch
    PyObject *atom_ref          # NULL where every atom is written out
    PyObject *refs              # the same, where it is an `AtomRefs`
    Py_ssize_t large            # binaries of this size are not copied, they go
    PyObject *apart             # into this list, each with its offset behind it
    Py_ssize_t depth
    bint exact                  # write exact bytes
    OpenMap *maps               # the innermost map that is being written

cdef enum:
    SCRATCH = 1 << 16           # bytes that it has at first
    SCRATCH_MAX = 1 << 20       # what is larger is written where it stays
    FEW = 16                    # pairs that are sorted on the stack

# Kept from term to term: most of them are small, and one copy is less than growing each anew.
cdef unsigned char *_scratch = <unsigned char *>PyMem_Malloc(SCRATCH)
cdef Py_ssize_t _scratch_size = SCRATCH
cdef bint _scratch_taken = False
if _scratch == NULL:
    raise MemoryError


cdef class AtomRefs:
    """Numbers for atoms; called from Python it gives None for one that has none."""

    cdef int number(self, object atom) except -2:
        return -1

    def __call__(self, atom):
        cdef int number = self.number(atom)
        return None if number < 0 else number


cdef int _begin(Writer *w, object atom_ref, bint exact) except -1:
    global _scratch_taken
    w.atom_ref = NULL if atom_ref is None else <PyObject *>atom_ref
    w.refs = w.atom_ref if isinstance(atom_ref, AtomRefs) else NULL
    w.large = PY_SSIZE_T_MAX
    w.depth = 0
    w.exact = exact
    w.maps = NULL
    w.owned = NULL
    if _scratch_taken:
        # Something that is being encoded had to encode something itself.
        w.owned = PyBytes_New(NULL, 1024)
        w.start = <unsigned char *>PyBytes_Start(w.owned)
        w.end = w.start + 1024
    else:
        _scratch_taken = True
        w.start = _scratch
        w.end = _scratch + _scratch_size
    w.at = w.start
    return 0


cdef void _release(Writer *w) noexcept:
    """Give back what `_begin` took."""
    global _scratch_taken
    if w.start == _scratch:
        _scratch_taken = False
    Py_XDECREF(w.owned)
    w.owned = NULL


cdef int _grow(Writer *w, Py_ssize_t size) except -1:
    """Make room for `size` bytes more than there are."""
    global _scratch, _scratch_size, _scratch_taken
    cdef Py_ssize_t used = w.at - w.start
    cdef Py_ssize_t room = max(2 * (w.end - w.start), used + size + 64)
    cdef unsigned char *moved
    cdef PyObject *owned
    if w.owned != NULL:
        _PyBytes_Resize(&w.owned, room)
        moved = <unsigned char *>PyBytes_Start(w.owned)
    elif room <= SCRATCH_MAX:
        moved = <unsigned char *>PyMem_Realloc(_scratch, room)
        if moved == NULL:
            raise MemoryError
        _scratch = moved
        _scratch_size = room
    else:
        owned = PyBytes_New(NULL, room)
        moved = <unsigned char *>PyBytes_Start(owned)
        memcpy(moved, w.start, used)
        _scratch_taken = False
        w.owned = owned
    w.start = moved
    w.at = moved + used
    w.end = moved + room
    return 0


cdef inline unsigned char *_room(Writer *w, Py_ssize_t size) except NULL:
    """The only way on: `size` bytes to be filled."""
    if size > w.end - w.at:
        _grow(w, size)
    cdef unsigned char *at = w.at
    w.at = at + size
    return at


cdef object _result(Writer *w):
    cdef PyObject *owned = w.owned
    cdef Py_ssize_t size = w.at - w.start
    if owned == NULL:
        return PyBytes_FromStringAndSize(<char *>w.start, size)
    w.owned = NULL
    _PyBytes_Resize(&owned, size)
    result = <object>owned
    Py_DECREF(result)
    return result


# --- what others call ----------------------------------------------------------------

cdef object _encode_module = None
cdef tuple _FAILED = (_Refused, _struct.error, OverflowError, UnicodeEncodeError)


cdef object _reference_encoder():
    global _encode_module
    if _encode_module is None:
        from pyerlnode.term import _encode as module
        from pyerlnode.term import _map, structs, types
        _encode_module = module
        _take_types(types, _map)
    return _encode_module


# As `Reading`, for the writer: no try statement, which costs as much as a small term.
ctypedef int (*Writing)(Writer *, PyObject *) noexcept
ctypedef PyObject *(*Resulting)(Writer *) noexcept


@cython.binding(False)
@cython.embedsignature(True)
@cython.embedsignature.format("clinic")
def encode(obj, *, compressed=False):
    """Give the external term format of `obj`, version byte first: see `_encode.encode`."""
    cdef Writer w
    cdef PyObject *result = NULL
    if compressed is not False:
        return _reference_encoder().encode_with(encode_parts, obj, compressed)
    _begin(&w, None, False)
    _room(&w, 1)[0] = 131
    if (<Writing>_write_borrowed)(&w, <PyObject *>obj) == 0:
        result = (<Resulting>_result)(&w)
    _release(&w)
    if result != NULL or not PyErr_ExceptionMatches(_FAILED):
        return Term_Owned(result)
    PyErr_Clear()
    return _reference_encoder().encode(obj)


def encode_parts(obj, out, atom_ref=None):
    """Append the encoding of `obj`, tag first and without the version byte, to `out`: see `_encode.encode_parts`."""
    cdef Writer w
    cdef Py_ssize_t before, size
    if not isinstance(out, bytearray):
        raise TypeError(f"encode_parts appends to a bytearray, not to {type(out).__name__}")
    _begin(&w, atom_ref, False)
    try:
        _write(&w, obj)
        before = PyByteArray_GET_SIZE(out)
        size = w.at - w.start
        PyByteArray_Resize(out, before + size)
        memcpy(PyByteArray_AS_STRING(out) + before, w.start, size)
        return
    except _FAILED:
        pass
    finally:
        _release(&w)
    _reference_encoder().encode_parts(obj, out, atom_ref)


def exact_bytes(term):
    """Bytes that two terms share when, and only when, they are `=:=` in Erlang: see `_encode.exact_bytes`."""
    cdef Writer w
    if KindOf(term) is ATOM:
        return (<_AtomBase>term).wire
    _begin(&w, None, True)
    try:
        _write(&w, term)
        return _result(&w)
    except _FAILED:
        pass
    finally:
        _release(&w)
    return _reference_encoder().exact_bytes(term)


cdef bytes _exact_key(Writer *parent, object key):
    """The exact bytes of a key that the parent writes: as deep as the map that it is in."""
    cdef Writer w
    if KindOf(key) is ATOM:
        return (<_AtomBase>key).wire
    _begin(&w, None, True)
    w.depth = parent.depth
    try:
        _write(&w, key)
        return _result(&w)
    finally:
        _release(&w)


def equal(a, b):
    """Whether `a =:= b` in Erlang (OTP 27): see `_exact.equal`."""
    cdef PyTypeObject *kind = KindOf(a)
    if kind is KindOf(b) and (
        kind is ATOM
        or kind is &PyLong_Type
        or kind is &PyBytes_Type
        or kind is &PyUnicode_Type
        or kind is &PyBool_Type
        or a is None
        or kind is <PyTypeObject *>Pid
        or kind is <PyTypeObject *>Port
        or kind is <PyTypeObject *>Reference
    ):
        return bool(a == b)
    return exact_bytes(a) == exact_bytes(b)


# --- the writer ----------------------------------------------------------------------

cdef int _write(Writer *w, object item) except -1:
    return _write_borrowed(w, <PyObject *>item)


# What is borrowed stays alive while no code but this runs, and for a leaf none does.  Inside anything
# else somebody's may (that of a class, `atom_ref`), so that is held here.

cdef int _write_borrowed(Writer *w, PyObject *item) except -1:
    cdef PyTypeObject *kind = Py_TYPE(item)
    cdef unsigned char *p
    if kind is ATOM:
        return _write_borrowed_atom(w, item)
    elif kind is &PyLong_Type:
        if not Term_IsCompact(item):
            return _write_long(w, item)
        p = _room(w, 5)
        w.at = p + _put_int(p, Term_Compact(item))
        return 0
    elif kind is &PyBytes_Type:
        if BytesSize(item) >= w.large:
            return _write_apart(w, <bytes>item)
        return _write_octets(w, PyBytes_Start(item), BytesSize(item))
    elif kind is &PyUnicode_Type and PyUnicode_IS_COMPACT_ASCII(item):
        return _write_octets(w, <char *>PyUnicode_DATA(item), PyUnicode_GET_LENGTH(item))
    elif kind is &PyFloat_Type:
        return _write_float(w, FloatOf(item))
    elif item is Py_None:
        return _write_borrowed_atom(w, <PyObject *>_NIL)
    elif kind is &PyBool_Type:
        return _write_borrowed_atom(w, <PyObject *>_TRUE if item is Py_True else <PyObject *>_FALSE)
    held = <object>item
    return _write_more(w, held)


cdef enum:
    SMALL = 32                  # octets of what `_put_small` writes
    SMALL_ROOM = 48             # bytes that it takes at most


cdef inline unsigned char *_put_small(const Writer *w, unsigned char *p, PyObject *item) noexcept:
    """Write a leaf where there is SMALL_ROOM; give the place behind it.

    NULL where it takes more than this, `_NONE` where it is none.
    """
    cdef PyTypeObject *kind = Py_TYPE(item)
    cdef Py_ssize_t size
    cdef const char *octets
    cdef double value
    cdef uint64_t bits
    if kind is &PyBytes_Type:
        size = BytesSize(item)
        if size >= w.large:
            return NULL
        octets = PyBytes_Start(item)
    elif kind is &PyLong_Type:
        return p + _put_int(p, Term_Compact(item)) if Term_IsCompact(item) else NULL
    elif kind is &PyFloat_Type:
        value = FloatOf(item)
        if value - value != 0.0:
            return NULL
        memcpy(&bits, &value, 8)
        p[0] = 70
        _put64(p + 1, bits)
        return p + 9
    elif kind is &PyUnicode_Type:
        if not PyUnicode_IS_COMPACT_ASCII(item):
            return NULL
        size = PyUnicode_GET_LENGTH(item)
        octets = <const char *>PyUnicode_DATA(item)
    else:
        if item is Py_None:
            item = <PyObject *>_NIL
        elif kind is &PyBool_Type:
            item = <PyObject *>_TRUE if item is Py_True else <PyObject *>_FALSE
        elif kind is not ATOM:
            return _NONE
        if w.atom_ref != NULL:
            return NULL
        size = (<_AtomBase>item).length
        if size <= HEAD:
            memcpy(p, (<_AtomBase>item).head, HEAD)
        elif size <= SMALL_ROOM:
            Term_Copy(p, PyBytes_Start(<PyObject *>(<_AtomBase>item).wire), size)
        else:
            return NULL
        return p + size
    if <size_t>size > SMALL:
        return NULL
    p[0] = 109
    _put32(p + 1, <uint32_t>size)
    Term_Copy(p + 5, octets, size)
    return p + 5 + size


cdef int _write_large(Writer *w, PyObject *item, const unsigned char *found) except -1:
    """What `_put_small` did not write, of which it gave `found`."""
    if found == NULL:
        return _write_borrowed(w, item)
    held = <object>item
    return _write_more(w, held)


cdef inline int _write_value(Writer *w, PyObject *item) except -1:
    """As `_write_borrowed`: quicker where most are small leaves."""
    cdef unsigned char *p
    if w.end - w.at < SMALL_ROOM:
        _grow(w, SMALL_ROOM)
    p = _put_small(w, w.at, item)
    if p > _NONE:
        w.at = p
        return 0
    return _write_large(w, item, p)


cdef int _write_more(Writer *w, object item) except -1:
    cdef PyTypeObject *kind = KindOf(item)
    if kind is &PyTuple_Type:
        return _write_tuple(w, <tuple>item)
    elif kind is &PyList_Type:
        return _write_list(w, <list>item)
    elif kind is &PyDict_Type:
        return _write_dict(w, <dict>item)
    elif kind is <PyTypeObject *>Pid:
        return _write_pid(w, <Pid>item)
    elif kind is <PyTypeObject *>Reference:
        return _write_reference(w, <Reference>item)
    elif kind is <PyTypeObject *>ImproperList:
        return _write_improper(w, <ImproperList>item)
    elif kind is &PyUnicode_Type:
        return _write_str(w, item)
    return _write_rare(w, item)


cdef inline int _write_raw(Writer *w, const char *octets, Py_ssize_t size) except -1:
    memcpy(_room(w, size), octets, size)
    return 0


cdef inline int _write_head(Writer *w, int tag, Py_ssize_t size) except -1:
    """A tag and a length of four bytes."""
    if size > 0xFFFFFFFFLL:
        _refuse()
    cdef unsigned char *p = _room(w, 5)
    p[0] = <unsigned char>tag
    _put32(p + 1, <uint32_t>size)
    return 0


cdef inline int _write_atom(Writer *w, _AtomBase atom) except -1:
    return _write_borrowed_atom(w, <PyObject *>atom)


cdef inline int _write_borrowed_atom(Writer *w, PyObject *atom) except -1:
    cdef Py_ssize_t length = (<_AtomBase>atom).length
    if w.atom_ref != NULL:
        return _write_cached(w, <_AtomBase>atom)
    if length <= HEAD and w.end - w.at >= HEAD:
        memcpy(w.at, (<_AtomBase>atom).head, HEAD)
        w.at += length
        return 0
    return _write_raw(w, PyBytes_AS_STRING((<_AtomBase>atom).wire), length)


cdef int _write_cached(Writer *w, _AtomBase atom) except -1:
    cdef unsigned char *p
    cdef int number
    _hold(w)  # a number that is new takes objects, and that may begin a collection
    if w.refs != NULL:
        number = (<AtomRefs>w.refs).number(atom)
    else:
        found = (<object>w.atom_ref)(atom)
        number = -1 if found is None else found
        if number > 255 or (number < 0 and found is not None):
            raise ValueError("byte must be in range(0, 256)")
    if number < 0:
        return _write_raw(w, PyBytes_AS_STRING(atom.wire), atom.length)
    p = _room(w, 2)
    p[0] = 82
    p[1] = <unsigned char>number
    return 0


cdef inline int _put_int(unsigned char *p, Py_ssize_t value) noexcept:
    """Write an integer of 32 bits where there is room for five bytes; give how many it took."""
    if 0 <= value < 256:
        p[0] = 97
        p[1] = <unsigned char>value
        return 2
    p[0] = 98
    _put32(p + 1, <uint32_t><int32_t>value)
    return 5


cdef int _write_long(Writer *w, PyObject *value) except -1:
    """An integer of more than 30 bits."""
    cdef unsigned char *p
    cdef int overflow = 0
    cdef long long number
    cdef unsigned long long digits
    if not Term_Small(value, &number):
        number = AsLongLong(value, &overflow)
        if overflow:
            return _write_big(w, value)
    if -0x80000000LL <= number <= 0x7FFFFFFFLL:
        p = _room(w, 5)
        w.at = p + _put_int(p, <Py_ssize_t>number)
        return 0
    digits = <unsigned long long>number if number >= 0 else 0 - <unsigned long long>number
    p = _room(w, 11)
    p[0] = 110
    p[2] = number < 0
    w.at = p + 3
    while digits:
        w.at[0] = <unsigned char>digits
        w.at += 1
        digits >>= 8
    p[1] = <unsigned char>(w.at - p - 3)
    return 0


cdef int _write_big(Writer *w, PyObject *value) except -1:
    cdef Py_ssize_t size = Term_Bytes(value)
    cdef unsigned char *p
    if size > _MAX_INTEGER_BYTES:
        _refuse()
    if size < 256:
        p = _room(w, 2)
        p[0] = 110
        p[1] = <unsigned char>size
    else:
        _write_head(w, 111, size)
    p = _room(w, 1 + size + TERM_SPARE)
    p[0] = Term_IsNegative(value)
    Term_Digits(value, p + 1)
    w.at = p + 1 + size
    return 0


cdef int _write_float(Writer *w, double value) except -1:
    cdef uint64_t bits
    cdef unsigned char *p
    if value - value != 0.0:
        _refuse()
    p = _room(w, 9)
    memcpy(&bits, &value, 8)
    p[0] = 70
    _put64(p + 1, bits)
    return 0


cdef inline int _write_octets(Writer *w, const char *octets, Py_ssize_t size) except -1:
    cdef unsigned char *p
    if size > 0xFFFFFFFFLL:
        _refuse()
    p = _room(w, 5 + size)
    p[0] = 109
    _put32(p + 1, <uint32_t>size)
    Term_Copy(p + 5, octets, size)
    return 0


cdef int _write_apart(Writer *w, bytes item) except -1:
    cdef list apart = <list>w.apart
    _write_head(w, 109, PyBytes_GET_SIZE(item))
    apart.append(item)
    apart.append(w.at - w.start)
    return 0


cdef int _write_str(Writer *w, object text) except -1:
    cdef bytes utf8
    try:
        utf8 = str.encode(text)
    except UnicodeEncodeError:
        _refuse()
    return _write_octets(w, PyBytes_AS_STRING(utf8), PyBytes_GET_SIZE(utf8))


cdef enum:
    NUMBERS = 4 + 4 * WORDS     # bytes that stand behind the node at most


cdef unsigned char *_begin_id(Writer *w, int tag, int count, _AtomBase node) except NULL:
    """Write what a pid, or a reference of `count` words, begins with; give the place for its numbers."""
    cdef Py_ssize_t length = node.length
    cdef unsigned char *p
    if w.end - w.at < length + NUMBERS + 3:
        _grow(w, length + NUMBERS + 3)
    p = w.at
    p[0] = <unsigned char>tag
    p += 1
    if tag == 90:
        p[0] = 0
        p[1] = <unsigned char>count
        p += 2
    if w.atom_ref == NULL:
        Term_Copy(p, PyBytes_AS_STRING(node.wire), length)
        return p + length
    w.at = p
    _write_cached(w, node)
    if w.end - w.at < NUMBERS:
        _grow(w, NUMBERS)
    return w.at


cdef int _write_pid(Writer *w, Pid pid) except -1:
    cdef unsigned char *p
    if pid.odd is not None:
        _refuse()
    p = _begin_id(w, 88, 0, pid.atom)
    _put32(p, pid.number)
    _put32(p + 4, pid.turn)
    _put32(p + 8, pid.epoch)
    w.at = p + 12
    return 0


cdef int _write_reference(Writer *w, Reference ref) except -1:
    cdef unsigned char *p
    cdef int count, at
    if ref.odd is not None:
        _refuse()
    count = ref.significant_count() if w.exact else ref.count
    p = _begin_id(w, 90, count, ref.atom)
    _put32(p, ref.epoch)
    p += 4
    for at in range(count):
        _put32(p, ref.word[at])
        p += 4
    w.at = p
    return 0


# --- sequences -----------------------------------------------------------------------

cdef inline int _down(Writer *w) except -1:
    """Into a container: 1 where the reference has to write it, since it lies too deep."""
    if w.depth >= DEEP:
        return 1
    w.depth += 1
    return 0


cdef int _write_tuple(Writer *w, tuple item) except -1:
    cdef Py_ssize_t size = PyTuple_GET_SIZE(item), at
    cdef unsigned char *p
    if _down(w):
        return _write_deep(w, item)
    if size < 256:
        p = _room(w, 2)
        p[0] = 104
        p[1] = <unsigned char>size
    else:
        _write_head(w, 105, size)
    for at in range(size):
        _write_value(w, PyTuple_GET_ITEM(<PyObject *>item, at))
    w.depth -= 1
    return 0


cdef Py_ssize_t _write_ints(Writer *w, PyObject *items, Py_ssize_t at, Py_ssize_t size) except -1:
    """Write the integers of 32 bits that stand in a list from `at` on; give the place of what is none.

    There is room for all of a run, so that where it is written to can stay in a register.
    """
    cdef unsigned char *p
    cdef PyObject *child
    cdef Py_ssize_t stop
    cdef long long number
    while at < size:
        stop = min(size, at + 256)
        p = _room(w, 5 * (stop - at))
        while at < stop:
            child = PyList_GET_ITEM(items, at)
            if Py_TYPE(child) is not &PyLong_Type:
                break
            if not Term_Small(child, &number) or number != <int32_t>number:
                break
            p += _put_int(p, <Py_ssize_t>number)
            at += 1
        w.at = p
        if at < stop:
            break
    return at


cdef Py_ssize_t _write_floats(Writer *w, PyObject *items, Py_ssize_t at, Py_ssize_t size) except -1:
    """The same for floats."""
    cdef unsigned char *p
    cdef PyObject *child
    cdef Py_ssize_t stop
    cdef uint64_t bits
    cdef double value
    while at < size:
        stop = min(size, at + 256)
        p = _room(w, 9 * (stop - at))
        while at < stop:
            child = PyList_GET_ITEM(items, at)
            if Py_TYPE(child) is not &PyFloat_Type:
                break
            value = FloatOf(child)
            if value - value != 0.0:
                _refuse()
            memcpy(&bits, &value, 8)
            p[0] = 70
            _put64(p + 1, bits)
            p += 9
            at += 1
        w.at = p
        if at < stop:
            break
    return at


cdef int _write_list(Writer *w, list item) except -1:
    cdef Py_ssize_t size = PyList_GET_SIZE(item), at, end
    cdef PyObject *child
    if not size:
        _room(w, 1)[0] = 106
        return 0
    if size < 65536 and _write_string(w, item, size):
        return 0
    if _down(w):
        return _write_deep(w, item)
    _write_head(w, 108, size)
    at = 0
    while at < size:
        # What comes to run meanwhile may have changed it.
        if at >= PyList_GET_SIZE(item):
            _refuse()
        child = PyList_GET_ITEM(<PyObject *>item, at)
        if Py_TYPE(child) is &PyLong_Type:
            end = _write_ints(w, <PyObject *>item, at, min(size, PyList_GET_SIZE(item)))
            if end > at:
                at = end
                continue
            _write_long(w, child)
        elif Py_TYPE(child) is &PyFloat_Type:
            at = _write_floats(w, <PyObject *>item, at, min(size, PyList_GET_SIZE(item)))
            continue
        elif Py_TYPE(child) is &PyDict_Type:
            # What lies about in memory is slow to come: ask for it early.
            if at + 2 < PyList_GET_SIZE(item):
                Term_Fetch(PyList_GET_ITEM(<PyObject *>item, at + 2))
            held = <object>child
            _write_more(w, held)
        else:
            _write_value(w, child)
        at += 1
    _room(w, 1)[0] = 106
    w.depth -= 1
    return 0


cdef int _write_string(Writer *w, list item, Py_ssize_t size) except -1:
    """Write a list of integers from 0 to 255 as STRING; 0 where it is something else."""
    cdef Py_ssize_t at, value
    cdef unsigned char *p
    cdef unsigned char *begin
    cdef PyObject *child = PyList_GET_ITEM(<PyObject *>item, 0)
    if Py_TYPE(child) is not &PyLong_Type:
        # An IntEnum may be an integer from 0 to 255, too.
        if not isinstance(<object>child, int) or Py_TYPE(child) is &PyBool_Type:
            return 0
        return _write_odd_string(w, item, size)
    if not Term_IsCompact(child) or not 0 <= Term_Compact(child) < 256:
        return 0
    p = begin = _room(w, 3 + size)
    p[0] = 107
    p[1] = <unsigned char>(size >> 8)
    p[2] = <unsigned char>size
    p += 3
    for at in range(size):
        child = PyList_GET_ITEM(<PyObject *>item, at)
        if Py_TYPE(child) is &PyLong_Type:
            value = Term_Compact(child) if Term_IsCompact(child) else -1
            if 0 <= value < 256:
                p[at] = <unsigned char>value
                continue
        elif isinstance(<object>child, int) and Py_TYPE(child) is not &PyBool_Type:
            w.at = begin
            return _write_odd_string(w, item, size)
        w.at = begin
        return 0
    return 1


cdef int _write_odd_string(Writer *w, list item, Py_ssize_t size) except -1:
    """The same where subclasses of int are in the list."""
    _hold(w)
    octets = _reference_encoder()._as_octets(item)
    cdef unsigned char *p
    if octets is None:
        return 0
    if len(octets) != size:
        _refuse()
    p = _room(w, 3)
    p[0] = 107
    p[1] = <unsigned char>(size >> 8)
    p[2] = <unsigned char>size
    _write_raw(w, PyBytes_AS_STRING(octets), size)
    return 1


cdef int _write_improper(Writer *w, ImproperList item) except -1:
    cdef Py_ssize_t size, at
    if _down(w):
        return _write_deep(w, item)
    if item.parts is None:
        _write_head(w, 108, 1)
        _write_value(w, <PyObject *>item.head)
    else:
        size = PyTuple_GET_SIZE(item.parts)
        _write_head(w, 108, size)
        for at in range(size):
            _write_borrowed(w, PyTuple_GET_ITEM(<PyObject *>item.parts, at))
    _write_value(w, <PyObject *>item.tail)
    w.depth -= 1
    return 0


# --- maps ----------------------------------------------------------------------------

# Where the pairs stand in the order of the wire: the first at[0], the next at[1].
cdef struct Places:
    unsigned char at[FEW]

# What they were in the last map of each size.
cdef Places _places_of[FEW + 1]

cdef enum:
    SHAPES = 32                 # a power of 2
    WORD = 32                   # bytes of a key with its head that are kept; of a longer one the key has them
    KEY_MAX = 255               # with a longer one no shape is kept

# What maps whose keys are the very same objects share.  Of a list of records, and of what a program
# writes again and again, nearly all are such; then nothing has to be read of a key.
cdef struct Shape:
    PyObject *first             # the first and the last key of the last map that was not known; may be gone
    PyObject *last
    Py_ssize_t size             # how many keys that map had
    Py_ssize_t missed           # how many of it came with none that was known between them
    Py_ssize_t known            # how many keys there are below: 0: none, and the rest means nothing
    Py_ssize_t busy             # maps of this shape that are being written
    int kind
    Places places
    PyObject *keys[FEW]         # as the dict has them; they are kept
    unsigned char length[FEW]   # these in the order of the wire
    unsigned char word[FEW][WORD]

cdef Shape _shapes[SHAPES]


cdef int _write_dict(Writer *w, dict item) except -1:
    cdef Py_ssize_t size = PyDict_GET_SIZE(item)
    cdef Pair *pairs
    if _down(w):
        return _write_deep(w, item)
    _write_head(w, 116, size)
    if w.exact:
        _write_digest(w, item)
    elif size <= FEW:
        _write_few(w, item, size)
    else:
        pairs = <Pair *>PyMem_Malloc(size * sizeof(Pair))
        if pairs == NULL:
            raise MemoryError
        try:
            _write_many(w, item, pairs, size)
        finally:
            PyMem_Free(pairs)
    w.depth -= 1
    return 0


cdef int _write_few(Writer *w, dict item, Py_ssize_t size) except -1:
    cdef Pair pairs[FEW]
    cdef Places places
    cdef int found
    cdef Shape *shape
    if not size:
        return 0
    _fetch(item, pairs)
    shape = _shape_of(pairs, size)
    if shape.known == size and _has_keys(shape, pairs):
        shape.missed = 0
        return _write_shaped(w, shape, pairs, size)
    found = _kind_of(pairs, size)
    if found == OTHERS:
        return _write_any_keys(w, item)
    # Of a list of records all have their keys in the same order.
    if not _are_sorted(pairs, &_places_of[size], size):
        _sort_few(pairs, &_places_of[size], size)
        if found == BINARIES and not _are_sorted(pairs, &_places_of[size], size):
            _refuse()
    places = _places_of[size]
    if _comes_again(shape, pairs, size):
        _keep_shape(shape, found, pairs, &places, size)
    return _write_pairs(w, found, pairs, &places, size)


cdef inline Shape *_shape_of(const Pair *pairs, Py_ssize_t size) noexcept:
    cdef size_t hash = <size_t>pairs[0].key ^ <size_t>pairs[size - 1].key * 5
    return &_shapes[(hash >> 4 ^ hash >> 9 ^ <size_t>size) & (SHAPES - 1)]


cdef inline bint _has_keys(const Shape *shape, const Pair *pairs) noexcept:
    cdef Py_ssize_t at
    for at in range(shape.known):
        if pairs[at].key is not shape.keys[at]:
            return False
    return True


cdef inline bint _comes_again(Shape *shape, const Pair *pairs, Py_ssize_t size) noexcept:
    """Whether a map that is not known came before, and what is known in its place did not since."""
    if (
        shape.first is not pairs[0].key
        or shape.last is not pairs[size - 1].key
        or shape.size != size
    ):
        shape.first, shape.last, shape.size = pairs[0].key, pairs[size - 1].key, size
        shape.missed = 0
    shape.missed += 1
    return shape.missed > 1 and not shape.busy


cdef int _keep_shape(Shape *shape, int kind, const Pair *pairs, const Places *places, Py_ssize_t size) except -1:
    """Keep what maps like this one have in common, in the place of what was kept."""
    cdef Py_ssize_t at, length
    cdef const Pair *pair
    for at in range(size):
        if _key_length(kind, pairs + at) > KEY_MAX:
            return 0
    for at in range(shape.known):
        Py_DECREF(<object>shape.keys[at])
    shape.known = size
    shape.kind = kind
    shape.places = places[0]
    for at in range(size):
        shape.keys[at] = pairs[at].key
        Py_INCREF(<object>shape.keys[at])
    for at in range(size):
        pair = pairs + places.at[at]
        length = _key_length(kind, pair)
        shape.length[at] = <unsigned char>length
        if length > WORD:
            continue
        if kind == ATOMS:
            memcpy(shape.word[at], pair.text, length)
        else:
            shape.word[at][0] = 109
            _put32(shape.word[at] + 1, <uint32_t>(pair.order >> 32))
            memcpy(shape.word[at] + 5, pair.text, length - 5)
    return 0


cdef inline Py_ssize_t _key_length(int kind, const Pair *pair) noexcept:
    """The bytes that the key takes."""
    return (<_AtomBase>pair.key).length if kind == ATOMS else 5 + <Py_ssize_t>(pair.order >> 32)


cdef int _write_key(Writer *w, int kind, PyObject *key) except -1:
    if kind == ATOMS:
        return _write_borrowed_atom(w, key)
    return _write_octets(w, _text(key), _length(key))


cdef int _write_shaped(Writer *w, Shape *shape, Pair *pairs, Py_ssize_t size) except -1:
    cdef Py_ssize_t at
    cdef Pair *pair
    cdef OpenMap opened
    cdef unsigned char *p
    cdef bint cached = shape.kind == ATOMS and w.atom_ref != NULL
    opened.pairs, opened.size, opened.held, opened.outer = pairs, size, False, w.maps
    w.maps = &opened
    # Others of another shape may be inside.
    shape.busy += 1
    try:
        for at in range(size):
            pair = pairs + shape.places.at[at]
            if w.end - w.at < WORD + SMALL_ROOM:
                _grow(w, WORD + SMALL_ROOM)
            if cached or shape.length[at] > WORD:
                _write_key(w, shape.kind, pair.key)
                _write_value(w, pair.value)
                continue
            memcpy(w.at, shape.word[at], WORD)
            p = w.at + shape.length[at]
            w.at = p
            p = _put_small(w, p, pair.value)
            if p > _NONE:
                w.at = p
            else:
                _write_large(w, pair.value, p)
    finally:
        shape.busy -= 1
        w.maps = opened.outer
        if opened.held:
            _let_go(&opened)
    return 0


cdef int _write_many(Writer *w, dict item, Pair *pairs, Py_ssize_t size) except -1:
    cdef int found
    _fetch(item, pairs)
    found = _kind_of(pairs, size)
    if found == OTHERS:
        return _write_any_keys(w, item)
    if not _are_sorted(pairs, NULL, size):
        qsort(pairs, size, sizeof(Pair), &_order_of)
        if found == BINARIES and not _are_sorted(pairs, NULL, size):
            _refuse()
    return _write_pairs(w, found, pairs, NULL, size)


cdef enum:
    OTHERS, ATOMS, BINARIES


cdef inline void _fetch(dict item, Pair *pairs) noexcept:
    """Fill in the keys and the values of the pairs."""
    cdef Py_ssize_t place = 0
    cdef PyObject *key
    cdef PyObject *value
    while PyDict_Next(item, &place, &key, &value):
        Term_Fetch(value)
        pairs.key = key
        pairs.value = value
        pairs += 1


cdef int _kind_of(Pair *pairs, Py_ssize_t size) noexcept:
    """Fill in the rest, and say of what kind all the keys are."""
    cdef PyObject *key
    cdef Pair *pair
    cdef Py_ssize_t at
    cdef int found = OTHERS, kind
    for at in range(size):
        pair = pairs + at
        key = pair.key
        if Py_TYPE(key) is ATOM:
            kind = ATOMS
            pair.order = (<_AtomBase>key).order
            pair.text = PyBytes_Start(<PyObject *>(<_AtomBase>key).wire)
        elif _is_binary(key):
            kind = BINARIES
            pair.text = _text(key)
            pair.order = <uint64_t>_length(key) << 32 | _first(pair.text, _length(key))
        else:
            return OTHERS
        if kind != found:
            if found != OTHERS:
                return OTHERS
            found = kind
    return found or ATOMS


cdef inline bint _is_binary(PyObject *key) noexcept:
    if Py_TYPE(key) is &PyBytes_Type:
        return BytesSize(key) <= 0xFFFFFFFFLL
    return (
        Py_TYPE(key) is &PyUnicode_Type
        and PyUnicode_IS_COMPACT_ASCII(key)
        and PyUnicode_GET_LENGTH(key) <= 0xFFFFFFFFLL
    )


cdef inline const char *_text(PyObject *binary) noexcept:
    if Py_TYPE(binary) is &PyBytes_Type:
        return PyBytes_Start(binary)
    return <const char *>PyUnicode_DATA(binary)


cdef inline Py_ssize_t _length(PyObject *binary) noexcept:
    return BytesSize(binary) if Py_TYPE(binary) is &PyBytes_Type else PyUnicode_GET_LENGTH(binary)


cdef inline uint32_t _first(const char *text, Py_ssize_t size) noexcept:
    cdef const unsigned char *p = <const unsigned char *>text
    cdef uint32_t first = 0
    if size >= 4:
        return _u32(p)
    if size > 0:
        first = <uint32_t>p[0] << 24
    if size > 1:
        first |= <uint32_t>p[1] << 16
    if size > 2:
        first |= <uint32_t>p[2] << 8
    return first


cdef inline int _order(const Pair *a, const Pair *b) noexcept:
    if a.order != b.order:
        return -1 if a.order < b.order else 1
    # Of the same order, both have the same length.
    return memcmp(a.text, b.text, (<_AtomBase>a.key).length if Py_TYPE(a.key) is ATOM else a.order >> 32)


cdef int _order_of(const void *a, const void *b) noexcept:
    return _order(<const Pair *>a, <const Pair *>b)


cdef inline Pair *_pair(Pair *pairs, const Places *places, Py_ssize_t at) noexcept:
    return pairs + at if places == NULL else pairs + places.at[at]


cdef inline bint _are_sorted(Pair *pairs, const Places *places, Py_ssize_t size) noexcept:
    """Whether they are in the order of the wire, without "a" beside b"a"."""
    cdef Py_ssize_t at
    for at in range(1, size):
        if _order(_pair(pairs, places, at - 1), _pair(pairs, places, at)) >= 0:
            return False
    return True


cdef void _sort_few(Pair *pairs, Places *places, Py_ssize_t size) noexcept:
    cdef Py_ssize_t at, place
    for at in range(size):
        place = at
        while place and _order(pairs + at, pairs + places.at[place - 1]) < 0:
            places.at[place] = places.at[place - 1]
            place -= 1
        places.at[place] = <unsigned char>at


cdef int _write_pairs(Writer *w, int kind, Pair *pairs, const Places *places, Py_ssize_t size) except -1:
    cdef Py_ssize_t at
    cdef Pair *pair
    cdef OpenMap opened
    opened.pairs, opened.size, opened.held, opened.outer = pairs, size, False, w.maps
    w.maps = &opened
    try:
        for at in range(size):
            pair = _pair(pairs, places, at)
            if kind == ATOMS:
                _write_borrowed_atom(w, pair.key)
            else:
                _write_octets(w, pair.text, <Py_ssize_t>(pair.order >> 32))
            _write_borrowed(w, pair.value)
    finally:
        w.maps = opened.outer
        if opened.held:
            _let_go(&opened)
    return 0


cdef void _hold(Writer *w) noexcept:
    """Before any code but this runs: it may empty the dicts that are being written."""
    cdef OpenMap *opened = w.maps
    cdef Py_ssize_t at
    # Where one is held, so are those around it.
    while opened != NULL and not opened.held:
        for at in range(opened.size):
            Py_INCREF(<object>opened.pairs[at].key)
            Py_INCREF(<object>opened.pairs[at].value)
        opened.held = True
        opened = opened.outer


cdef void _let_go(const OpenMap *opened) noexcept:
    cdef Py_ssize_t at
    for at in range(opened.size):
        Py_DECREF(<object>opened.pairs[at].key)
        Py_DECREF(<object>opened.pairs[at].value)


cdef int _write_any_keys(Writer *w, dict item) except -1:
    """Write the pairs of a dict whose keys are of several types."""
    _hold(w)
    if len(item) < 2:
        for key, value in item.items():
            _write(w, key)
            _write(w, value)
        return 0
    cdef dict pairs = {}
    for key, value in item.items():
        pairs[_exact_key(w, key)] = (key, value)
    if len(pairs) != len(item):
        _refuse()
    for exact in sorted(pairs):
        key, value = pairs[exact]
        _write(w, key)
        _write(w, value)
    return 0


cdef int _write_map(Writer *w, object item) except -1:
    cdef dict pairs = item.exact_items()
    if _down(w):
        return _write_deep(w, item)
    _write_head(w, 116, len(pairs))
    if w.exact:
        _write_digest_of(w, [(exact, value) for exact, (_, value) in pairs.items()])
    else:
        for exact in sorted(pairs):
            key, value = pairs[exact]
            _write(w, key)
            _write(w, value)
    w.depth -= 1
    return 0


cdef int _write_digest(Writer *w, dict item) except -1:
    cdef list pairs = []
    for key, value in item.items():
        pairs.append((_exact_key(w, key), value))
    return _write_digest_of(w, pairs)


cdef int _write_digest_of(Writer *w, list pairs) except -1:
    """Write the digest of the sorted pairs of a map."""
    cdef Py_ssize_t before = w.at - w.start
    cdef list written = []
    cdef bytes digest
    for exact, value in pairs:
        _write_raw(w, PyBytes_AS_STRING(exact), PyBytes_GET_SIZE(exact))
        _write(w, value)
        written.append(PyBytes_FromStringAndSize(<char *>w.start + before, w.at - w.start - before))
        w.at = w.start + before
    if not written:
        return 0
    written.sort()
    digest = blake2b(b"".join(written), digest_size=32).digest()
    return _write_raw(w, PyBytes_AS_STRING(digest), 32)


# --- what comes seldom ---------------------------------------------------------------

cdef Py_ssize_t _MAX_INTEGER_BYTES = 0
cdef object _Fun = None, _Record = None, _Map = None


cdef int _take_types(object types, object maps) except -1:
    global _Fun, _Record, _Map, _MAX_INTEGER_BYTES
    _Fun, _Record, _Map = types.Fun, types.Record, maps.Map
    return 0


from pyerlnode.term.limits import MAX_INTEGER_BYTES
_MAX_INTEGER_BYTES = MAX_INTEGER_BYTES


cdef int _write_deep(Writer *w, object item) except -1:
    """A container at the end of what recursion may do."""
    _hold(w)
    out = bytearray()
    _reference_encoder().write_deep(
        item, out, None if w.atom_ref == NULL else <object>w.atom_ref, w.exact, w.depth
    )
    return _write_raw(w, PyByteArray_AS_STRING(out), PyByteArray_GET_SIZE(out))


cdef int _write_rare(Writer *w, object item) except -1:
    _hold(w)
    module = _reference_encoder()
    kind = type(item)
    if kind is bytearray or kind is memoryview:
        octets = item if kind is bytearray else item.tobytes()
        _write_head(w, 109, len(octets))
        return _write_buffer(w, octets)
    if kind is _Map:
        return _write_map(w, item)
    if kind is _Fun:
        return _write_fun(w, item)
    if kind is _Record:
        return _write_record(w, item)
    writer = module.WRITERS.get(kind)
    if writer is not None:
        out = bytearray()
        writer(item, out, None if w.atom_ref == NULL else <object>w.atom_ref)
        return _write_buffer(w, out)
    return _write(w, _simpler(item, module))


cdef int _write_buffer(Writer *w, object octets) except -1:
    if type(octets) is bytearray:
        return _write_raw(w, PyByteArray_AS_STRING(octets), PyByteArray_GET_SIZE(octets))
    cdef bytes copied = bytes(octets)
    return _write_raw(w, PyBytes_AS_STRING(copied), PyBytes_GET_SIZE(copied))


cdef object _simpler(object item, object module):
    """An object of a class of no table as one of the class that is: a namedtuple as a tuple."""
    for base in type(item).__mro__:
        shape = module.SHAPES.get(base)
        if shape is not None:
            return shape(item)
        if base is tuple:
            return tuple([child for child in item])
        if base is list:
            return [child for child in item]
        if base is dict:
            return {key: item[key] for key in item}
        if base is int:
            return int.__pos__(item)
        if base is float:
            return float.__float__(item)
        if base is str:
            return item.encode()
        if base is bytes or base is bytearray:
            return bytes(memoryview(item))
        if base in module.OPENERS or base in module.WRITERS:
            break
    _refuse()


cdef int _write_fun(Writer *w, object item) except -1:
    cdef Py_ssize_t start = 0, large = w.large
    cdef unsigned char *p
    if item.raw is not None and not w.exact:
        return _write_buffer(w, item.raw)
    if _down(w):
        return _write_deep(w, item)
    free = item.free
    if w.exact:
        _write_buffer(w, _struct.pack(">BB16sII", 112, item.arity, item.uniq, item.index, len(free)))
        _write_atom(w, _atom(item.module))
        _write(w, item.old_uniq)
    else:
        # Its size counts all that is in it.
        w.large = PY_SSIZE_T_MAX
        start = w.at - w.start
        _write_buffer(w, _struct.pack(">BIB16sII", 112, 0, item.arity, item.uniq, item.index, len(free)))
        _write_atom(w, _atom(item.module))
        _write(w, item.old_index)
        _write(w, item.old_uniq)
        _write(w, item.pid)
    for child in free:
        _write(w, child)
    if not w.exact:
        if w.at - w.start - start - 1 > 0xFFFFFFFFLL:
            _refuse()
        _put32(w.start + start + 1, <uint32_t>(w.at - w.start - start - 1))
        w.large = large
    w.depth -= 1
    return 0


cdef int _write_record(Writer *w, object item) except -1:
    if _down(w):
        return _write_deep(w, item)
    _write_head(w, 67, len(item.fields))
    if not 0 <= item.flags <= 255:
        _refuse()
    _room(w, 1)[0] = item.flags
    _write_atom(w, _atom(item.module))
    _write_atom(w, _atom(item.name))
    for name, _ in item.fields:
        _write_atom(w, _atom(name))
    for _, value in item.fields:
        _write(w, value)
    w.depth -= 1
    return 0
