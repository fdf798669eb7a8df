"""Identifiers: UUIDv7, so that the order of primary keys is the order of making."""

import uuid

import uuid_utils.compat


def new_id() -> uuid.UUID:
    """A new UUIDv7: 48 bits of milliseconds, then randomness."""
    return uuid_utils.compat.uuid7()
