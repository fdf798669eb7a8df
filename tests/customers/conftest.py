"""Who acts in these tests, and for which shop."""

import pytest

from customers import keys
from servicedesk.actor import Actor
from servicedesk.ids import new_id
from servicedesk.keyring import new_ring, write_ring
from servicedesk.models import Shop
from servicedesk.permissions import ROLE_PERMISSIONS, permissions_of_scopes


@pytest.fixture(autouse=True)
def _fresh_keys():
    """A test begins as a request does: without keys at hand."""
    with keys.key_scope():
        yield


@pytest.fixture
def ring_file(settings, tmp_path):
    """A ring file of this test's own, which it may rotate, break and remove."""
    settings.MASTER_KEY_FILE = tmp_path / "master_key_ring.json"
    write_ring(settings.MASTER_KEY_FILE, new_ring())
    return settings.MASTER_KEY_FILE


@pytest.fixture
def shop(db_both):
    found = Shop.objects.filter(is_default=True).first()
    return found or Shop.objects.create(code="tea", name="Tea House", is_default=True)


@pytest.fixture
def other_shop(db_both):
    return Shop.objects.create(code="silk", name="Silk Road")


@pytest.fixture
def db_both(request):
    """Data and key store."""
    marker = request.node.get_closest_marker("django_db")
    assert marker is not None
    assert set(marker.kwargs["databases"]) == {"default", "keystore"}


@pytest.fixture
def alice():
    return Actor("staff", new_id(), ROLE_PERMISSIONS["agent"])


@pytest.fixture
def bob():
    return Actor("staff", new_id(), ROLE_PERMISSIONS["manager"])


@pytest.fixture
def trainee():
    return Actor("staff", new_id(), ROLE_PERMISSIONS["trainee"])


@pytest.fixture
def reviewer():
    return Actor("staff", new_id(), ROLE_PERMISSIONS["reviewer"])


@pytest.fixture
def integration():
    return Actor("integration", new_id(), permissions_of_scopes(["tickets:write"]))
