"""Tables that a process owns and may leave to an heir, as ETS has them."""
