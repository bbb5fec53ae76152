"""Estimators, and the bundle in which they travel."""
