"""Encryption under a customer's own key. Other apps meet it as `customers.fields`.

A value is a format byte, the id of the key, a nonce and the ciphertext. What it is bound to is authenticated: format,
table, column, row and key. A ciphertext moved to another row, column or customer doesn't open.
"""

import os
import uuid
from typing import Final

from cryptography.exceptions import InvalidTag

from customers.keys import VaultError, cipher

__all__ = ["Place", "VaultError", "decrypt", "encrypt"]

FORMAT: Final = b"\x01"
NONCE: Final = 12
TAG: Final = 16
OVERHEAD: Final = 1 + 16 + NONCE + TAG


class Place:
    """A table and a column, as the associated data begins."""

    __slots__ = ("column", "prefix", "table")

    def __init__(self, table: str, column: str) -> None:
        self.table = table
        self.column = column
        names = (table.encode(), column.encode())
        self.prefix = FORMAT + b"".join(len(name).to_bytes(1) + name for name in names)

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


def encrypt(plain: bytes, place: Place, row_id: uuid.UUID, key_id: uuid.UUID) -> bytes:
    """The value to store in this row. VaultError when the key was destroyed: nothing new is written for the erased."""
    key = cipher(key_id)
    if key is None:
        raise VaultError(f"{place} of {row_id} cannot be written: this customer's data was erased.")
    nonce = os.urandom(NONCE)
    sealed = key.encrypt(nonce, plain, b"".join((place.prefix, row_id.bytes, key_id.bytes)))
    return b"".join((FORMAT, key_id.bytes, nonce, sealed))


def decrypt(blob: bytes, place: Place, row_id: uuid.UUID, key_id: uuid.UUID) -> bytes | None:
    """What the value says; None when its key was destroyed on purpose.

    `key_id` is that of the row's customer. VaultError when the value names another key, was altered, belongs to another
    row or column, or when the key is lost.
    """
    _check_format(blob, place)
    if blob[1:17] != key_id.bytes:
        raise VaultError(f"{place} of {row_id} is encrypted with a key that is not its customer's.")
    key = cipher(key_id)
    if key is None:
        return None
    try:
        return key.decrypt(blob[17:29], blob[29:], b"".join((place.prefix, row_id.bytes, key_id.bytes)))
    except InvalidTag:
        raise VaultError(f"{place} of {row_id} does not open: it was altered or belongs to another row.") from None


def _check_format(blob: bytes, place: Place) -> None:
    if len(blob) < OVERHEAD or blob[:1] != FORMAT:
        raise VaultError(f"{place} holds something that is not an encrypted value.")
