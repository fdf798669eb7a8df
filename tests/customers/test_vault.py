"""What is stored opens in its own place, for its own customer, and nowhere else."""

import threading
import uuid

import pytest
from django.core.exceptions import FieldError
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from customers import keys, owners
from customers.actions import create_customer
from customers.fields import Ciphertext, Erased, VaultError, opened, with_keys
from customers.keys import new_key_id
from customers.keystore.models import DataKey, Tombstone
from customers.models import ContactPoint, Customer, Reveal
from servicedesk.actor import SYSTEM
from servicedesk.ids import new_id
from servicedesk.keyring import KeyringError

pytestmark = pytest.mark.django_db(databases=["default", "keystore"])


@pytest.fixture
def dana(shop):
    return create_customer(shop=shop, name="Dana 达娜", email="dana@example.com", phone="13800138000", by=SYSTEM)


@pytest.fixture
def erik(shop):
    return create_customer(shop=shop, name="Erik", email="erik@example.com", phone="13900139000", by=SYSTEM)


def fresh(customer: Customer) -> Customer:
    """As another request reads it."""
    keys.start_scope()
    owners._key_ids.clear()
    return Customer.objects.get(pk=customer.pk)


def stored(model, pk, column) -> bytes:
    """What stands in the table, by SQL."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {model._meta.db_table} WHERE id = %s", [adapted(pk)])
        return bytes(cursor.fetchone()[0])


def put(model, pk, column, value) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {model._meta.db_table} SET {column} = %s WHERE id = %s",
            [connection.Database.Binary(value), adapted(pk)],
        )


def adapted(pk: uuid.UUID):
    return pk if connection.vendor == "postgresql" else pk.hex


def erase(customer: Customer) -> None:
    """What erasure does to the key store."""
    DataKey.objects.filter(pk=customer.key_id).delete()
    Tombstone.objects.create(key_id=customer.key_id)
    keys.start_scope()


# ------------------------------------------------------------------------------------------------ round trips


def test_what_is_stored_is_ciphertext_and_what_is_read_is_text(dana):
    assert fresh(dana).name == "Dana 达娜"
    blob = stored(Customer, dana.pk, "name")
    assert "达娜".encode() not in blob
    assert b"Dana" not in blob
    assert blob[1:17] == dana.key_id.bytes


def test_the_same_text_is_never_stored_the_same_way_twice(dana):
    before = stored(Customer, dana.pk, "name")
    dana.name = "Dana 达娜"
    dana.save(update_fields=["name"])
    assert stored(Customer, dana.pk, "name") != before


def test_empty_text_is_stored_empty_and_none_stays_none(shop):
    nobody = create_customer(shop=shop, by=SYSTEM)
    assert stored(Customer, nobody.pk, "name") == b""
    assert fresh(nobody).name == ""


def test_a_value_that_was_only_read_is_not_encrypted_again(dana):
    found = fresh(dana)
    before = stored(Customer, dana.pk, "name")
    assert found.name
    found.save()
    assert stored(Customer, dana.pk, "name") == before


def test_values_are_ciphertext_and_can_be_opened_together(dana, erik):
    rows = list(ContactPoint.objects.order_by("pk").values_list("pk", "customer_id", "value"))
    assert all(isinstance(blob, Ciphertext) for _pk, _customer, blob in rows)
    keys.start_scope()
    with CaptureQueriesContext(connections["keystore"]) as queries:
        texts = opened(ContactPoint, "value", rows)
    assert texts == ["dana@example.com", "+8613800138000", "erik@example.com", "+8613900139000"]
    assert len(queries) == 1


def test_a_deferred_value_is_fetched_when_it_is_read(dana):
    found = Customer.objects.defer("name").get(pk=dana.pk)
    assert "name" in found.get_deferred_fields()
    with CaptureQueriesContext(connection) as queries:
        assert found.name == "Dana 达娜"
    assert len(queries) == 1


def test_only_and_refresh_work(dana):
    found = Customer.objects.only("language").get(pk=dana.pk)
    assert found.name == "Dana 达娜"
    Customer.objects.lock(dana.pk)
    other = fresh(dana)
    other.name = "Other"
    other.save(update_fields=["name"])
    found.refresh_from_db()
    assert found.name == "Other"
    found.refresh_from_db(fields=["name"])
    assert found.name == "Other"


def test_rows_made_in_bulk_are_encrypted(dana):
    Reveal.objects.bulk_create(
        [
            Reveal(customer=dana, by_type="system", fields=[], reason="other", note=f"note {number}")
            for number in range(3)
        ]
    )
    assert [row.note for row in Reveal.objects.order_by("pk")] == ["note 0", "note 1", "note 2"]
    for pk in Reveal.objects.values_list("pk", flat=True):
        assert b"note" not in stored(Reveal, pk, "note")


def test_encrypting_for_a_customer_at_hand_costs_no_query(dana):
    row = Reveal(customer=dana, by_type="system", fields=[], reason="other", note="note")
    with CaptureQueriesContext(connection) as data, CaptureQueriesContext(connections["keystore"]) as store:
        Reveal._meta.get_field("note").pre_save(row, add=True)
    assert len(data) == len(store) == 0


def test_a_page_of_rows_needs_two_queries_for_its_keys(shop):
    for number in range(20):
        create_customer(shop=shop, name=f"Number {number}", email=f"n{number}@example.com", by=SYSTEM)
    keys.start_scope()
    owners._key_ids.clear()
    with CaptureQueriesContext(connection) as data, CaptureQueriesContext(connections["keystore"]) as store:
        rows = with_keys(ContactPoint.objects.all())
        assert sorted(row.value for row in rows) == sorted(f"n{number}@example.com" for number in range(20))
    assert len(data) == 2
    assert len(store) == 1


def test_a_key_is_fetched_once_in_a_request(dana):
    found = fresh(dana)
    with CaptureQueriesContext(connections["keystore"]) as store:
        assert found.name
        assert found.email
        assert found.phone
    assert len(store) == 1


def test_keys_are_forgotten_when_the_request_ends(dana):
    with keys.key_scope():
        assert keys.cipher(dana.key_id)
        assert dana.key_id in keys._scope().keys
    keys.end_scope()
    assert dana.key_id not in keys._scope().keys


def test_keys_held_outside_a_request_wear_out(dana, monkeypatch):
    keys.end_scope()
    assert keys.cipher(dana.key_id)
    assert dana.key_id in keys._scope().keys
    monkeypatch.setattr(keys, "LOOSE_SECONDS", -1.0)
    assert dana.key_id not in keys._scope().keys


# ------------------------------------------------------------------------------------------------ what is refused


def test_lookups_by_an_encrypted_field_are_refused(dana):
    for lookup in ("name", "name__contains", "name__in", "name__lower"):
        with pytest.raises(FieldError, match="is encrypted"):
            list(Customer.objects.filter(**{lookup: ["Dana"]}))
    assert Customer.objects.filter(name__isnull=False).count() == 1


def test_update_and_bulk_update_cannot_write_plaintext(dana):
    with pytest.raises(TypeError, match="is encrypted"):
        Customer.objects.update(name="Plain")
    dana.name = "Plain"
    with pytest.raises(TypeError, match="is encrypted"):
        Customer.objects.bulk_update([dana], ["name"])


@pytest.mark.parametrize("wrong", [b"bytes", 5, ["list"]])
def test_only_text_can_be_assigned_and_the_refusal_does_not_repeat_it(dana, wrong):
    with pytest.raises(TypeError) as refused:
        dana.name = wrong
    assert str(wrong) not in str(refused.value)


def test_reprs_and_names_show_nothing_personal(dana):
    dana.name = "Canary"
    shown = f"{dana!r} {dana} {dana.__dict__} {dana.contact_points.all()!r} {dana.contact_points.first().__dict__}"
    assert "Canary" not in shown
    assert "dana@example.com" not in shown
    assert "13800138000" not in shown


def test_a_row_without_a_customer_cannot_be_encrypted():
    with pytest.raises(VaultError, match="no customer"):
        Reveal(note="x", fields=[], by_type="system", reason="other").save()


def test_a_copied_row_is_not_stored_unreadable(dana):
    copy = fresh(dana)
    copy.pk = new_id()
    copy._state.adding = True
    with pytest.raises(VaultError):
        copy.save()


# ------------------------------------------------------------------------------------------------ swapped by SQL


def test_two_customers_names_swapped_by_sql_fail_loudly(dana, erik):
    one, other = stored(Customer, dana.pk, "name"), stored(Customer, erik.pk, "name")
    put(Customer, dana.pk, "name", other)
    put(Customer, erik.pk, "name", one)
    for customer in (dana, erik):
        with pytest.raises(VaultError, match="not its customer's"):
            fresh(customer).name  # noqa: B018


def test_names_and_keys_swapped_together_fail_loudly(dana, erik):
    one, other = stored(Customer, dana.pk, "name"), stored(Customer, erik.pk, "name")
    key = dana.key_id
    Customer.objects.filter(pk=dana.pk).update(key_id=new_id())
    Customer.objects.filter(pk=erik.pk).update(key_id=key)
    put(Customer, erik.pk, "name", one)
    with pytest.raises(VaultError, match="belongs to another row"):
        fresh(erik).name  # noqa: B018
    assert other


def test_two_values_of_one_customer_swapped_fail_loudly(dana):
    email, phone = dana.contact_points.order_by("kind")
    one, other = stored(ContactPoint, email.pk, "value"), stored(ContactPoint, phone.pk, "value")
    put(ContactPoint, email.pk, "value", other)
    put(ContactPoint, phone.pk, "value", one)
    for row in ContactPoint.objects.all():
        with pytest.raises(VaultError, match="belongs to another row"):
            row.value  # noqa: B018


def test_a_value_moved_to_another_column_fails_loudly(dana):
    shown = Reveal.objects.create(customer=dana, by_type="system", fields=[], reason="other", note="note")
    email = dana.contact_points.get(kind="email")
    put(ContactPoint, email.pk, "value", stored(Reveal, shown.pk, "note"))
    with pytest.raises(VaultError):
        ContactPoint.objects.get(pk=email.pk).value  # noqa: B018


def test_a_row_given_to_another_customer_by_sql_fails_loudly(dana, erik):
    email = dana.contact_points.get(kind="email")
    ContactPoint.objects.filter(pk=email.pk).update(customer=erik)
    with pytest.raises(VaultError, match="not its customer's"):
        ContactPoint.objects.get(pk=email.pk).value  # noqa: B018


@pytest.mark.parametrize("position", [0, 1, 16, 17, 28, 29, -1])
def test_an_altered_value_fails_loudly(dana, position):
    blob = bytearray(stored(Customer, dana.pk, "name"))
    blob[position] ^= 1
    put(Customer, dana.pk, "name", bytes(blob))
    with pytest.raises(VaultError):
        fresh(dana).name  # noqa: B018


def test_plaintext_put_there_by_sql_fails_loudly(dana):
    put(Customer, dana.pk, "name", b"Dana")
    with pytest.raises(VaultError, match="not an encrypted value"):
        fresh(dana).name  # noqa: B018


def test_no_failure_tells_what_was_stored(dana):
    put(Customer, dana.pk, "name", b"Canary, in plain text and rather long so that it has a header")
    with pytest.raises(VaultError) as failed:
        fresh(dana).name  # noqa: B018
    assert "Canary" not in str(failed.value)


# ------------------------------------------------------------------------------------------------ erased and lost


def test_an_erased_customers_data_reads_as_erased(dana, settings):
    from django.utils import translation

    erase(dana)
    found = fresh(dana)
    assert isinstance(found.name, Erased)
    assert not found.name
    assert str(found.name) == "erased"
    assert f"{found.name:>8}" == "  erased"
    assert isinstance(found.email, Erased)
    with translation.override("zh-hans"):
        assert str(found.name)


def test_an_erased_value_shows_escaped_in_templates(dana):
    from django.template import engines

    erase(dana)
    template = engines.all()[0].from_string("{{ name }}") if engines.all() else None
    if template is not None:
        assert template.render({"name": fresh(dana).name}) == "erased"


def test_nothing_new_is_written_for_the_erased(dana):
    erase(dana)
    found = fresh(dana)
    found.name = "Dana again"
    with pytest.raises(VaultError, match="was erased"):
        found.save(update_fields=["name"])


def test_a_row_of_the_erased_can_still_be_saved_and_refreshed(dana):
    before = stored(Customer, dana.pk, "name")
    erase(dana)
    found = fresh(dana)
    found.refresh_from_db()
    found.language = "de"
    found.save()
    assert stored(Customer, dana.pk, "name") == before


def test_a_key_that_is_lost_is_a_loud_failure(dana):
    DataKey.objects.all().delete()
    with pytest.raises(VaultError, match="no tombstone says why"):
        fresh(dana).name  # noqa: B018


def test_a_wrapped_key_put_in_anothers_place_is_a_loud_failure(dana, erik):
    DataKey.objects.filter(pk=dana.key_id).update(wrapped=DataKey.objects.get(pk=erik.key_id).wrapped)
    with pytest.raises(KeyringError):
        fresh(dana).name  # noqa: B018


# ------------------------------------------------------------------------------------------------ the stock of keys


@pytest.mark.django_db(databases=["default", "keystore"], transaction=True)
class TestStock:
    def test_a_batch_is_committed_before_a_key_is_used(self):
        keys.stock.clear()
        first = new_key_id()
        assert DataKey.objects.count() == keys.BATCH
        assert DataKey.objects.filter(pk=first).exists()
        with CaptureQueriesContext(connections["keystore"]) as queries:
            rest = {new_key_id() for _ in range(keys.BATCH - 1)}
        assert len(queries) == 0
        assert len(rest | {first}) == keys.BATCH

    def test_a_new_key_needs_no_query_to_be_used(self):
        key_id = new_key_id()
        with CaptureQueriesContext(connections["keystore"]) as queries:
            assert keys.cipher(key_id) is not None
        assert len(queries) == 0

    def test_an_emptied_key_store_empties_the_stock(self):
        from django.core.management import call_command

        new_key_id()
        call_command("flush", database="keystore", interactive=False, verbosity=0, reset_sequences=False)
        assert DataKey.objects.filter(pk=new_key_id()).exists()

    def test_no_key_is_given_to_two_threads(self):
        taken = []
        keys.stock.clear()

        def take() -> None:
            try:
                taken.extend(new_key_id() for _ in range(50))
            finally:
                connections.close_all()

        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(taken) == len(set(taken)) == 400
        assert DataKey.objects.count() == 448


def test_a_forked_process_does_not_share_the_stock(dana):
    import os

    keys.stock._keys = [(new_id(), object())]
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"empty" if not keys.stock._keys else b"full")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 10) == b"empty"
    os.close(read)
    os.close(write)
    keys.stock.clear()
