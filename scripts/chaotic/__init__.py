"""`scripts/chaos`: clusters that are torn apart, and must come to agree again."""
