"""The model that comes with flowml, pinned by its digest: bytes are known before they run.

After `make model` made another one, its folder, its version and the digest that was printed go here.
"""

SHIPPED_NAME = "flowml"
SHIPPED_VERSION = "1"
SHIPPED_DIGEST = "60506b2e419eb7fb8f40b7d108b52fe7e33c33217be5b14cebfde5b9b39ee6a5"
