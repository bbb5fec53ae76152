"""Passwords and tokens as they are stored: nobody who reads them can log in with them."""

import base64
import hashlib
import hmac
import secrets
import threading

_COST, _BLOCK, _PARALLEL = (
    2**15,
    8,
    1,
)  # 32 MiB and some 0.1 s: what OWASP asks of scrypt at least, less lanes
_MAX_MEMORY = 128 * _COST * _BLOCK * 2
_TURNS = threading.Semaphore(2)  # so that many logins at once cannot fill the memory
MIN_PASSWORD_CHARS, MAX_PASSWORD_CHARS = 10, 1024


def hash_password(password: str) -> str:
    """Hash a password with scrypt and a new salt: ``scrypt$COST$BLOCK$PARALLEL$SALT$HASH``."""
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, _COST, _BLOCK, _PARALLEL)
    return f"scrypt${_COST}${_BLOCK}${_PARALLEL}${_text(salt)}${_text(digest)}"


def is_password(password: str, stored: str) -> bool:
    """Whether a password is the one that was hashed; takes as long either way."""
    if len(password) > MAX_PASSWORD_CHARS:
        return False
    _, cost, block, parallel, salt, digest = stored.split("$")
    got = _scrypt(password, _bytes(salt), int(cost), int(block), int(parallel))
    return hmac.compare_digest(got, _bytes(digest))


def is_stored_password(stored: str) -> bool:
    """Whether a text is what `hash_password` gives, with costs that this machine is willing to pay."""
    parts = stored.split("$")
    try:
        kind, cost, block, parallel, salt, digest = parts
        costs = int(cost), int(block), int(parallel)
        return (
            kind == "scrypt" and costs <= (_COST, _BLOCK, _PARALLEL) and bool(_bytes(salt) and _bytes(digest))
        )
    except ValueError:
        return False


def new_token() -> str:
    """A token that nobody can guess: 256 bits as text."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Hash a token. It is random itself, so it needs neither salt nor cost: ``sha256$HASH``."""
    return f"sha256${hashlib.sha256(token.encode('utf-8', 'backslashreplace')).hexdigest()}"


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    with _TURNS:
        return hashlib.scrypt(
            password.encode("utf-8", "backslashreplace"),
            salt=salt,
            n=cost,
            r=block,
            p=parallel,
            maxmem=_MAX_MEMORY,
            dklen=32,
        )


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
