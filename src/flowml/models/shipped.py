"""The model that comes with flowml, pinned by its digest: bytes are known before they run.

After `make model` made another one, its folder, its version and the digest that was printed go here.
"""

SHIPPED_NAME = "flowml"
SHIPPED_VERSION = "1"
SHIPPED_DIGEST = "a5518f537954f881fdd8ba994ee73c0ad3cdfc85051b24f24cd8cde95fc41bac"
