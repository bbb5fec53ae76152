"""From data sets to a model bundle."""
