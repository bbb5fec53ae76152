"""What a model sees: messages, and the features computed from them."""
