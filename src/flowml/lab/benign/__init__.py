"""Benign actors, one file each: real programs, and look-alikes that resemble mining on the wire."""
