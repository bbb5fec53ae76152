"""The service: scoring, which `score` and `live` share, and the processes of the live sensor."""
