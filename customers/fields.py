"""Model fields that are encrypted under the key of the row's customer.

    body = EncryptedText(owner="customer")

In the table stands ciphertext, and `values()` and `values_list()` yield it. Reading the attribute of an instance
decrypts, at the first time; assigning plaintext encrypts at the next `save()` or `bulk_create()`, in memory, without a
query where the instance's customer is at hand. `update()` and `bulk_update()` cannot encrypt and say so.
"""

import json
import uuid
from base64 import b64encode
from collections.abc import Iterable
from typing import Any, ClassVar, Final, NoReturn, Self, TypeVar

from django.core import checks
from django.core.exceptions import FieldError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext

from customers import owners, vault
from customers.keys import VaultError, load_keys

__all__ = [
    "ERASED",
    "Ciphertext",
    "EncryptedBytes",
    "EncryptedJSON",
    "EncryptedText",
    "Erased",
    "VaultError",
    "move_to_customer",
    "opened",
    "with_keys",
]

M = TypeVar("M", bound=models.Model)


class Ciphertext(bytes):
    """A value as it stands in the table. Only these bytes are written as they are."""

    __slots__ = ()


class Erased(str):
    """What is read where the customer was erased: shown as “erased” in the reader's language, false as a condition."""

    __slots__ = ("blob",)

    blob: Ciphertext | None

    def __new__(cls, blob: Ciphertext | None = None) -> Self:
        made = super().__new__(cls, "")
        made.blob = blob
        return made

    def __str__(self) -> str:
        return gettext("erased")

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        return "<erased>"


ERASED: Final = Erased()
_UNREAD: Final = object()


class _Held:
    """One attribute's state on an instance: as stored, as read, or both."""

    __slots__ = ("blob", "plain")

    def __init__(self, blob: Ciphertext | None, plain: object) -> None:
        self.blob = blob
        self.plain = plain

    def __repr__(self) -> str:
        return "<encrypted>"


class EncryptedAttribute:
    """The descriptor: decrypts when read."""

    def __init__(self, field: "EncryptedField") -> None:
        self.field = field
        self.name = field.attname

    def __get__(self, instance: models.Model | None, owner: type | None = None) -> Any:
        if instance is None:
            return self
        if self.name not in instance.__dict__:
            self._load(instance)
        held = instance.__dict__[self.name]
        if held is None:
            return None
        if held.plain is _UNREAD:
            held.plain = self.field.open_of(instance, held.blob)
        return held.plain

    def __set__(self, instance: models.Model, value: object) -> None:
        if isinstance(value, Ciphertext):
            instance.__dict__[self.name] = _Held(value, _UNREAD)
        elif isinstance(value, Erased) and value.blob is not None:
            instance.__dict__[self.name] = _Held(value.blob, value)
        elif value is None:
            instance.__dict__[self.name] = None
        else:
            self.field.check_plain(value)
            instance.__dict__[self.name] = _Held(None, value)

    def _load(self, instance: models.Model) -> None:
        """Fetch a deferred value as it is stored; Django's own way would decrypt it on a second, barer instance."""
        rows = type(instance)._base_manager.db_manager(instance._state.db).filter(pk=instance.pk)
        self.__set__(instance, rows.values_list(self.name, flat=True).get())


