"""What a peer runs that was given no program."""

nothing: list[object] = []
