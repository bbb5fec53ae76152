"""The model that comes with flowml, pinned by its digest: bytes are known before they run.

After `make model` made another one, its folder, its version and the digest that was printed go here.
"""

SHIPPED_NAME = "flowml"
SHIPPED_VERSION = "2"
SHIPPED_DIGEST = "44dbbfe124d90648ba817940a331e6154aa6ff3e924171c7f5da8e6bec9c0bda"
