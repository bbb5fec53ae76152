"""The model that comes with flowml, pinned by its digest: bytes are known before they run.

After `make model` made another one, its folder, its version and the digest that was printed go here.
"""

SHIPPED_NAME = "flowml"
SHIPPED_VERSION = "3"
SHIPPED_DIGEST = "c985a33af70e4d1a4fc489168d8cc917aedeb17f25f49be4872c9d6c4ad2a971"
