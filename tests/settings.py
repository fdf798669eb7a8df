"""The desk's own settings, on databases and a data folder that belong to this run."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tests.ports import worker_number

folder = Path(tempfile.mkdtemp(prefix="desk-tests-"))
atexit.register(shutil.rmtree, folder, ignore_errors=True)

for name in ("DATABASE_URL", "KEYSTORE_URL", "REDIS_URL", "EMAIL_URL", "IMAP_URL", "SENTRY_DSN", "DEBUG", "SITE_URL"):
    os.environ.pop(name, None)
os.environ |= {"DATA_DIR": str(folder), "MASTER_KEY_FILE": str(folder / "master_key_ring.json")}
if server := os.environ.get("TEST_DATABASE_URL"):
    os.environ |= {"DATABASE_URL": server, "KEYSTORE_URL": f"{server}_keys"}
if broker := os.environ.get("TEST_REDIS_URL"):
    os.environ["REDIS_URL"] = broker

from servicedesk.settings import *  # noqa: E402, F403
from servicedesk.settings import CACHES, DATABASES, STORAGES  # noqa: E402

for alias, database in DATABASES.items():
    if "sqlite3" in str(database["ENGINE"]):
        # A file, not memory: threads are to meet the same locks that they meet in the desk.
        database["TEST"] = {"NAME": str(folder / f"{alias}.sqlite3")}
    else:
        # A commit need not survive a loss of power, and a busy machine is no machine that is away.
        database["OPTIONS"] |= {"options": "-c synchronous_commit=off", "connect_timeout": 60}
if broker:
    # Else one worker of pytest-xdist would count the other's requests.
    CACHES["default"] |= {"BACKEND": "tests.cache.SharedCache", "KEY_PREFIX": f"test{worker_number()}"}
    CACHES["default"]["OPTIONS"] |= {"socket_timeout": 60, "socket_connect_timeout": 60}

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
EMAIL_URL = "smtp://127.0.0.1:25"
