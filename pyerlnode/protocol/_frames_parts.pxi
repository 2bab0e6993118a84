# Large messages that come in parts.

# A message of which parts are missing.  Its bytes go where they are to stay: those of the binary that the
# first part ends in into that binary, so that they are copied once, out of what was read.
cdef struct Pile:
    PyObject *octets            # a bytes object that nobody else has; NULL before the first byte
    Py_ssize_t size
    Py_ssize_t room

cdef enum:
    AHEAD = 16 << 20            # bytes that one peer's announcements may reserve, all together
    TERMS = 1000                # that are looked at for where a first part ends


cdef int _pile_room(Pile *pile, Py_ssize_t room) except -1:
    if pile.octets == NULL:
        pile.octets = PyBytes_New(NULL, room)
    else:
        _PyBytes_Resize(&pile.octets, room)
    pile.room = room
    return 0


cdef int _pile_put(Pile *pile, const unsigned char *p, Py_ssize_t size, Py_ssize_t limit) except -1:
    """Add bytes; there will never be more than `limit`."""
    if size > pile.room - pile.size:
        _pile_room(pile, min(limit, 2 * (pile.size + size)))
    memcpy(PyBytes_Start(pile.octets) + pile.size, p, size)
    pile.size += size
    return 0


cdef bytes _pile_bytes(Pile *pile):
    """A copy of all."""
    if pile.octets == NULL:
        return b""
    return PyBytes_FromStringAndSize(PyBytes_Start(pile.octets), pile.size)


cdef class _Message:
    cdef object start           # what the first fragment told beside the payload
    cdef uint64_t next_id
    cdef Py_ssize_t cost
    cdef Py_ssize_t reserved
    cdef bytes before           # what comes before the binary, its length last; None: there is no binary
    cdef Py_ssize_t wanted      # bytes of the binary, or of everything: as many as there may be
    cdef Pile body              # the binary, or everything
    cdef Pile after             # what comes behind the binary

    def __dealloc__(self):
        Py_XDECREF(self.body.octets)
        Py_XDECREF(self.after.octets)

    cdef int put(self, const unsigned char *p, Py_ssize_t size) except -1:
        cdef Py_ssize_t inside = min(size, self.wanted - self.body.size)
        if inside:
            _pile_put(&self.body, p, inside, self.wanted)
        if size > inside:
            _pile_put(&self.after, p + inside, size - inside, PY_SSIZE_T_MAX)
        return 0

    cdef object payload(self, tuple atoms, object limits):
        """The term; whatever is wrong with it is an exception."""
        cdef Py_ssize_t end
        if self.body.octets == NULL:
            raise ValueError("there is none")
        if self.before is None:
            return decode_within(<unsigned char *>PyBytes_Start(self.body.octets), self.body.size, atoms, limits, &end)
        if self.body.size < self.wanted:
            raise ValueError("the binary is cut short")
        rest = self.before + _pile_bytes(&self.after)
        return decode_around(rest, <bytes>self.body.octets, len(self.before), atoms, limits)

    cdef bytes joined(self):
        return b"".join((self.before or b"", _pile_bytes(&self.body), _pile_bytes(&self.after)))


