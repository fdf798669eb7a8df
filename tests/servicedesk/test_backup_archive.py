"""The file of a backup, and what is left where it cannot be written."""

import errno
from pathlib import Path
from typing import Any

import pytest

from servicedesk.backup import BackupError
from servicedesk.backup.archive import ArchiveReader, ArchiveWriter


def write(path: Path, content: bytes = b"x" * 100_000) -> None:
    with ArchiveWriter(path, "data") as archive, archive.member("tables/one", compress=False) as sink:
        sink.write(content)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    write(tmp_path / "backup", b"rows")
    reader = ArchiveReader(tmp_path / "backup", "data")
    reader.verify()
    assert reader.open("tables/one").read() == b"rows"


@pytest.mark.parametrize("room", [10, 100_100])
def test_a_full_disk_is_one_line_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    opened = ArchiveWriter.__enter__

    def on_a_small_disk(self: ArchiveWriter) -> ArchiveWriter:
        archive = opened(self)
        writing, left = self._file.write, [room]

        def write(data: Any) -> int:
            left[0] -= len(data)
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return writing(data)

        monkeypatch.setattr(self._zip.fp, "write", write, raising=False)
        return archive

    monkeypatch.setattr(ArchiveWriter, "__enter__", on_a_small_disk)
    with pytest.raises(BackupError, match="cannot be written to its end: No space left on device"):
        write(tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []
