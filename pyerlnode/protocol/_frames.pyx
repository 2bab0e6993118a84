# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: embedsignature=False, auto_pickle=False
"""The native twin of the frames that nearly all are: a header and messages, monitors, demonitors.

It reads what is well formed and knows nothing about faults: what it does not know, or finds
something wrong with, it hands to the reference in channel.py, which reads it again and says what is
wrong.  Reading a header twice leaves the peer's atom cache as reading it once.

Proof: tests/protocol, which run with either.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from pyerlnode.protocol.control cimport AliasSend, Demonitor, Monitor, RegSend, Send
from pyerlnode.term._native cimport AtomRefs, decode_around, decode_within, encode_two

from zlib import crc32

from pyerlnode.errors import FrameTooLarge, PeerError
from pyerlnode.protocol.control_codec import takes_payload
from pyerlnode.protocol.fragments import MESSAGE_COST as _MESSAGE_COST, PART_COST as _PART_COST
from pyerlnode.term import Atom, Pid, Reference

cdef extern from *:
    """
    #ifdef __GLIBC__
      #include <malloc.h>
      #define Frames_keep_memory() (mallopt(M_MMAP_THRESHOLD, 32 << 20) && mallopt(M_TRIM_THRESHOLD, 64 << 20))
    #else
      #define Frames_keep_memory() 0
    #endif
    """
    bint Frames_keep_memory() noexcept

cdef extern from "Python.h":
    PyObject *PyDict_GetItemWithError(object, object) except? NULL
    PyObject *PyBytes_New "PyBytes_FromStringAndSize"(const char *, Py_ssize_t) except NULL
    char *PyBytes_Start "PyBytes_AS_STRING"(PyObject *)
    int _PyBytes_Resize(PyObject **, Py_ssize_t) except -1
    void Py_XDECREF(PyObject *)
    Py_ssize_t PY_SSIZE_T_MAX

cdef object _Atom = Atom, _Pid = Pid, _Reference = Reference
cdef tuple _NO_ATOMS = ()
cdef Py_ssize_t MESSAGE_COST = _MESSAGE_COST, PART_COST = _PART_COST

cdef enum:
    SLOTS = 2048
    MAX_REFS = 255
    NEW = 8
    SEGMENT = 7
    LONG_ATOMS = 1
    RECENT = 32


cdef inline uint32_t _u32(const unsigned char *p) noexcept:
    return <uint32_t>p[0] << 24 | <uint32_t>p[1] << 16 | <uint32_t>p[2] << 8 | p[3]


cdef inline uint64_t _u64(const unsigned char *p) noexcept:
    return <uint64_t>_u32(p) << 32 | _u32(p + 4)


cdef inline void _put32(unsigned char *p, uint32_t n) noexcept:
    p[0] = <unsigned char>(n >> 24)
    p[1] = <unsigned char>(n >> 16)
    p[2] = <unsigned char>(n >> 8)
    p[3] = <unsigned char>n


def keep_memory():
    """Let the C library keep what large messages take, up to 64 MB; whether it can.

    It would give each such piece back to the system and ask for it again, which takes longer than all
    else that is done with a large message.
    """
    return Frames_keep_memory()


include "_frames_parts.pxi"


# --- reading -------------------------------------------------------------------------

# The length of a further fragment and what comes before its part: 131, 70, SequenceId, FragmentId.
cdef enum:
    NEXT_HEAD = 22


cdef class Reader:
    """What `FrameParser.read_all` is.

    `slots` is the peer's atom cache; `read` reads a frame that needs more than is known here, `build` makes
    a message of a first fragment and a payload, `finish` does so of the bytes of a payload that has something
    wrong.  Without fragments `assembler` is None.
    """

    cdef object read, build, finish, limits
    cdef list slots
    cdef Assembler assembler
    cdef Py_ssize_t max_frame
    # The fragment under way: its message, its number, its bytes and those that are still to come.
    cdef _Message message
    cdef uint64_t sequence
    cdef Py_ssize_t part, left

    def __init__(self, read, build, finish, Assembler assembler, list slots, limits, max_frame):
        self.read = read
        self.build = build
        self.finish = finish
        self.assembler = assembler
        self.slots = slots
        self.limits = limits
        self.max_frame = max_frame

    def read_all(self, data, Py_ssize_t at, list events):
        cdef Py_buffer view
        if type(data) is bytes:
            return self.read_from(<const unsigned char *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), at, events)
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            return self.read_from(<const unsigned char *>view.buf, view.len, at, events)
        finally:
            PyBuffer_Release(&view)

    def unfinished(self):
        """How far the fragment has come that is not kept as a frame; None if there is none."""
        if self.message is None:
            return None
        cdef Py_ssize_t size = NEXT_HEAD - 4 + self.part
        return f"{size - self.left} of {size} bytes"

    cdef Py_ssize_t read_from(self, const unsigned char *start, Py_ssize_t size, Py_ssize_t at, list events) except -1:
        cdef Py_ssize_t end
        if self.message is not None and at < size:
            at = self.go_on(start, size, at, events)
        while size - at >= 4:
            end = _u32(start + at)
            if end > self.max_frame:
                raise FrameTooLarge(end, self.max_frame)
            end += at + 4
            if end > size:
                if size - at > NEXT_HEAD and self.begin(start + at, size - at, end - at):
                    at = size
                break
            if end - at > 4:
                control = self.frame(start + at + 4, end - at - 4)
                if control is not None:
                    events.append(control)
            at = end
        return at

    cdef bint begin(self, const unsigned char *p, Py_ssize_t here, Py_ssize_t size) except -1:
        """Take what is here of a frame of `size` bytes, if it is the next part of a message."""
        if p[4] != 131 or p[5] != 70 or self.assembler is None:
            return False
        self.message = self.assembler.expecting(_u64(p + 6), _u64(p + 14))
        if self.message is None:
            return False
        self.sequence = _u64(p + 6)
        self.part = size - NEXT_HEAD
        self.left = size - here
        self.message.put(p + NEXT_HEAD, here - NEXT_HEAD)
        return True

    cdef Py_ssize_t go_on(self, const unsigned char *start, Py_ssize_t size, Py_ssize_t at, list events) except -1:
        """Take what has come of the part under way; give where it ends."""
        cdef Py_ssize_t here = min(self.left, size - at)
        cdef _Message message = self.message
        message.put(start + at, here)
        self.left -= here
        if not self.left:
            self.message = None
            if self.assembler.took(self.sequence, message, self.part):
                events.append(self.whole(message))
        return at + here

    cdef object whole(self, _Message message):
        """The control message whose last part has come."""
        try:
            payload = message.payload((<tuple>message.start)[1], self.limits)
        except Exception:
            # Read again by the reference, this fails there, too, with its text.
            return self.finish(message.start, message.joined())
        return self.build((<tuple>message.start)[0], payload, 0)

    cdef object frame(self, const unsigned char *p, Py_ssize_t size):
        """The control message of a frame; None of one that only brings a part."""
        cdef _Message message
        if size > 18 and p[0] == 131 and p[1] == 70 and self.assembler is not None:
            message = self.assembler.expecting(_u64(p + 2), _u64(p + 10))
            if message is not None:
                message.put(p + 18, size - 18)
                return self.whole(message) if self.assembler.took(_u64(p + 2), message, size - 18) else None
        elif size > 19 and p[0] == 131 and p[1] == 69 and self.assembler is not None:
            if self.first(p, size):
                return None
        control = _frame(p, size, self.slots, self.limits)
        return self.read(PyBytes_FromStringAndSize(<const char *>p, size)) if control is None else control


    cdef bint first(self, const unsigned char *p, Py_ssize_t size) except -1:
        """Take the first of several fragments; False where the reference has to read it."""
        cdef tuple atoms
        cdef Py_ssize_t at = 16, taken = 0
        sequence = _u64(p + 2)
        if _u64(p + 10) < 2 or self.assembler.knows(sequence):
            return False
        atoms = _atoms(p, &at, size, self.slots)
        if atoms is None:
            return False
        try:
            control = decode_within(p + at, size - at, atoms, self.limits, &taken)
            if not takes_payload(control):
                return False
            # Only a check: a bad control message is not kept until its last part has come.
            self.build(control, None, 0)
        except Exception:
            return False
        at += taken
        self.assembler.open(sequence, _u64(p + 10), (control, atoms), p + at, size - at)
        return True


cdef object _frame(const unsigned char *start, Py_ssize_t size, list slots, object limits):
    """The control message of a frame; None where the reference has to read it."""
    cdef tuple atoms
    cdef Py_ssize_t at = 0, taken
    if size < 3 or start[0] != 131 or start[1] != 68:
        return None
    atoms = _atoms(start, &at, size, slots)
    if atoms is None:
        return None
    try:
        control = decode_within(start + at, size - at, atoms, limits, &taken)
        if type(control) is not tuple:
            return None
        at += taken
        return _control(<tuple>control, start + at, size - at, atoms, limits)
    except Exception:
        # Read again by the reference, this fails there, too, with its text.
        return None


cdef tuple _atoms(const unsigned char *start, Py_ssize_t *at, Py_ssize_t end, list slots):
    """The atoms of a header that names none that is new; None for any other."""
    cdef const unsigned char *p = start + at[0] + 2
    cdef Py_ssize_t count = p[0], index
    cdef const unsigned char *flags = p + 1
    cdef const unsigned char *refs
    cdef int half
    cdef tuple atoms
    if count == 0:
        at[0] += 3
        return _NO_ATOMS
    refs = flags + count // 2 + 1
    if refs + count > start + end:
        return None
    for index in range(count):
        if flags[index >> 1] >> (4 * (index & 1)) & NEW:
            return None
    atoms = PyTuple_New(count)
    for index in range(count):
        half = flags[index >> 1] >> (4 * (index & 1))
        atom = <object>PyList_GET_ITEM(slots, (half & SEGMENT) << 8 | refs[index])
        Py_INCREF(atom)
        PyTuple_SET_ITEM(atoms, index, atom)
        if atom is None:
            for index in range(index + 1, count):
                Py_INCREF(None)
                PyTuple_SET_ITEM(atoms, index, None)
            return None
    at[0] = refs + count - start
    return atoms


cdef object _control(tuple t, const unsigned char *rest, Py_ssize_t left, tuple atoms, object limits):
    cdef Py_ssize_t size = PyTuple_GET_SIZE(t)
    cdef int number
    if size < 3 or type(<object>PyTuple_GET_ITEM(t, 0)) is not int:
        return None
    number = <object>PyTuple_GET_ITEM(t, 0)
    sender = <object>PyTuple_GET_ITEM(t, 1)
    second = <object>PyTuple_GET_ITEM(t, 2)
    if number == 6 and size == 4:
        name = <object>PyTuple_GET_ITEM(t, 3)
        if type(sender) is _Pid and type(name) is _Atom:
            return _reg_send(sender, name, _payload(rest, left, atoms, limits))
    elif number == 22 and size == 3:
        if type(sender) is _Pid and type(second) is _Pid:
            return _send(sender, second, _payload(rest, left, atoms, limits))
    elif number == 33 and size == 3:
        if type(sender) is _Pid and type(second) is _Reference:
            return _alias_send(sender, second, _payload(rest, left, atoms, limits))
    elif number == 37 and size == 4:
        # An alias; any other flag is the reference's.
        to = <object>PyTuple_GET_ITEM(t, 3)
        if type(sender) is int and sender == 4 and type(second) is _Pid and type(to) is _Reference:
            return _alias_send(second, to, _payload(rest, left, atoms, limits))
    elif (number == 19 or number == 20) and size == 4:
        ref = <object>PyTuple_GET_ITEM(t, 3)
        if (
            type(sender) is _Pid
            and (type(second) is _Pid or type(second) is _Atom)
            and type(ref) is _Reference
        ):
            return _monitor(sender, second, ref) if number == 19 else _demonitor(sender, second, ref)
    return None


# Without a call of `__init__`; what is not set is None or False.

cdef inline Send _send(sender, to, message):
    cdef Send made = Send.__new__(Send)
    made.sender, made.to, made.message = sender, to, message
    return made


cdef inline RegSend _reg_send(sender, to, message):
    cdef RegSend made = RegSend.__new__(RegSend)
    made.sender, made.to, made.message = sender, to, message
    return made


cdef inline AliasSend _alias_send(sender, to, message):
    cdef AliasSend made = AliasSend.__new__(AliasSend)
    made.sender, made.to, made.message = sender, to, message
    return made


cdef inline Monitor _monitor(sender, to, ref):
    cdef Monitor made = Monitor.__new__(Monitor)
    made.sender, made.to, made.ref = sender, to, ref
    return made


cdef inline Demonitor _demonitor(sender, to, ref):
    cdef Demonitor made = Demonitor.__new__(Demonitor)
    made.sender, made.to, made.ref = sender, to, ref
    return made


cdef object _payload(const unsigned char *rest, Py_ssize_t left, tuple atoms, object limits):
    cdef Py_ssize_t after
    return decode_within(rest, left, atoms, limits, &after)


# --- writing -------------------------------------------------------------------------

cdef class AtomCacheWriter(AtomRefs):
    """Our half of the atom cache: see atom_cache.py."""

    cdef dict _places                   # atom -> slot
    cdef list _slots                    # slot -> atom or None
    cdef list _replaced                 # of this message: (slot, what was there before)
    cdef list _texts                    # of this message: text if new, else None
    cdef PyObject *_recent[RECENT]      # atoms that stand in a slot, and which
    cdef int _recent_slot[RECENT]
    cdef uint64_t _message              # number of this message
    cdef uint64_t _used[SLOTS]          # the message that used a slot last
    cdef unsigned char _index[SLOTS]    # and as which ref
    cdef unsigned char _low[MAX_REFS]
    cdef unsigned char _half[MAX_REFS]
    cdef int _count

    def __init__(self):
        self._places = {}
        self._slots = [None] * SLOTS
        self._replaced = []
        self._texts = []
        self._message = 1
        self._count = 0

    @staticmethod
    def slot_of(atom):
        """The only slot that `atom` is ever put into."""
        return crc32(atom.encode()) % SLOTS

    def start(self):
        """Begin a message."""
        self._message += 1
        self._count = 0
        if self._replaced:
            self._replaced.clear()
            self._texts.clear()

    @property
    def ref(self):
        """What `encode_parts` takes as its `atom_ref`."""
        return self

    cdef int number(self, object atom) except -2:
        cdef PyObject *place
        cdef int slot, index = self._count
        cdef size_t recent = (<size_t><PyObject *>atom >> 4) % RECENT
        cdef bint new = False
        if self._recent[recent] == <PyObject *>atom:
            slot = self._recent_slot[recent]
        else:
            place = PyDict_GetItemWithError(self._places, atom)
            new = place == NULL
            slot = self.slot_of(atom) if new else <int><object>place
        if self._used[slot] == self._message:
            # Two atoms of one message cannot share a slot: the second would replace the first.
            return -1 if new else self._index[slot]
        if index == MAX_REFS:
            return -1
        if new:
            self._fill(slot, atom, index)
        self._recent[recent] = <PyObject *>atom
        self._recent_slot[recent] = slot
        self._used[slot] = self._message
        self._index[slot] = index
        self._low[index] = slot & 255
        self._half[index] = slot >> 8 | (NEW if new else 0)
        self._count = index + 1
        return index

    cdef int _fill(self, int slot, object atom, int index) except -1:
        old = self._slots[slot]
        if old is not None:
            del self._places[old]
            self._forget_recent()
        self._replaced.append((slot, old))
        self._texts.append((index, atom.encode()))
        self._slots[slot] = atom
        self._places[atom] = slot
        return 0

    cpdef bytes header(self):
        """The header of the message, from N on."""
        cdef Py_ssize_t count = self._count, index, size
        cdef unsigned char *p
        if not self._texts:
            size = 1 if count == 0 else 2 + count // 2 + count
            out = PyBytes_FromStringAndSize(NULL, size)
            p = <unsigned char *>PyBytes_AS_STRING(out)
            p[0] = count
            if count:
                self._put_flags(p + 1, 0)
                memcpy(p + 2 + count // 2, self._low, count)
            return out
        return self._long_header()

    cdef void _put_flags(self, unsigned char *p, int last) noexcept:
        """The half bytes of all refs, and the header's own."""
        cdef Py_ssize_t count = self._count, index
        for index in range(count // 2 + 1):
            p[index] = 0
        for index in range(count):
            p[index >> 1] |= self._half[index] << (4 * (index & 1))
        p[count >> 1] |= last << (4 * (count & 1))

    cdef bytes _long_header(self):
        cdef dict texts = dict(self._texts)
        cdef int width = 2 if any([len(text) > 255 for text in texts.values()]) else 1
        cdef Py_ssize_t count = self._count, index
        flags = bytearray(count // 2 + 1)
        self._put_flags(flags, LONG_ATOMS if width == 2 else 0)
        out = bytearray((count,)) + flags
        for index in range(count):
            out.append(self._low[index])
            text = texts.get(index)
            if text is not None:
                out += len(text).to_bytes(width, "big")
                out += text
        return bytes(out)

    cdef void _forget_recent(self) noexcept:
        memset(self._recent, 0, sizeof(self._recent))

    def undo(self):
        """Forget the message that was begun: the peer will never see its header."""
        self._forget_recent()
        for slot, old in reversed(self._replaced):
            new = self._slots[slot]
            if new is not None:
                del self._places[new]
            self._slots[slot] = old
            if old is not None:
                self._places[old] = slot
        self.start()


def make_frame(tuple head, payload, bint has_payload, AtomCacheWriter cache, Py_ssize_t fragment_size):
    """A frame with a header; `(header, control, pieces of the payload)` of one that is larger.

    No binary is copied into these that has the size of a fragment.
    """
    cdef Py_ssize_t split, size, header_size
    cdef list apart = []
    cdef bytes body = encode_two(
        head, payload, has_payload, cache, &split, fragment_size, apart
    )
    cdef bytes header = b"\0" if cache is None else cache.header()
    cdef unsigned char *p
    size = PyBytes_GET_SIZE(body)
    header_size = PyBytes_GET_SIZE(header)
    if apart or size - split > fragment_size or 2 + header_size + size > 0xFFFFFFFFLL:
        return header, body[:split], _pieces(body, split, apart)
    frame = PyBytes_FromStringAndSize(NULL, 6 + header_size + size)
    p = <unsigned char *>PyBytes_AS_STRING(frame)
    _put32(p, <uint32_t>(2 + header_size + size))
    p[4] = 131
    p[5] = 68
    memcpy(p + 6, PyBytes_AS_STRING(header), header_size)
    memcpy(p + 6 + header_size, PyBytes_AS_STRING(body), size)
    return frame


cdef list _pieces(bytes body, Py_ssize_t at, list apart):
    """What of `body` comes from `at` on, with the binaries where they belong."""
    cdef list pieces = []
    cdef Py_ssize_t index, place
    view = memoryview(body)
    for index in range(0, len(apart), 2):
        place = apart[index + 1]
        pieces.append(view[at:place])
        pieces.append(memoryview(apart[index]))
        at = place
    if at < len(body):
        pieces.append(view[at:])
    return pieces
