"""The environment: every variable the desk knows, read in one place.

A value may come from `NAME` or, for secrets kept as files, from the file named by `NAME_FILE`. A bad value ends the
start with one readable line.
"""

import ipaddress
import os
import re
import secrets
from email.utils import parseaddr
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urlsplit

import environ

KNOWN: Final[dict[str, str]] = {
    "DATABASE_URL": "the database; default: SQLite under DATA_DIR",
    "KEYSTORE_URL": "customers' keys, a database of its own; default: a second SQLite file under DATA_DIR",
    "REDIS_URL": "broker, cache and live channel; absent = embedded, all in one process",
    "SECRET_KEY": "signs sessions and links; default: made under DATA_DIR",
    "MASTER_KEY_FILE": "the ring of master keys; default: made under DATA_DIR, mode 600",
    "ALLOWED_HOSTS": "host names served, separated by commas; default: this machine's own",
    "SITE_URL": "the address customers and staff reach the desk at",
    "DATA_DIR": "where everything kept on disk lives; default: var/",
    "MEDIA_URL_BASE": "public address of stored files where an object store serves them",
    "STORAGE_URL": "object storage for attachments, s3://key:secret@host/bucket; default: DATA_DIR/media",
    "EMAIL_URL": "SMTP, smtp+tls://user:password@host:587; absent: mail is kept until it is set",
    "DEFAULT_FROM_EMAIL": "sender of mail that belongs to no shop with an address of its own",
    "IMAP_URL": "known, but no mailbox is polled yet: let the mail server call `manage.py receive_email`",
    "TIME_ZONE": "the desk's own time zone; default Asia/Shanghai",
    "LANGUAGE_CODE": "the language where neither person nor browser says one; default en",
    "WEBHOOK_ALLOW_NETWORKS": "private networks that webhooks may go to, separated by commas",
    "DEBUG": "on only while developing",
    "SENTRY_DSN": "where errors are reported to, without messages or personal data; needs the sentry extra",
    "LOG_FORMAT": "console or json",
    "LOG_LEVEL": "DEBUG, INFO, WARNING or ERROR; default INFO",
    "HOST": "address `make run` listens on; default 127.0.0.1",
    "PORT": "port `make run` listens on; default 8000",
    "DEMO": "0 = a start without demo data",
    "REVEALS_PER_HOUR": "records whose contacts one person or key may reveal within an hour; default 60",
    "METRICS_TOKEN": "bearer token for /metrics from elsewhere than this machine",
    "PROMETHEUS_MULTIPROC_DIR": "where several processes share their metrics",
    "TRUSTED_PROXY_COUNT": "proxies in front whose X-Forwarded-For is believed; default 0",
    "STATIC_ROOT": "where collected static files lie; default build/static",
    "WEB_CONCURRENCY": "gunicorn's processes",
}


class BadEnvironment(SystemExit):
    """A variable is missing or malformed: one line on standard error, exit status 1, no traceback."""


def bad(name: str, problem: str) -> NoReturn:
    """End the start, saying which variable is wrong and what it should be."""
    raise BadEnvironment(f"servicedesk: {name} {problem} ({KNOWN[name]}).")


def text(name: str, default: str = "") -> str:
    """The variable, or the content of the file that `NAME_FILE` names."""
    if name not in KNOWN:
        raise KeyError(name)
    path = os.environ.get(f"{name}_FILE") if name != "MASTER_KEY" else None
    if path and name not in os.environ:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            bad(name, f"is to be read from {name}_FILE, which cannot be opened: {error.strerror}")
    return os.environ.get(name, default).strip()


def flag(name: str, *, default: bool = False) -> bool:
    """A yes or a no."""
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    bad(name, "must be 1 or 0")


def number(name: str, default: int, *, low: int = 0, high: int = 65535) -> int:
    """A whole number between two bounds."""
    value = text(name)
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        bad(name, f"must be a whole number from {low} to {high}")
    return int(value)


def words(name: str, default: str = "") -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def one_of(name: str, choices: tuple[str, ...], default: str) -> str:
    """One of a few words."""
    value = text(name) or default
    if value not in choices:
        bad(name, f"must be one of {', '.join(choices)}")
    return value


def database(name: str, sqlite: Path) -> dict[str, object]:
    """A database's settings from its address; SQLite in this file where there is none."""
    url = text(name) or f"sqlite:///{sqlite}"
    try:
        config = dict(environ.Env.db_url_config(url))
    except Exception:  # noqa: BLE001  the parser raises what it likes; the answer is the same
        bad(name, "is no database address such as postgres://user:password@host:5432/name")
    if config.get("ENGINE") == "django.db.backends.sqlite3":
        # Threads keep their connection: opening one and reading the schema costs more than most queries.
        config |= {"ENGINE": "servicedesk.db.sqlite3", "CONN_MAX_AGE": None}
    elif config.get("ENGINE") == "django.db.backends.postgresql":
        config |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
        options = {"connect_timeout": 5, **dict(config.get("OPTIONS") or {})}
        config["OPTIONS"] = options
    else:
        bad(name, "must be a postgres:// or sqlite:/// address")
    return config


def redis() -> str:
    """The broker's address, or nothing."""
    url = text("REDIS_URL")
    parts = urlsplit(url)
    if url and (parts.scheme not in {"redis", "rediss"} or not parts.hostname):
        bad("REDIS_URL", "must look like redis://host:6379/0")
    return url


def networks(name: str) -> list[str]:
    """A list of networks such as 10.0.0.0/8."""
    found = words(name)
    for network in found:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            bad(name, f"names {network}, which is no network such as 10.0.0.0/8")
    return found


def address(name: str, default: str) -> str:
    """One mail address, perhaps with a name before it."""
    value = text(name, default)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(value)[1]):
        bad(name, "is no mail address such as support@example.com")
    return value


def folder(name: str) -> str:
    """A folder that exists, or nothing."""
    value = text(name)
    if value and not Path(value).is_dir():
        bad(name, "must name an existing folder")
    return value


def secret_key(data_dir: Path) -> str:
    """The signing key: given, or made once under the data directory with mode 600."""
    if given := text("SECRET_KEY"):
        if len(given) < 32:
            bad("SECRET_KEY", "must have at least 32 characters")
        return given
    path = data_dir / "secret_key"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Linked into place: of two processes starting at once, the second reads the first one's key, never half of it.
        temporary = data_dir / f".secret_key.{os.getpid()}.{secrets.token_hex(4)}"
        if not path.exists():
            temporary.touch(mode=0o600)
            temporary.write_text(secrets.token_urlsafe(48), encoding="ascii")
            try:
                path.hardlink_to(temporary)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        bad("DATA_DIR", f"({data_dir}) cannot be written: {error.strerror}")
