"""Static files with a content hash in their names, compressed when collected."""

from typing import Any

from servestatic.storage import CompressedManifestStaticFilesStorage


def _without_source_maps(patterns: Any) -> Any:
    return tuple(
        (extension, tuple(pattern for pattern in group if "sourceMappingURL" not in str(pattern)))
        for extension, group in patterns
    )


class ManifestStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # untyped library
    """Leaves references to source maps alone: we don't ship the maps, and a manifest wants every name to exist."""

    patterns = _without_source_maps(CompressedManifestStaticFilesStorage.patterns)
