cpdef object one_step(object context, object coroutine)
cdef class Callback:
    cpdef call_back(self)

cpdef object call_in(object context, Callback callback)
cpdef bint is_a(object value, type kind) noexcept
cpdef object run_in(object context, object function, object argument)
cpdef object call_as(
    object context, object one, object first, object other, object second, object function, tuple arguments
)
cpdef object context_with(object one, object first, object other, object second)
cpdef bint gives_coroutine(object function, Py_ssize_t count) except? 0
cpdef object value_of(object variable)
cpdef unsigned long this_thread() noexcept
cpdef double clock() except? -1.0
cpdef object nth_pid(object node, unsigned long long number, object creation)
cpdef object number_of(object pid)
cpdef object current_copy()
cpdef void spared_by_collector(object waiting) noexcept
cpdef void seen_by_collector(object begun) noexcept
cpdef object enter_task(object loop, object task)
cpdef object leave_task(object loop, object task)
