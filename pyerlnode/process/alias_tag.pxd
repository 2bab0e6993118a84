cpdef alias_tag(ref)
cpdef alias_in(tag)
