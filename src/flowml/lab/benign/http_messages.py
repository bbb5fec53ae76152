"""Messages of HTTP/1.1 with a Content-Length (RFC 9112), for the actors that speak it themselves."""

from __future__ import annotations


def request(method: str, host: str, path: str, body: bytes = b"", fields: str = "") -> bytes:
    """Build a request; ``fields`` are further header lines, each with its CRLF."""
    return _message(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{fields}", body)


def response(body: bytes = b"", fields: str = "", status: str = "200 OK") -> bytes:
    """Build a response."""
    return _message(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{fields}", body)


def _message(head: str, body: bytes) -> bytes:
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
