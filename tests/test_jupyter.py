"""In notebooks: what is kept in a file, what JupyterLab shows, and whose the keys are."""

import base64
import copy
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browser import chromium

from autograd import Value

ROOT = Path(__file__).parents[1]
SECONDS = 120.0  # far more than anything here takes
CELLS = [
    "from autograd import Value\nfrom autograd.viz import step, widget\n"
    "a, b, c, f = Value(2.0), Value(-3.0), Value(10.0), Value(-2.0)\ne = a * b\nL = (e + c) * f\nL",
    "step(L)",
    "seen = []\nw = widget(L)\nw.on_edit(lambda leaf: seen.append(leaf.data))\nw",
    "w.set(a=4.0)",
    "print('a is', a.data, 'and L is', L.data, 'after', seen)",
    "for i in range(200):\n    f.data = i / 7\n    L = (e + c) * f\n    w.show(L)",
]


def notebook() -> Any:
    import nbformat  # takes seconds, and each process of the suite reads this file

    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(CELLS)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


# ----- as a file -----


@pytest.fixture(scope="module")
def executed() -> Any:
    """The notebook with its outputs, as if saved."""
    from nbclient import NotebookClient

    run = notebook()
    NotebookClient(run, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": ROOT}}).execute()
    return run


def exported(executed: Any, sanitize: bool) -> str:
    exporter = pytest.importorskip("nbconvert", reason="nbconvert is not installed: its pages are not tested")
    html, _ = exporter.HTMLExporter(sanitize_html=sanitize).from_notebook_node(executed)
    return str(html)


def pictures(html: str) -> list[str]:
    """The SVG texts in the page, which nbconvert writes in base64."""
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    return [base64.b64decode(text).decode() for text in found]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # zmq and asyncio, on some Pythons
def test_a_notebook_keeps_two_outputs_of_a_player_and_no_html_beside_a_picture(executed: Any) -> None:
    kinds = [[sorted(output.data) for output in cell.outputs] for cell in executed.cells[:3]]
    picture, view = "image/svg+xml", "application/vnd.jupyter.widget-view+json"
    assert kinds == [[[picture, "text/plain"]], [[picture, "text/plain"], ["text/html", "text/plain"]],
                     [[view, picture, "text/plain"]]]  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("sanitize", [False, True])
def test_a_page_of_the_notebook_has_the_pictures_sanitized_or_not(executed: Any, sanitize: bool) -> None:
    stored = copy.deepcopy(executed)
    stored.metadata.pop("widgets", None)  # JupyterLab does not save them unless told to
    html = exported(stored, sanitize)
    for svg in pictures(html):
        assert svg.startswith("<svg") and "−8" in svg
    assert len(pictures(html)) == 3
    assert ("<script>(() =>" in html) != sanitize


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_player_plays_in_a_page_of_the_notebook(executed: Any, tmp_path: Path) -> None:
    path = tmp_path / "lesson.html"
    path.write_text(exported(executed, False), encoding="utf-8")
    with chromium() as browser:
        page = browser.new_page(offline=True)
        page.route(re.compile("^https?:"), lambda route: route.abort())
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        player = page.locator(".glassgrad-player")
        assert player.count() == 1
        player.focus()
        said = []
        for key in ("Home", "ArrowRight", "End"):
            page.keyboard.press(key)
            said.append(player.locator(".phase").inner_text())
        assert said == ["forward · step 1 of 7", "forward · step 2 of 7", "backward · step 7 of 7"]


# ----- in JupyterLab -----


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    settings = {
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        "apputils-extension/themes": {"theme": "JupyterLab Dark"},
        "notebook-extension/tracker": {"windowingMode": "none"},
    }
    for name, content in settings.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    own = {
        "HOME": "home", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython", "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }  # fmt: skip
    environment = os.environ | {name: str(folder / kind) for name, kind in own.items()} | {"PYTHONPATH": str(ROOT)}
    (folder / "files").mkdir()
    (folder / "files" / "lesson.ipynb").write_text(json.dumps(notebook()), encoding="utf-8")
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.root_dir={folder / 'files'}",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}", "--LabApp.extension_manager=readonly", "--LabApp.news_url=",
    ]  # fmt: skip
    server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
    said: list[str] = []
    ready = threading.Event()

    def read() -> None:
        assert server.stderr
        for line in server.stderr:
            said.append(line)
            if "is running at" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert ready.wait(SECONDS) and server.poll() is None, "".join(said)
        yield f"http://127.0.0.1:{port}/lab/tree/lesson.ipynb?token={token}"
    finally:
        server.terminate()
        try:
            server.wait(SECONDS)
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)
            reader.join()
            server.stderr.close()


