# The value types.  What they do is what `_types.py` says; only how differs: numbers that fit
# their field of the wire are kept as such, any others (which encoding will refuse) as objects.

# --- atoms ---------------------------------------------------------------------------

cdef enum:
    HEAD = 16


cdef class _AtomBase(str):
    """What an atom keeps beside its text: its external form, and what it decodes to."""

    cdef bytes wire
    cdef const char *text       # within `wire`
    cdef Py_ssize_t size
    cdef PyObject *value        # True, False, None, or the atom itself
    cdef uint64_t order         # the first eight bytes of `wire`, as a number
    cdef Py_ssize_t length      # of `wire`
    cdef unsigned char head[HEAD]   # its first bytes, so that a short one is copied without a call

    @property
    def _wire(self):
        return self.wire

    def __repr__(self):
        return f"Atom({str(self)!r})"

    def __setattr__(self, name, value):
        raise AttributeError("Atom is immutable")

    def __delattr__(self, name):
        raise AttributeError("Atom is immutable")

    def __reduce__(self):
        return (Atom, (str(self),))

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


cdef dict _atoms = {}


class Atom(_AtomBase):
    __slots__ = ()
    __module__ = "pyerlnode.term.types"

    MAX = 255
    TABLE_LIMIT = 1_048_576

    def __new__(cls, text):
        found = _atoms.get(text)
        return found if found is not None else _intern(text)


cdef PyTypeObject *ATOM = <PyTypeObject *>Atom


def known_atom(text):
    """The atom with this text, where it exists already."""
    return _atoms.get(text)


cdef _AtomBase _atom(object text):
    return <_AtomBase>text if KindOf(text) is ATOM else <_AtomBase>Atom(text)


cdef object _intern(object text):
    if not isinstance(text, str):
        raise TermEncodeError(f"an atom is made from text, not from {type(text).__name__}")
    if len(text) > Atom.MAX:
        raise TermEncodeError(f"atom of {len(text)} characters, at most {Atom.MAX} are possible")
    if len(_atoms) >= Atom.TABLE_LIMIT:
        raise UsageError(f"the atom table is full ({Atom.TABLE_LIMIT}), no room for {text[:40]!r}")
    text = str(text)
    cdef bytes wire = _atom_wire(text)
    cdef _AtomBase atom = <_AtomBase>_AtomBase.__new__(Atom, text)
    cdef Py_ssize_t head = 2 if len(wire) < 258 else 3
    atom.wire = wire
    atom.text = PyBytes_AS_STRING(wire) + head
    atom.size = len(wire) - head
    atom.value = <PyObject *>atom
    atom.length = len(wire)
    memcpy(atom.head, PyBytes_AS_STRING(wire[:HEAD].ljust(HEAD, b"\0")), HEAD)
    atom.order = _u64(atom.head)
    found = _atoms.setdefault(text, atom)
    if found is atom:
        # The dict keeps it for ever, so the table need not.
        _table_add(atom)
    return found


cdef bytes _atom_wire(str text):
    try:
        utf8 = text.encode()
    except UnicodeEncodeError as error:
        raise TermEncodeError(f"atom {text!r} has no UTF-8 form: {error.reason}") from None
    if len(utf8) < 256:
        return bytes((119, len(utf8))) + utf8
    return b"\x76" + len(utf8).to_bytes(2, "big") + utf8


# --- atoms by their bytes ------------------------------------------------------------
# Open addressing; the hash begins with a number that no peer knows.

cdef struct Slot:
    uint64_t hash
    PyObject *atom

cdef Slot *_slots = NULL
cdef size_t _mask = 0
cdef size_t _used = 0
cdef uint64_t _seed = int.from_bytes(os.urandom(8), "little")


cdef inline uint64_t _mix(uint64_t hash, uint64_t word) noexcept:
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL
    return hash ^ hash >> 29


cdef inline uint64_t _hash(const char *text, Py_ssize_t size) noexcept:
    cdef uint64_t hash = _seed ^ <uint64_t>size, word = 0
    cdef uint32_t first, last
    if size >= 8:
        while size > 8:
            memcpy(&word, text, 8)
            hash = _mix(hash, word)
            text += 8
            size -= 8
        memcpy(&word, text + size - 8, 8)
    elif size >= 4:
        memcpy(&first, text, 4)
        memcpy(&last, text + size - 4, 4)
        word = <uint64_t>first << 32 | last
    elif size > 0:
        word = (<uint64_t><unsigned char>text[0] << 16 | <uint64_t><unsigned char>text[size >> 1] << 8
                | <unsigned char>text[size - 1])
    return _mix(_mix(hash, word), _seed)


