"""How good a model is, told honestly: counts, intervals and pictures."""
