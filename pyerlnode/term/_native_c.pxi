# What is better said in C, for several Pythons and compilers.

cdef extern from *:
    """
    #if PY_VERSION_HEX >= 0x030C0000
      #define Term_IsCompact(o) PyUnstable_Long_IsCompact((PyLongObject *)(o))
      #define Term_Compact(o) PyUnstable_Long_CompactValue((PyLongObject *)(o))
    #else
      #define Term_IsCompact(o) ((size_t)(Py_SIZE(o) + 1) < 3)
      #define Term_Compact(o) (Py_SIZE(o) * (Py_ssize_t)((PyLongObject *)(o))->ob_digit[0])
    #endif
    #if defined(__GNUC__)
      #define TERM_COLD __attribute__((noinline, cold))
      #define TERM_INLINE inline __attribute__((always_inline))
      #define Term_Fetch(o) __builtin_prefetch(o)
    #else
      #define TERM_COLD
      #define TERM_INLINE inline
      #define Term_Fetch(o) ((void)(o))
    #endif
    /* The digits of an integer, how many there are, and -1 or 0 for its sign. */
    #if PY_VERSION_HEX >= 0x030C0000
      #define TERM_DIGITS(o) (((PyLongObject *)(o))->long_value.ob_digit)
      #define TERM_COUNT(o) (((PyLongObject *)(o))->long_value.lv_tag >> 3)
      #define TERM_SIGN(o) (-(long long)((((PyLongObject *)(o))->long_value.lv_tag & 3) >> 1))
    #else
      #define TERM_DIGITS(o) (((PyLongObject *)(o))->ob_digit)
      #define TERM_COUNT(o) ((size_t)((Py_SIZE(o) ^ TERM_SIGN(o)) - TERM_SIGN(o)))
      #define TERM_SIGN(o) ((long long)(Py_SIZE(o) >> (8 * sizeof(Py_ssize_t) - 1)))
    #endif
    #define Term_IsNegative(o) (TERM_SIGN(o) != 0)
    /* The value of an integer of at most two digits, 60 bits; 0 for a larger one.  Without a branch
       that depends on the value, of which half go wrong where integers are of all sizes. */
    static TERM_INLINE int Term_Small(PyObject *o, long long *value) {
        const digit *digits = TERM_DIGITS(o);
        const size_t count = TERM_COUNT(o), second = count >> 1;
        const long long sign = TERM_SIGN(o);
        if (count > 2) return 0;
        const long long high = ((long long)digits[second] << PyLong_SHIFT) & -(long long)second;
        *value = ((high | digits[0]) ^ sign) - sign;
        return 1;
    }
    /* An integer of 32 bits, made without a branch that depends on how many digits it has. */
    static TERM_INLINE PyObject *Term_Int(int32_t value) {
        if (PyLong_SHIFT < 30 || (-6 < value && value < 257)) return PyLong_FromLong(value);
        PyLongObject *made = _PyLong_New(2);
        if (made == NULL) return NULL;
        const int64_t sign = -(int64_t)(value < 0), whole = ((int64_t)value ^ sign) - sign;
        const int64_t second = whole >> PyLong_SHIFT;
        TERM_DIGITS(made)[0] = (digit)(whole & PyLong_MASK);
        TERM_DIGITS(made)[1] = (digit)second;
    #if PY_VERSION_HEX >= 0x030C0000
        made->long_value.lv_tag = (size_t)(1 + (second != 0)) << 3 | (size_t)(-sign << 1);
    #else
        Py_SET_SIZE(made, ((1 + (second != 0)) ^ sign) - sign);
    #endif
        return (PyObject *)made;
    }
    /* The bytes that the absolute value of an integer other than 0 takes. */
    static Py_ssize_t Term_Bytes(PyObject *o) {
        const size_t last = TERM_COUNT(o) - 1;
        size_t bits = last * PyLong_SHIFT;
        for (digit top = TERM_DIGITS(o)[last]; top; top >>= 1) bits++;
        return (Py_ssize_t)((bits + 7) / 8);
    }
    /* Write the absolute value of an integer, least byte first.  Four bytes are written at once, so there
       has to be room for TERM_SPARE more than it takes. */
    #define TERM_SPARE 8
    static void Term_Digits(PyObject *o, unsigned char *to) {
        const digit *digits = TERM_DIGITS(o), *end = digits + TERM_COUNT(o);
        uint64_t pending = 0;
        int bits = 0;
        for (;;) {
            for (; bits < 32 && digits < end; bits += PyLong_SHIFT) pending |= (uint64_t)*digits++ << bits;
            to[0] = (unsigned char)pending;
            to[1] = (unsigned char)(pending >> 8);
            to[2] = (unsigned char)(pending >> 16);
            to[3] = (unsigned char)(pending >> 24);
            if (bits <= 32 && digits == end) return;
            to += 4;
            pending >>= 32;
            bits -= 32;
        }
    }
    /* As memcpy, which costs more than the copy where it is short. */
    static TERM_INLINE void Term_Copy(unsigned char *to, const char *from, size_t size) {
        if (size > 32) memcpy(to, from, size);
        else if (size >= 16) { memcpy(to, from, 16); memcpy(to + size - 16, from + size - 16, 16); }
        else if (size >= 8) { memcpy(to, from, 8); memcpy(to + size - 8, from + size - 8, 8); }
        else if (size >= 4) { memcpy(to, from, 4); memcpy(to + size - 4, from + size - 4, 4); }
        else if (size) { to[0] = from[0]; to[size >> 1] = from[size >> 1]; to[size - 1] = from[size - 1]; }
    }
    /* Whether `size` bytes are the same. */
    static TERM_INLINE int Term_Same(const char *a, const char *b, size_t size) {
        uint64_t first, second, last, end;
        uint32_t head, other, tail, rest;
        if (size > 16) return memcmp(a, b, size) == 0;
        if (size >= 8) {
            memcpy(&first, a, 8); memcpy(&second, b, 8);
            memcpy(&last, a + size - 8, 8); memcpy(&end, b + size - 8, 8);
            return ((first ^ second) | (last ^ end)) == 0;
        }
        if (size >= 4) {
            memcpy(&head, a, 4); memcpy(&other, b, 4);
            memcpy(&tail, a + size - 4, 4); memcpy(&rest, b + size - 4, 4);
            return ((head ^ other) | (tail ^ rest)) == 0;
        }
        return !size || (a[0] == b[0] && a[size >> 1] == b[size >> 1] && a[size - 1] == b[size - 1]);
    }
    /* No place at all, and not NULL. */
    #define Term_NONE ((unsigned char *)1)
    /* An object that was freed and kept, as a new one. */
    static TERM_INLINE PyObject *Term_Again(PyObject *kept) { _Py_NewReference(kept); return kept; }
    /* Free by `usual` for the class whose `tp_dealloc` is `own`; nested very deep without recursion. */
    static TERM_COLD void Term_FreeDeep(PyObject *o, destructor own, destructor usual) {
        PyObject_GC_UnTrack(o);
        Py_TRASHCAN_BEGIN(o, own)
        usual(o);
        Py_TRASHCAN_END
    }
    /* A reference of its own; or NULL, which says that something was raised. */
    #define Term_Owned(o) (o)
    #define Term_Raised() (-1)
    static TERM_COLD int Term_Refuse(PyObject *kind) { PyErr_SetNone(kind); return -1; }
    #if PY_VERSION_HEX < 0x030E0000
      #define Term_NewDict(size) _PyDict_NewPresized(size)
    #else
      #define Term_NewDict(size) PyDict_New()
    #endif
    """
    bint Term_IsCompact(PyObject *) noexcept
    Py_ssize_t Term_Compact(PyObject *) noexcept
    bint Term_Small(PyObject *, long long *) noexcept
    dict Term_NewDict(Py_ssize_t)
    bint Term_IsNegative(PyObject *) noexcept
    PyObject *Term_Int(int32_t) noexcept
    Py_ssize_t Term_Bytes(PyObject *) noexcept
    Py_ssize_t TERM_SPARE
    void Term_Digits(PyObject *, unsigned char *) noexcept
    void Term_Fetch(PyObject *) noexcept
    void Term_Copy(unsigned char *, const char *, size_t) noexcept
    bint Term_Same(const char *, const char *, size_t) noexcept
    int Term_Refuse(object) except -1
    int Term_RefuseHere "Term_Refuse"(object) noexcept
    unsigned char *_NONE "Term_NONE"
    object Term_Owned(PyObject *)
    object Term_Again(PyObject *)
    void Term_FreeDeep(PyObject *, destructor, destructor) noexcept
    void PyObject_GC_UnTrack(object) noexcept
    void PyObject_GC_UnTrack_ "PyObject_GC_UnTrack"(PyObject *) noexcept
    int Term_Raised() except -1
    void Term_SetList "PyList_SET_ITEM"(object, Py_ssize_t, PyObject *) noexcept
    void Term_PutTuple "PyTuple_SET_ITEM"(PyObject *, Py_ssize_t, PyObject *) noexcept
    PyObject *Term_NewTuple "PyTuple_New"(Py_ssize_t) noexcept
    PyObject *Term_NewBytes "PyBytes_FromStringAndSize"(const char *, Py_ssize_t) noexcept
    PyObject *Term_Long "PyLong_FromLong"(long) noexcept
    PyObject *Term_Float "PyFloat_FromDouble"(double) noexcept
    void Term_Incref "Py_INCREF"(PyObject *) noexcept
