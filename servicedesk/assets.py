"""Front-end files from npm: the few that pages ask for, named one by one, served under `vendor/`.

Packages bring much that we don't serve: source maps, variants, and in `@tabler/core/dist/libs` a chart library that is
not open source. What is not named here does not exist for the desk.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.contrib.staticfiles.utils import matches_patterns
from django.core.checks import CheckMessage, Error
from django.core.files.storage import FileSystemStorage


class Package(NamedTuple):
    prefix: str
    folder: str
    files: tuple[str, ...]


NODE_MODULES = Path(__file__).resolve().parent.parent / "node_modules"

WANTED = (
    Package("vendor/tabler", "@tabler/core/dist", ("css/tabler.min.css", "js/tabler.min.js")),
    Package(
        "vendor/icons",
        "@tabler/icons-webfont/dist",
        (
            "tabler-icons.min.css",
            # browsers take the woff2; the style sheet names the others, and the manifest wants every name to exist
            "fonts/tabler-icons.woff2",
            "fonts/tabler-icons.woff",
            "fonts/tabler-icons.ttf",
        ),
    ),
    Package("vendor/alpine", "@alpinejs/csp/dist", ("cdn.min.js",)),
    Package("vendor/echarts", "echarts/dist", ("echarts.min.js",)),  # dashboards only, never part of a first load
)


class PackageStorage(FileSystemStorage):
    def __init__(self, package: Package) -> None:
        super().__init__(location=NODE_MODULES / package.folder)
        self.prefix = package.prefix  # collectstatic and finders read it


class WantedFilesFinder(BaseFinder):
    """Finds the files of `WANTED` in node_modules/, which `make assets` fills from package-lock.json."""

    def __init__(self, app_names: Iterable[str] | None = None, *args: Any, **kwargs: Any) -> None:
        self.storages = {package: PackageStorage(package) for package in WANTED}
        super().__init__(*args, **kwargs)

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Complain where neither the packages nor their collected copies are there."""
        missing = [
            f"{package.folder}/{name}" for package in WANTED for name in package.files if not _source(package, name)
        ]
        if not missing or (Path(settings.STATIC_ROOT) / "staticfiles.json").is_file():
            return []
        return [
            Error(
                f"{len(missing)} front-end files are missing from node_modules/, the first is {missing[0]}.",
                hint="Run `make assets`.",
                id="servicedesk.E050",
            )
        ]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002  Django's signature
        found = [
            str(source)
            for package in WANTED
            for name in package.files
            if path == f"{package.prefix}/{name}" and (source := _source(package, name))
        ]
        if find_all:
            return found
        return found[0] if found else None

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, PackageStorage]]:
        ignored = list(ignore_patterns or [])
        for package, storage in self.storages.items():
            for name in package.files:
                if _source(package, name) and not matches_patterns(name, ignored):
                    yield name, storage


def _source(package: Package, name: str) -> Path | None:
    file = NODE_MODULES / package.folder / name
    return file if file.is_file() else None
