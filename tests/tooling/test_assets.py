"""The front-end files: named one by one, small enough for a first visit, nothing that isn't open source."""

import gzip
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from servicedesk import assets
from servicedesk.storage import ManifestStorage

FIRST_LOAD = (
    "vendor/tabler/css/tabler.min.css",
    "vendor/tabler/js/tabler.min.js",
    "vendor/icons/tabler-icons.min.css",
    "vendor/alpine/cdn.min.js",
    "django_htmx/htmx-2.min.js",
    "django_htmx/ext/hx-sse-2.min.js",
)
needs_packages = pytest.mark.skipif(not assets.NODE_MODULES.is_dir(), reason="no node_modules: run `make assets`")


@needs_packages
def test_each_wanted_file_is_found_under_its_prefix():
    finder = assets.WantedFilesFinder()
    listed = {f"{storage.prefix}/{name}": storage.path(name) for name, storage in finder.list(None)}
    assert len(listed) == sum(len(package.files) for package in assets.WANTED)
    assert {name: finder.find(name) for name in listed} == listed
    assert finder.check() == []


def test_what_is_not_named_is_not_served():
    finder = assets.WantedFilesFinder()
    assert finder.find("vendor/tabler/libs/apexcharts/dist/apexcharts.min.js") is None
    assert finder.find("vendor/tabler/../../../package.json") is None
    assert finder.find("vendor/tabler/css/tabler.css", find_all=True) == []
    assert not any("apexcharts" in f"{package.folder}/{name}" for package in assets.WANTED for name in package.files)


def test_missing_packages_are_said_with_the_way_out(monkeypatch, settings, tmp_path):
    monkeypatch.setattr(assets, "NODE_MODULES", tmp_path)
    settings.STATIC_ROOT = tmp_path
    (problem,) = assets.WantedFilesFinder().check()
    assert problem.id == "servicedesk.E050"
    assert "make assets" in problem.hint
    (tmp_path / "staticfiles.json").touch()  # a container image has the collected files only
    assert assets.WantedFilesFinder().check() == []


@needs_packages
def test_a_first_visit_loads_at_most_250_kb_of_code():
    total = sum(len(gzip.compress(Path(finders.find(name)).read_bytes(), 9)) for name in FIRST_LOAD)
    assert total <= 250_000


def test_references_to_source_maps_are_left_alone():
    patterns = str(ManifestStorage.patterns)
    assert "sourceMappingURL" not in patterns
    assert "url(" in patterns.replace("\\", "")
