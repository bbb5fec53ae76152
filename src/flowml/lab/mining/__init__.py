"""Mining families: a pool and its miners in one file each; none of them computes a hash."""
