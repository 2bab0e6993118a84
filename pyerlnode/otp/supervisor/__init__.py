"""Supervisors of every kind: what they start, watch, start again and stop."""
