"""Packets become flow records: files and interfaces on one side, `FlowBatch` on the other."""
