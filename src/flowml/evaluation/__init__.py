"""How good, honestly."""