class EncryptedField(models.BinaryField[Any, Any]):
    """The base. `owner` is the path to the customer on the instance (`customer`, `ticket__customer`), or `self`."""

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any
    descriptor_class = EncryptedAttribute
    plain_type: ClassVar[type] = bytes

    def __init__(self, *args: Any, owner: str, **kwargs: Any) -> None:
        self.owner = owner
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "owner": self.owner}

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:  # noqa: FBT001, FBT002  Django's signature
        super().contribute_to_class(cls, name, private_only)
        self.place = vault.Place(cls._meta.db_table, self.column or name)

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        return [*super().check(**kwargs), *owners.check_path(self, self.owner)]

    # plaintext and bytes

    def check_plain(self, value: object) -> None:
        """TypeError for what this field cannot hold. The value itself is never part of the message."""
        if not isinstance(value, self.plain_type):
            raise TypeError(f"{self} holds {self.plain_type.__name__}, not {type(value).__name__}.")

    def to_bytes(self, value: Any) -> bytes:
        return bytes(value)

    def from_bytes(self, data: bytes) -> Any:
        return data

    def open(self, blob: bytes, *, row_id: uuid.UUID, key_id: uuid.UUID) -> Any:
        """The plaintext, or an Erased."""
        if not blob:
            return self.from_bytes(b"")
        plain = vault.decrypt(blob, self.place, row_id, key_id)
        return Erased(Ciphertext(blob)) if plain is None else self.from_bytes(plain)

    def open_of(self, instance: models.Model, blob: Ciphertext) -> Any:
        if not blob:
            return self.from_bytes(b"")
        return self.open(blob, row_id=instance.pk, key_id=owners.key_id_for(instance, self.owner))

    def close_for(self, instance: models.Model, value: Any) -> Ciphertext:
        """Encrypt for this row. An empty value is stored empty: there is nothing to hide in it."""
        if isinstance(value, Erased):
            raise VaultError(f"{self.place} of {instance.pk} was erased and cannot be written.")
        data = self.to_bytes(value)
        if not data:
            return Ciphertext()
        key_id = owners.key_id_for(instance, self.owner)
        return Ciphertext(vault.encrypt(data, self.place, instance.pk, key_id))

    # what Django asks of a field

    def pre_save(self, model_instance: models.Model, add: bool) -> Ciphertext | None:  # noqa: FBT001  Django's signature
        held = model_instance.__dict__.get(self.attname)
        if held is None:
            return None
        if held.blob is None:
            held.blob = self.close_for(model_instance, held.plain)
        elif add:
            # An instance copied under a new key would be stored unreadable.
            self.open_of(model_instance, held.blob)
        return held.blob  # type: ignore[no-any-return]

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002  Django's signature
        if value is not None and not isinstance(value, Ciphertext):
            raise TypeError(f"{self} is encrypted: assign to an instance and save() or bulk_create() it.")
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: Any, expression: object, connection: BaseDatabaseWrapper) -> Ciphertext | None:
        return None if value is None else Ciphertext(value)

    def get_default(self) -> Any:
        if self.has_default():
            return super().get_default()
        return None if self.null else self.from_bytes(b"")

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        """Plaintext stays as it is; BinaryField would take it for base64."""
        if value is None and not self.null:
            return super().clean(value, model_instance)
        return value

    def to_python(self, value: Any) -> Any:
        """What fixtures hold is base64 of the ciphertext."""
        decoded = super().to_python(value)
        return None if decoded is None else Ciphertext(decoded)

    def value_to_string(self, obj: models.Model) -> str:
        held = obj.__dict__.get(self.attname)
        return "" if held is None or held.blob is None else b64encode(held.blob).decode()

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        return self._refuse_lookup()

    def get_transform(self, lookup_name: str) -> NoReturn:
        self._refuse_lookup()

    def _refuse_lookup(self) -> NoReturn:
        raise FieldError(f"{self} is encrypted: look rows up by a digest column or by search tokens.")


class EncryptedBytes(EncryptedField):
    """Bytes, such as a file's key."""

    _pyi_private_set_type: bytes
    _pyi_private_get_type: bytes


class EncryptedText(EncryptedField):
    """Text."""

    _pyi_private_set_type: str
    _pyi_private_get_type: str
    plain_type = str

    def to_bytes(self, value: str) -> bytes:
        return value.encode("utf-8", "surrogatepass")

    def from_bytes(self, data: bytes) -> str:
        return data.decode("utf-8", "surrogatepass")


class EncryptedJSON(EncryptedField):
    """JSON. A value changed in place is not noticed: assign it again."""

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any
    plain_type = object

    def to_bytes(self, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def from_bytes(self, data: bytes) -> Any:
        return json.loads(data) if data else None


def encrypted_fields(model: type[models.Model]) -> list[EncryptedField]:
    """The encrypted columns of a model."""
    return [field for field in model._meta.concrete_fields if isinstance(field, EncryptedField)]


def with_keys(rows: Iterable[M]) -> list[M]:
    """The rows as a list, with the keys of all their customers at hand: two queries at most, however many rows."""
    found = list(rows)
    if found:
        paths = {field.owner for field in encrypted_fields(type(found[0]))}
        load_keys(owners.key_ids_for(found, paths))
    return found


def opened(model: type[models.Model], column: str, rows: Iterable[tuple[uuid.UUID, uuid.UUID, Any]]) -> list[Any]:
    """Decrypt what `values_list("pk", "<customer>_id", column)` gave, in its order: plaintext, an Erased, or None."""
    field = model._meta.get_field(column)
    assert isinstance(field, EncryptedField)
    found = list(rows)
    keys = owners.key_ids_of({customer_id for _row, customer_id, _blob in found})
    load_keys(keys.values())
    return [
        None if blob is None else field.open(blob, row_id=row_id, key_id=keys[customer_id])
        for row_id, customer_id, blob in found
    ]


def move_to_customer(row: models.Model, customer: models.Model, *, attribute: str = "customer") -> list[str]:
    """Give a row to another customer: what it holds is read now and encrypted with the new key at the next save.

    Returns the names of the fields to save.
    """
    fields = [field for field in encrypted_fields(type(row)) if field.owner == attribute]
    plain = {field.attname: getattr(row, field.attname) for field in fields}
    setattr(row, attribute, customer)
    for name, value in plain.items():
        setattr(row, name, value)
    return [attribute, *plain]
