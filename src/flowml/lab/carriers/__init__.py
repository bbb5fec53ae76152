"""Carriers: what lies between an actor's protocol and the wire, one file each, found by ``CARRIERS``."""
