"""Options of the whole suite."""

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

# One thread for torch here and in the processes that tests start: several test processes, each
# with a thread per core, would wait for each other. It has to be set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Hypothesis fails an example that takes long, which on a busy machine says nothing of the code.
settings.register_profile("lithe", deadline=None)
settings.load_profile("lithe")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test is a failed test")
    parser.addoption("--refresh-golden", action="store_true", help="rewrite the golden texts")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.config.getoption("--no-skips"):
        report.outcome = "failed"
    return report
