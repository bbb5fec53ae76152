"""Where conclusions go: one file a destination, each a pure formatter and a thin sender."""
