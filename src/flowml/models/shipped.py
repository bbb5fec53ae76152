"""The model that comes with flowml, pinned by its digest: bytes are known before they run.

After `make model` made another one, its folder, its version and the digest that was printed go here.
"""

SHIPPED_NAME = "flowml"
SHIPPED_VERSION = "3"
SHIPPED_DIGEST = "ac8e094a80aae1ce63b4ff77a24966ebdc84d402cafc31c7f302b6a7c8f33544"