cdef class Assembler:
    """The native twin of Assembler in fragments.py."""

    cdef object _limit
    cdef Py_ssize_t _cost, _reserved
    cdef dict _messages         # sequence -> _Message

    def __init__(self, limit):
        self._limit = limit
        self._messages = {}

    def first(self, sequence, fragment, start, part):
        """Take the first of `fragment` (2 or more) parts; PeerError if the sequence is under way."""
        cdef const unsigned char[::1] octets = part
        if sequence in self._messages:
            raise PeerError(f"sequence {sequence} begins again, {self._progress(sequence)}")
        self.open(sequence, fragment, start, &octets[0] if len(part) else NULL, len(part))

    cdef int open(
        self, object sequence, uint64_t fragment, object start, const unsigned char *p, Py_ssize_t size
    ) except -1:
        cdef _Message message = _Message.__new__(_Message)
        message.start = start
        message.next_id = fragment - 1
        message.cost = MESSAGE_COST + PART_COST + size
        self._prepare(message, p, size, fragment)
        self._messages[sequence] = message
        return self._add(message.cost)

    cdef bint knows(self, object sequence) except -1:
        return sequence in self._messages

    cdef int _prepare(self, _Message message, const unsigned char *p, Py_ssize_t size, uint64_t fragments) except -1:
        """Find out what will be how large, reserve some of it, and take the first bytes."""
        cdef Py_ssize_t begin = 0
        cdef Py_ssize_t ahead = _cut_binary(p, size, &begin)
        if ahead:
            message.before = PyBytes_FromStringAndSize(<char *>p, begin)
            message.wanted = ahead
        else:
            message.wanted = PY_SSIZE_T_MAX
            ahead = size * <Py_ssize_t>fragments if fragments <= AHEAD else AHEAD
        if 0 < ahead <= AHEAD - self._reserved:
            message.reserved = ahead
            self._reserved += ahead
            _pile_room(&message.body, ahead)
        return message.put(p + begin, size - begin)

    def next(self, sequence, fragment, part):
        """Take a further part; give the message if it was the last one, with the bytes joined.

        Raises PeerError for an unknown sequence, parts out of order, and too many bytes.
        """
        cdef const unsigned char[::1] octets = part
        cdef Py_ssize_t size = len(part)
        cdef _Message message = self._messages.get(sequence)
        if message is None:
            raise PeerError(f"fragment {fragment} of sequence {sequence}, of which no first one came")
        if fragment != message.next_id:
            raise PeerError(f"fragment {fragment} of sequence {sequence}, {self._progress(sequence)}")
        if size:
            message.put(&octets[0], size)
        return (message.start, message.joined()) if self.took(sequence, message, size) else None

    cdef _Message expecting(self, uint64_t sequence, uint64_t fragment):
        """The message that the fragment belongs to; None if it is not its turn."""
        cdef PyObject *found = PyDict_GetItemWithError(self._messages, sequence)
        if found == NULL or fragment == 0 or (<_Message>found).next_id != fragment:
            return None
        return <_Message>found

    cdef bint took(self, object sequence, _Message message, Py_ssize_t size) except -1:
        """Count a part of so many bytes that the message was given; tell whether it was the last one."""
        if message.next_id == 1:
            del self._messages[sequence]
            self._cost -= message.cost
            self._reserved -= message.reserved
            return True
        message.next_id -= 1
        message.cost += PART_COST + size
        self._add(PART_COST + size)
        return False

    cdef int _add(self, Py_ssize_t cost) except -1:
        self._cost += cost
        if self._cost > self._limit:
            raise PeerError(f"{len(self._messages)} unfinished messages need more than {self._limit} bytes")
        return 0

    cdef str _progress(self, sequence):
        return f"where fragment {(<_Message>self._messages[sequence]).next_id} is the next"


# --- where a first part ends ---------------------------------------------------------

cdef Py_ssize_t _cut_binary(const unsigned char *p, Py_ssize_t size, Py_ssize_t *begin) noexcept:
    """The size of the binary that a part of a message ends in, and where its bytes begin.

    0 where it ends in anything else, and where that would take long to find out.
    """
    cdef Py_ssize_t at = 0, pending = 1, one
    cdef int seen
    for seen in range(TERMS):
        if not pending or size - at < 5:
            return 0
        pending -= 1
        if p[at] == 109:
            one = _u32(p + at + 1)
            if one > size - at - 5:
                begin[0] = at + 5
                return one
            at += 5 + one
            continue
        one = _skip(p + at, size - at, &pending)
        if one == 0 or one > size - at:
            return 0
        at += one
    return 0


cdef Py_ssize_t _skip(const unsigned char *p, Py_ssize_t size, Py_ssize_t *pending) noexcept:
    """How many bytes the head of a container takes, or any other term; 0 for those that seldom come."""
    cdef Py_ssize_t atom
    cdef int tag = p[0]
    if tag == 104 or tag == 105 or tag == 108 or tag == 116:
        atom = p[1] if tag == 104 else _u32(p + 1)
        pending[0] += atom + 1 if tag == 108 else 2 * atom if tag == 116 else atom
        return 2 if tag == 104 else 5
    if tag == 88:
        atom = _skip_atom(p + 1)
        return 1 + atom + 12 if atom else 0
    if tag == 90:
        atom = _skip_atom(p + 3)
        return 3 + atom + 4 + 4 * (<Py_ssize_t>p[1] << 8 | p[2]) if atom else 0
    if tag == 97:
        return 2
    if tag == 98:
        return 5
    if tag == 70:
        return 9
    if tag == 106:
        return 1
    if tag == 107:
        return 3 + (<Py_ssize_t>p[1] << 8 | p[2])
    if tag == 110:
        return 3 + p[1]
    return _skip_atom(p)


cdef Py_ssize_t _skip_atom(const unsigned char *p) noexcept:
    """The bytes of an atom; two of them are looked at."""
    if p[0] == 82:
        return 2
    if p[0] == 119 or p[0] == 115:
        return 2 + p[1]
    return 0
