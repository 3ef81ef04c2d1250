"""A browser to test pages in: Debian's Chromium, driven by Playwright; tests are skipped where there is none.

``python tests/browser.py PAGE.html PICTURE.png`` takes the picture of a player at its last step.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-default-apps", "--disable-extensions", "--disable-sync", "--no-first-run",
    "--disable-domain-reliability", "--disable-client-side-phishing-detection", "--metrics-recording-only",
]  # fmt: skip


def program() -> str | None:
    """The browser, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def chromium() -> Iterator[Any]:
    """A running browser."""
    api = pytest.importorskip("playwright.sync_api", reason="the player is not tested: Playwright is not installed")
    executable = program()
    if executable is None:
        pytest.skip("the player is not tested in a browser: there is no chromium on the PATH")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    with chromium() as running:
        page = running.new_page(viewport={"width": 1180, "height": 520}, device_scale_factor=1.5)
        page.goto(Path(sys.argv[1]).resolve().as_uri())
        player = page.locator(".glassgrad-player")
        player.focus()
        page.keyboard.press("End")
        page.evaluate("document.activeElement.blur()")
        player.screenshot(path=sys.argv[2])
