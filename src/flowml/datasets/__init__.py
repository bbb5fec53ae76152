"""Flows with truth: what a data set holds, who says so, and how it may be split."""
