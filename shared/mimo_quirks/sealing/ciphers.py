"""What a secret gives: keys, each for one purpose, and ciphers. Needs the extra `encryption`."""

from __future__ import annotations

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError as error:
    raise ImportError(
        'MIMO_QUIRKS_SECRET needs the "encryption" extra: pip install "mimo-quirks[encryption]"'
    ) from error

__all__ = ["InvalidTag", "cipher", "derive"]


def derive(secret: str, purpose: bytes) -> bytes:
    """64 bytes that belong to a secret and a purpose (HKDF-SHA256, RFC 5869).

    Raises:
        ValueError: The secret is empty.
    """
    if not secret:
        raise ValueError("the secret must not be empty")
    return HKDF(SHA256(), length=64, salt=None, info=purpose).derive(secret.encode("utf-8", "surrogatepass"))


def cipher(secret: str, purpose: bytes) -> AESSIV:
    """AES-SIV (RFC 5297): it authenticates, and what is sealed twice looks the same twice. See `derive` for errors."""
    return AESSIV(derive(secret, purpose))
