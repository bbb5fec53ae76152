"""Incidents kept: one SQLite file that sensor and dashboard share."""