cdef PyObject *_table_find(const char *text, Py_ssize_t size) noexcept:
    """The atom with these bytes, or NULL."""
    cdef uint64_t hash = _hash(text, size)
    cdef size_t at = <size_t>hash & _mask
    cdef PyObject *atom = _slots[at].atom
    while atom != NULL:
        if (
            _slots[at].hash == hash
            and (<_AtomBase>atom).size == size
            and Term_Same((<_AtomBase>atom).text, text, size)
        ):
            return atom
        at = (at + 1) & _mask
        atom = _slots[at].atom
    return NULL


cdef int _table_add(_AtomBase atom) except -1:
    global _used
    if 2 * (_used + 1) > _mask:
        _table_grow()
    _table_put(_slots, _mask, _hash(atom.text, atom.size), <PyObject *>atom)
    _used += 1
    return 0


cdef void _table_put(Slot *slots, size_t mask, uint64_t hash, PyObject *atom) noexcept:
    cdef size_t at = <size_t>hash & mask
    while slots[at].atom != NULL:
        at = (at + 1) & mask
    slots[at].hash = hash
    slots[at].atom = atom


cdef int _table_grow() except -1:
    global _slots, _mask
    cdef size_t mask = 2 * _mask + 1 if _mask else 1023, at
    cdef Slot *slots = <Slot *>PyMem_Calloc(mask + 1, sizeof(Slot))
    if slots == NULL:
        raise MemoryError
    if _slots != NULL:
        for at in range(_mask + 1):
            if _slots[at].atom != NULL:
                _table_put(slots, mask, _slots[at].hash, _slots[at].atom)
        PyMem_Free(_slots)
    _slots = slots
    _mask = mask
    return 0


_table_grow()
(<_AtomBase>Atom("true")).value = Py_True
(<_AtomBase>Atom("false")).value = Py_False
(<_AtomBase>Atom("nil")).value = Py_None
cdef _AtomBase _TRUE = Atom("true"), _FALSE = Atom("false"), _NIL = Atom("nil")
cdef _AtomBase _STRUCT = Atom("__struct__")


# --- pids, ports, references ---------------------------------------------------------

cdef inline bint _fits(object number) noexcept:
    """Whether `number` is an integer of 32 bits."""
    cdef int overflow = 0
    cdef long long value
    if type(number) is not int:
        return False
    value = PyLong_AsLongLongAndOverflow(number, &overflow)
    return overflow == 0 and 0 <= value <= 0xFFFFFFFFLL


cdef inline Py_hash_t _hashed(uint64_t hash, uint64_t word) noexcept:
    cdef Py_hash_t result = <Py_hash_t>_mix(hash, word)
    return -2 if result == -1 else result


# Neither can be part of a cycle: what they hold are an atom and, where it does not fit, numbers.


@cython.no_gc
@cython.freelist(64)
cdef class Pid:
    cdef _AtomBase atom
    cdef uint32_t number, turn, epoch
    cdef tuple odd              # id, serial and creation where one of them does not fit

    __match_args__ = ("node", "id", "serial", "creation")

    def __init__(self, node, id, serial, creation):
        self.atom = _atom(node)
        if _fits(id) and _fits(serial) and _fits(creation):
            self.number, self.turn, self.epoch = id, serial, creation
            self.odd = None
        else:
            self.odd = (id, serial, creation)

    @property
    def node(self):
        return self.atom

    @property
    def id(self):
        return self.number if self.odd is None else self.odd[0]

    @property
    def serial(self):
        return self.turn if self.odd is None else self.odd[1]

    @property
    def creation(self):
        return self.epoch if self.odd is None else self.odd[2]

    cdef tuple numbers(self):
        return (self.number, self.turn, self.epoch) if self.odd is None else self.odd

    def __eq__(self, other):
        if type(other) is not Pid:
            return NotImplemented
        cdef Pid that = <Pid>other
        if self.odd is None and that.odd is None:
            return (
                self.number == that.number
                and self.turn == that.turn
                and self.epoch == that.epoch
                and self.atom is that.atom
            )
        return self.atom is that.atom and self.numbers() == that.numbers()

    def __hash__(self):
        cdef uint64_t seed = <uint64_t><size_t><PyObject *>self.atom
        if self.odd is None:
            return _hashed(_mix(seed, <uint64_t>self.number << 32 | self.turn), self.epoch)
        id, serial, creation = map(hash, self.odd)
        cdef uint64_t low = serial & 0xFFFFFFFF, high = id & 0xFFFFFFFF, last = creation & 0xFFFFFFFF
        return _hashed(_mix(seed, high << 32 | low), last)

    def __reduce__(self):
        return (Pid, (self.atom, self.id, self.serial, self.creation))

    def __repr__(self):
        return f"Pid({str(self.atom)!r}, {self.id}, {self.serial}, {self.creation})"

    def __str__(self):
        return f"#PID<{self.atom}.{self.id}.{self.serial}>"

    def __setattr__(self, name, value):
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name):
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