class Lab:
    """The notebook in JupyterLab."""

    def __init__(self, page: Any, expect: Any) -> None:
        self.page, self.expect = page, expect
        self.cells = page.locator(".jp-Notebook .jp-Cell")

    def run(self, i: int) -> None:
        """Run cell ``i`` and wait for its end."""
        prompt = self.cells.nth(i).locator(".jp-InputArea-prompt")
        before = prompt.inner_text()
        self.cells.nth(i).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        self.expect(prompt).not_to_have_text(before)
        self.expect(prompt).to_have_text(re.compile(r"\[\d+\]:"))

    def output(self, i: int) -> Any:
        return self.cells.nth(i).locator(".jp-OutputArea-output")

    def player(self, i: int) -> Any:
        """The player in the output of cell ``i``; Playwright looks into its shadow root."""
        player = self.cells.nth(i).locator(".glassgrad-player")
        self.expect(player).to_be_visible()
        return player

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """All the notebook's cells but the loop have run."""
    pytest.importorskip("jupyterlab", reason="notebooks are not tested in JupyterLab: it is not installed")
    with chromium() as browser, jupyterlab(tmp_path_factory.mktemp("jupyter")) as url:
        from playwright.sync_api import expect

        page = browser.new_page(viewport={"width": 1400, "height": 2400})
        page.set_default_timeout(1000 * SECONDS)
        expect.set_options(timeout=1000 * SECONDS)
        page.goto(url)
        expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()
        opened = Lab(page, expect)
        for i in range(5):
            opened.run(i)
        yield opened
        page.close()


def test_in_jupyterlab_the_player_steps_and_keeps_its_keys_to_itself(lab: Lab) -> None:
    player, expect = lab.player(1), lab.expect
    phase, count = player.locator(".phase"), lab.cells.count()
    expect(player).to_have_attribute("data-theme", "dark")
    player.focus()
    for key, step in (("End", 7), ("ArrowLeft", 6), ("ArrowRight", 7), ("Home", 1), ("b", 5), ("f", 1)):
        lab.press(key)
        expect(phase).to_contain_text(f"step {step} of 7")
    lab.press("Space")
    expect(player.get_by_role("button", name="pause")).to_be_visible()
    lab.press("Space")
    scrolled = lab.page.locator(".jp-WindowedPanel-outer").evaluate("(panel) => panel.scrollTop")
    lab.press(
        "Home", "a", "b", "b", "x", "d", "d", "c", "v", "m", "Shift+ArrowUp", "Shift+ArrowDown", "Enter", "Escape"
    )
    lab.press("ArrowDown", "ArrowUp", "Shift+ArrowLeft", "Space", "Space", "PageDown", "/", "b", "b", "Escape")
    player.focus()
    lab.press("End")
    expect(phase).to_contain_text("step 7 of 7")
    # what had leaked would be done by now: the notebook takes one key after the other
    lab.cells.nth(0).locator(".jp-InputPrompt").click()
    lab.press("b")
    expect(lab.cells).to_have_count(count + 1)
    assert lab.page.locator(".jp-WindowedPanel-outer").evaluate("(panel) => panel.scrollTop") == scrolled
    lab.press("d", "d")
    expect(lab.cells).to_have_count(count)


def test_in_jupyterlab_the_widget_goes_both_ways(lab: Lab) -> None:
    player, expect = lab.player(2), lab.expect
    expect(player).to_have_attribute("data-theme", "dark")
    lab.run(3)
    root, phase = player.locator("g.node.root"), player.locator(".phase")
    expect(root).to_contain_text("data4")
    player.focus()
    lab.press("ArrowLeft", "ArrowLeft")
    expect(phase).to_contain_text("step 5 of 7")
    player.locator("g.node", has_text="a").first.click()
    field = player.get_by_label("data of a")
    field.fill("1.5")
    field.press("Enter")
    expect(root).to_contain_text("data−11")
    lab.run(4)
    expect(lab.output(4)).to_contain_text("a is 1.5 and L is -11.0 after [1.5]")


def test_in_jupyterlab_a_loop_shows_its_losses_live(lab: Lab) -> None:
    player, expect = lab.player(2), lab.expect
    lab.run(3)
    player.focus()
    lab.press("End", "ArrowLeft")
    lab.run(5)
    expect(player.locator("g.node.root")).to_contain_text("data−56.86")
    expect(player.locator(".phase")).to_contain_text("step 6 of 7")
    lab.run(4)
    expect(lab.output(4)).to_contain_text("a is 4.0 and L is -56.857")


def test_a_host_that_knows_no_bundles_gets_the_picture() -> None:
    a = Value(2.0, label="a")
    assert str((a * a)._repr_svg_()).startswith("<svg")
