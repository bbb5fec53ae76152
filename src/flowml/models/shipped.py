"""The model that comes with flowml, pinned by its digest: bytes are known before they run.

After `make model` made another one, its folder, its version and the digest that was printed go here.
"""

SHIPPED_NAME = "flowml"
SHIPPED_VERSION = "1"
SHIPPED_DIGEST = "0faf93fa363732c64608442a9c2beb7aea4fff09c65a44dc1211d483406f1f97"
