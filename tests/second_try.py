"""A pytest plugin for CI: what drives real processes may fail once, and is shown in full when it did.

Such a test waits for other programs by a real clock on a machine that it does not have for itself. One that fails is
tried again; only one that fails twice fails the run. The first failure is printed whole, with the logs and threads that
it gathered: it is a defect to be understood, of the desk or of the test, and not noise.
A test that runs within pytest's own process gets no second try.
"""

from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parent
REAL_PROCESSES: Final = (
    "acceptance",
    "browser",
    "live",
    "servicedesk/processes",
    "tickets/mail/test_mail_processes.py",
)


def drives_processes(path: Path) -> bool:
    return any(path.is_relative_to(TESTS / place) for place in REAL_PROCESSES)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if drives_processes(item.path):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    first: list[pytest.TestReport] = terminalreporter.stats.get("rerun", [])
    if not first:
        return
    terminalreporter.section("failed at the first try", yellow=True)
    for report in first:
        terminalreporter.section(report.nodeid, sep="_")
        terminalreporter.write_line(report.longreprtext)
        for title, text in report.sections:
            terminalreporter.section(title, sep="-")
            terminalreporter.write_line(text)
