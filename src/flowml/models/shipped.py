"""The model that comes with flowml, pinned by its digest: bytes are known before they run.

After `make model` made another one, its folder, its version and the digest that was printed go here.
"""

SHIPPED_NAME = "flowml"
SHIPPED_VERSION = "2"
SHIPPED_DIGEST = "be4718488cba5be6db39d4b2574de30338cb4ee4502df2c03de241a1f5849581"
