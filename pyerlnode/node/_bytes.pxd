cpdef Py_ssize_t write_now(int descriptor, bytes data) noexcept
cpdef bytes first_bytes(bytearray buffer, Py_ssize_t count)
