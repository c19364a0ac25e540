"""Errors of the token and device endpoints (RFC 6749 5.2, RFC 8628 3.5)."""

from __future__ import annotations


class OAuthError(Exception):
    """`code` is the registered word, `description` is for people and holds no secret."""

    def __init__(self, code: str, description: str = "", *, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.description = description
        self.status = status

    def to_dict(self) -> dict[str, str]:
        """The JSON body."""
        return {"error": self.code} | ({"error_description": self.description} if self.description else {})
