"""flowml finds cryptomining in network traffic from the flows alone."""