cdef object pid_of(object node, uint64_t number, object creation):
    cdef Pid pid
    if not isinstance(node, _AtomBase) or number >> 60 or not _fits(creation):
        return Pid(node, number & 0xFFFFFFF, number >> 28, creation)
    pid = Pid.__new__(Pid)
    pid.atom = <_AtomBase>node
    pid.number, pid.turn, pid.epoch = number & 0xFFFFFFF, number >> 28, creation
    return pid


cdef object pid_number(object pid):
    if type(pid) is Pid and (<Pid>pid).odd is None:
        return <uint64_t>(<Pid>pid).number | <uint64_t>(<Pid>pid).turn << 28
    return pid.id | pid.serial << 28


@cython.no_gc
cdef class Port:
    cdef readonly _AtomBase node
    cdef readonly object id
    cdef readonly object creation

    __match_args__ = ("node", "id", "creation")

    def __init__(self, node, id, creation):
        self.node = _atom(node)
        self.id = id
        self.creation = creation

    def __eq__(self, other):
        if type(other) is not Port:
            return NotImplemented
        cdef Port that = <Port>other
        return self.id == that.id and self.creation == that.creation and self.node is that.node

    def __hash__(self):
        return hash((self.id, self.creation, self.node, "port"))

    def __reduce__(self):
        return (Port, (self.node, self.id, self.creation))

    def __repr__(self):
        return f"Port({str(self.node)!r}, {self.id}, {self.creation})"

    def __str__(self):
        return f"#Port<{self.node}.{self.id}>"

    def __setattr__(self, name, value):
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name):
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


cdef enum:
    WORDS = 5


@cython.no_gc
@cython.freelist(64)
cdef class Reference:
    cdef _AtomBase atom
    cdef uint32_t epoch
    cdef int count
    cdef uint32_t word[WORDS]
    cdef tuple odd              # creation and words where one of them does not fit

    __match_args__ = ("node", "creation", "words")

    def __init__(self, node, creation, words):
        cdef int at
        self.atom = _atom(node)
        cdef tuple given = words if type(words) is tuple else tuple(words)
        if len(given) <= WORDS and _fits(creation) and all([_fits(word) for word in given]):
            self.odd = None
            self.epoch = creation
            self.count = <int>len(given)
            for at in range(self.count):
                self.word[at] = given[at]
        else:
            self.odd = (creation, given)

    @property
    def node(self):
        return self.atom

    @property
    def creation(self):
        return self.epoch if self.odd is None else self.odd[0]

    @property
    def words(self):
        return self.first(self.count) if self.odd is None else self.odd[1]

    cdef tuple first(self, int count):
        return tuple([self.word[at] for at in range(count)])

    cdef int significant_count(self):
        cdef int count = self.count
        while count and self.word[count - 1] == 0:
            count -= 1
        return count

    def significant(self):
        """The words without zeros at the end: a BEAM takes `1` and `1, 0, 0` for the same reference."""
        if self.odd is None:
            return self.first(self.significant_count())
        words = self.odd[1]
        while words and words[len(words) - 1] == 0:
            words = words[: len(words) - 1]
        return words

    def __eq__(self, other):
        if type(other) is not Reference:
            return NotImplemented
        cdef Reference that = <Reference>other
        cdef int count
        if self.atom is not that.atom:
            return False
        if self.odd is None and that.odd is None:
            count = self.significant_count()
            return (
                self.epoch == that.epoch
                and count == that.significant_count()
                and memcmp(self.word, that.word, count * sizeof(uint32_t)) == 0
            )
        return self.creation == that.creation and self.significant() == that.significant()

    def __hash__(self):
        cdef uint64_t hashed
        cdef int at
        if self.odd is None:
            hashed = _mix(<uint64_t><size_t><PyObject *>self.atom, self.epoch)
            for at in range(self.significant_count()):
                hashed = _mix(hashed, self.word[at])
            return _hashed(hashed, 0)
        hashed = _mix(<uint64_t><size_t><PyObject *>self.atom, <uint64_t>(hash(self.odd[0]) & 0xFFFFFFFF))
        for word in self.significant():
            hashed = _mix(hashed, <uint64_t>(hash(word) & 0xFFFFFFFF))
        return _hashed(hashed, 0)

    def __reduce__(self):
        return (Reference, (self.atom, self.creation, self.words))

    def __repr__(self):
        return f"Reference({str(self.atom)!r}, {self.creation}, {self.words})"

    def __str__(self):
        return f"#Reference<{'.'.join([str(self.atom), *map(str, reversed(self.words))])}>"

    def __setattr__(self, name, value):
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name):
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


