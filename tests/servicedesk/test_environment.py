"""A bad value of the environment is one readable line at the start."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from servicedesk import environment

WRONG: list[tuple[str, str, Callable[[], Any]]] = [
    ("REDIS_URL", "foo", environment.redis),
    ("REDIS_URL", "http://127.0.0.1", environment.redis),
    ("REDIS_URL", "redis://", environment.redis),
    ("WEBHOOK_ALLOW_NETWORKS", "10.0.0.0/8, garbage", lambda: environment.networks("WEBHOOK_ALLOW_NETWORKS")),
    ("DEFAULT_FROM_EMAIL", "nonsense", lambda: environment.address("DEFAULT_FROM_EMAIL", "a@example.com")),
    ("DATABASE_URL", "foo", lambda: environment.database("DATABASE_URL", Path("desk.sqlite3"))),
    ("DATABASE_URL", "mysql://x/y", lambda: environment.database("DATABASE_URL", Path("desk.sqlite3"))),
    ("PROMETHEUS_MULTIPROC_DIR", "/nowhere/at/all", lambda: environment.folder("PROMETHEUS_MULTIPROC_DIR")),
    ("PORT", "80a", lambda: environment.number("PORT", 8000)),
    ("DEMO", "maybe", lambda: environment.flag("DEMO")),
    ("LOG_FORMAT", "xml", lambda: environment.one_of("LOG_FORMAT", ("console", "json"), "console")),
    ("SECRET_KEY", "short", lambda: environment.secret_key(Path())),
]


@pytest.mark.parametrize(("name", "value", "read"), WRONG, ids=[f"{name}={value}" for name, value, _ in WRONG])
def test_a_wrong_value_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, read: Callable[[], Any]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(environment.BadEnvironment) as end:
        read()
    assert str(end.value).startswith(f"servicedesk: {name} ")
    assert "\n" not in str(end.value)


def test_right_values_are_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "REDIS_URL": "redis://127.0.0.1:6379/3",
        "WEBHOOK_ALLOW_NETWORKS": "10.0.0.0/8,fd00::/8",
        "DEFAULT_FROM_EMAIL": "Shop <support@example.com>",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    assert environment.redis() == "redis://127.0.0.1:6379/3"
    assert environment.networks("WEBHOOK_ALLOW_NETWORKS") == ["10.0.0.0/8", "fd00::/8"]
    assert environment.address("DEFAULT_FROM_EMAIL", "") == "Shop <support@example.com>"
    assert environment.folder("PROMETHEUS_MULTIPROC_DIR") == str(tmp_path)


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from the file\n")
    monkeypatch.setenv("METRICS_TOKEN_FILE", str(tmp_path / "token"))
    assert environment.text("METRICS_TOKEN") == "from the file"
    monkeypatch.setenv("METRICS_TOKEN_FILE", "/nowhere/at/all")
    with pytest.raises(environment.BadEnvironment, match="METRICS_TOKEN_FILE, which cannot be opened"):
        environment.text("METRICS_TOKEN")
