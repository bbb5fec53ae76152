"""Flows with the truth about them: tables on disk, manifests, labels and splits."""