# --- improper lists ------------------------------------------------------------------

@cython.freelist(64)
cdef class ImproperList:
    cdef object head            # the only element, as long as `parts` is None:
    cdef tuple parts            # an alias, which most calls bring, is read without a tuple for its one
    cdef readonly object tail

    __match_args__ = ("elements", "tail")

    def __init__(self, elements, tail):
        elements = tuple(elements)
        if isinstance(tail, ImproperList):
            elements, tail = elements + (<ImproperList>tail).all(), (<ImproperList>tail).tail
        if not elements:
            raise TermEncodeError("an improper list without elements is its tail")
        if isinstance(tail, list):
            raise TermEncodeError("an improper list with a list as its tail is a proper list")
        self.parts = elements
        self.tail = tail

    cdef tuple all(self):
        if self.parts is None:
            self.parts = (self.head,)
        return self.parts

    @property
    def elements(self):
        return self.all()

    def __eq__(self, other):
        if type(other) is not ImproperList:
            return NotImplemented
        cdef ImproperList that = <ImproperList>other
        return bool(self.all() == that.all() and self.tail == that.tail)

    def __hash__(self):
        return hash((self.all(), self.tail, "improper"))

    def __reduce__(self):
        return (ImproperList, (self.all(), self.tail))

    def __repr__(self):
        return f"ImproperList({list(self.all())!r}, {self.tail!r})"

    def __setattr__(self, name, value):
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name):
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


# --- aliases -------------------------------------------------------------------------
# [alias | Reference], which nearly every call brings.  Nothing that it holds leads to a cycle or lies
# deep, so neither the collector nor the trashcan has to know it; and freed ones are used again as they are.

cdef enum:
    ALIASES = 64

cdef PyObject *_aliases[ALIASES]
cdef Py_ssize_t _alias_count = 0
cdef destructor _free_usually = (<PyTypeObject *>ImproperList).tp_dealloc


cdef ImproperList _alias(object head, object tail):
    """The improper list of an atom and a reference."""
    global _alias_count
    cdef ImproperList made
    if _alias_count:
        _alias_count -= 1
        made = <ImproperList>Term_Again(_aliases[_alias_count])
    else:
        made = ImproperList.__new__(ImproperList)
        PyObject_GC_UnTrack(made)
    made.head = head
    made.tail = tail
    return made


cdef bint _is_alias(PyObject *item) noexcept:
    return (
        Py_TYPE(item) is <PyTypeObject *>ImproperList
        and <PyObject *>(<ImproperList>item).parts is Py_None
        and Py_TYPE(<PyObject *>(<ImproperList>item).head) is ATOM
        and Py_TYPE(<PyObject *>(<ImproperList>item).tail) is <PyTypeObject *>Reference
    )


cdef void _free_improper(PyObject *item) noexcept:
    global _alias_count
    if _alias_count == ALIASES or not _is_alias(item):
        Term_FreeDeep(item, _free_improper, _free_usually)
        return
    PyObject_GC_UnTrack_(item)
    (<ImproperList>item).head = None
    (<ImproperList>item).tail = None
    _aliases[_alias_count] = item
    _alias_count += 1


(<PyTypeObject *>ImproperList).tp_dealloc = <destructor>_free_improper

# What they are called must not depend on the codec: pickled by one, they are read by the other.
(<PyTypeObject *>Pid).tp_name = "pyerlnode.term.types.Pid"
(<PyTypeObject *>Port).tp_name = "pyerlnode.term.types.Port"
(<PyTypeObject *>Reference).tp_name = "pyerlnode.term.types.Reference"
(<PyTypeObject *>ImproperList).tp_name = "pyerlnode.term.types.ImproperList"
