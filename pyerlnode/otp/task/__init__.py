"""Tasks, and the supervisors that start them for others."""
