"""A pytest plugin for CI: with REQUIRE_ALL=1 a test that is skipped fails the run, so that nothing is left out unseen.

`make test` loads it. A test that belongs to one kind of server only may be skipped on the other, for CI runs the suite on
both: its reason begins with "only on SQLite", "only on PostgreSQL" or "only on Redis".
"""

import os

import pytest

ON_SERVERS = bool(os.environ.get("TEST_DATABASE_URL")) and bool(os.environ.get("TEST_REDIS_URL"))
COVERED_BY_THE_OTHER_RUN = ("only on SQLite",) if ON_SERVERS else ("only on PostgreSQL", "only on Redis")


def skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def left_out(reports: list[pytest.TestReport | pytest.CollectReport]) -> list[str]:
    """The skipped tests that no other run of CI takes up, each with its reason."""
    return [
        f"{report.nodeid}: {skip_reason(report)}"
        for report in reports
        if not skip_reason(report).startswith(COVERED_BY_THE_OTHER_RUN)
    ]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("REQUIRE_ALL") != "1" or reporter is None:  # an xdist worker has no reporter
        return
    missing = left_out(reporter.stats.get("skipped", []))
    if missing:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        session.config.stash[MISSING] = missing


MISSING: pytest.StashKey[list[str]] = pytest.StashKey()


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    missing = config.stash.get(MISSING, [])
    if missing:
        terminalreporter.section("REQUIRE_ALL=1, but skipped", red=True)
        terminalreporter.write_line("\n".join(missing))
