"""HTTP: the dashboard's pages, and an API for everything that they can do."""
