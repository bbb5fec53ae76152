"""The model that comes with flowml, pinned by its digest: bytes are known before they run.

After `make model` made another one, its folder, its version and the digest that was printed go here.
"""

SHIPPED_NAME = "flowml"
SHIPPED_VERSION = "2"
SHIPPED_DIGEST = "f37cf67aefe65fe4e0c7a743ab8cfc80a866657a27cb93e1083abb6afafa0eb4"
