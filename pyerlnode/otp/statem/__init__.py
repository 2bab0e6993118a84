"""State machines, as gen_statem has them."""
