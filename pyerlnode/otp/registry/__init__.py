"""Registry: processes found by keys."""
