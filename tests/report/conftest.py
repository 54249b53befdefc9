"""Golden texts, and one browser for all tests of the page."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, sync_playwright
from tests.report.opened import Open, Opened

from lithe.report.rows import RunRows
from lithe.report.run_page import run_page as html_of

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with `golden/NAME.txt`; `--refresh-golden` writes it instead."""
    folder = Path(__file__).parent / "golden"

    def check(name: str, text: str) -> None:
        path = folder / f"{name}.txt"
        if request.config.getoption("--refresh-golden"):
            folder.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium of the system, started once."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def open_html(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Open a page from a file, drawn and listened to."""
    folder = tmp_path_factory.mktemp("pages")
    opened: list[Opened] = []

    def open_one(html: str, width: int = 1280, scheme: str = "light", fragment: str = "") -> Opened:
        path = folder / f"{len(opened)}.html"
        path.write_text(html, encoding="utf-8")
        assert scheme in {"light", "dark"}
        page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        result = Opened(page)
        opened.append(result)

        def on_console(message: ConsoleMessage) -> None:
            result.said.append(f"{message.type}: {message.text}")

        def on_dialog(dialog: Dialog) -> None:
            result.said.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        page.set_default_timeout(120_000)  # a busy machine is slow, not wrong
        page.on("console", on_console)
        page.on("pageerror", lambda error: result.said.append(f"uncaught: {error}"))
        page.on("dialog", on_dialog)
        page.on("request", lambda request: result.requested.append(request.url))
        page.goto(path.as_uri() + fragment)
        page.wait_for_selector("html[data-drawn]")
        return result

    yield open_one
    for one in opened:
        one.page.close()


@pytest.fixture(scope="session")
def open_page(open_html: Open) -> Open:
    """Open the page of a run."""

    def open_rows(rows: RunRows, width: int = 1280, scheme: str = "light") -> Opened:
        return open_html(html_of(rows), width, scheme)

    return open_rows
