"""No Docker engine runs where the desk is developed: what docker-compose.yml and Dockerfile name must at least exist."""

import importlib
import re
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from servicedesk.environment import KNOWN

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"] == "servicedesk")
# Variables that belong to the image or to compose itself, not to the desk.
SITE_VARIABLES = {"SITE_HOST"}


def words_of(service: dict) -> list[str]:
    """Each word of a service's command and health check; a shell's script is split as well."""
    command = [*service["command"], *service["healthcheck"]["test"]] if "healthcheck" in service else service["command"]
    return [word for part in command for word in part.split()]


def test_the_four_processes_the_database_the_broker_and_the_proxy_are_there():
    assert set(SERVICES) == {"postgres", "redis", "migrate", "web", "live", "worker", "beat", "proxy"}
    assert set(OURS) == {"migrate", "web", "live", "worker", "beat"}


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_known_to_the_settings(name):
    unknown = {variable.removesuffix("_FILE") for variable in SERVICES[name]["environment"]} - set(KNOWN)
    assert unknown - {"MASTER_KEY"} == set()


@pytest.mark.parametrize("name", OURS)
def test_every_management_command_exists(name):
    words = words_of(SERVICES[name])
    called = {words[place + 1] for place, word in enumerate(words) if word == "manage.py"}
    assert called <= set(get_commands())


@pytest.mark.parametrize("name", OURS)
def test_every_application_can_be_imported(name):
    for word in words_of(SERVICES[name]):
        if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+:[a-z_]+", word):
            module, attribute = word.split(":")
            assert callable(getattr(importlib.import_module(module), attribute))


@pytest.mark.parametrize("name", OURS)
def test_every_file_named_in_a_command_is_in_the_image(name):
    for word in words_of(SERVICES[name]):
        if re.fullmatch(r"[\w./]+\.py", word):
            assert (ROOT / word).is_file()


def test_celery_beat_finds_its_application():
    command = SERVICES["beat"]["command"]
    assert command[:4] == ["celery", "--app", "servicedesk", "beat"]
    assert importlib.import_module("servicedesk.celery").app.main == "servicedesk"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_secrets_come_from_files_and_are_declared(name):
    service = SERVICES[name]
    for variable, value in service.get("environment", {}).items():
        if str(value).startswith("/run/secrets/"):
            assert variable.endswith("_FILE")
            assert Path(value).name in service["secrets"]
        assert not re.search(r"(PASSWORD|SECRET|TOKEN|KEY)$", variable), "a secret in plain sight"
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])


def test_each_secret_is_made_by_the_preparing_script():
    script = (ROOT / "docker" / "prepare").read_text(encoding="utf-8")
    for name, secret in COMPOSE["secrets"].items():
        assert secret["file"] == f"docker/secrets/{name}"
        assert re.search(rf"\b(keep |secrets/){name}\b", script)


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate", "proxy"}))
def test_every_lasting_process_has_a_health_check(name):
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_the_master_key_lies_on_a_volume_of_its_own():
    environment = SERVICES["web"]["environment"]
    volumes = dict(volume.split(":")[:2] for volume in SERVICES["web"]["volumes"])
    assert environment["MASTER_KEY_FILE"].startswith(volumes["keys"] + "/")
    assert volumes["keys"] != volumes["data"]


def test_variables_that_compose_fills_in_are_known():
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+)", text)) <= set(KNOWN) | SITE_VARIABLES


def test_the_image_runs_as_nobody_in_particular_and_names_what_exists():
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    last_stage = lines[max(place for place, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert "USER desk" in last_stage
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists()
    for variable in re.findall(r"\b([A-Z_]+)=", next(line for line in last_stage if line.startswith("ENV "))):
        assert variable == "PATH" or variable.removesuffix("_FILE") in {*KNOWN, "MASTER_KEY"}


def test_the_proxy_serves_what_the_desk_has_and_hides_its_figures():
    text = (ROOT / "docker" / "Caddyfile").read_text(encoding="utf-8")
    assert {"web:8000", "live:8001"} == set(re.findall(r"reverse_proxy (\S+)", text))
    assert re.search(r"handle /metrics \{\s+respond 404", text)
    # the log of requests and that of errors
    assert text.count('request>uri regexp "([?].*|') == 2
    assert text.count("request>headers delete") == 2
