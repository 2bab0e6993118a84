"""Applications: started and stopped as a whole, configured, and known to their controller."""
