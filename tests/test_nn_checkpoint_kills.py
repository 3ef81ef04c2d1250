"""A training that is killed, wherever it happens to be, and ends as if nobody had."""

import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from killed_training import build, train

import nn

pytest.importorskip("safetensors")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL is a signal of POSIX")

KILLS = 50
ROOT = Path(__file__).parents[1]


def epochs_in(path: Path) -> int:
    """How many epochs the file holds; it must be a whole one."""
    model, optimizer = build()
    return len(nn.load(path, model, optimizer)["training"]["history"]["loss"])


def temporary_files(path: Path) -> list[Path]:
    return list(path.parent.glob(f".{path.name}.*.tmp"))


def test_a_training_that_is_killed_fifty_times_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    path, draw = tmp_path / "run.safetensors", random.Random(0)
    done, inside, advances = 0, 0, []
    began = time.monotonic()
    train(epochs=2, checkpoint=tmp_path / "pace.safetensors")
    longest = time.monotonic() - began
    command = [sys.executable, "-m", "tests.killed_training"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None and server.stdout is not None
        for _ in range(KILLS):
            print(path, file=server.stdin, flush=True)
            child = int(server.stdout.readline())
            assert select.select([server.stdout], [], [], draw.uniform(0.0, longest)) == (
                [],
                [],
                [],
            )  # it has not ended
            os.kill(child, signal.SIGKILL)
            assert int(server.stdout.readline()) == -signal.SIGKILL
            for file in temporary_files(path):
                inside += 1
                file.unlink()
            before, done = done, epochs_in(path) if path.exists() else 0
            assert done >= before
            advances.append(done - before)
            if done == before:  # on a busy machine a child needs longer than the pace said
                longest *= 1.5
    print(f"{KILLS} kills over {done} epochs, {inside} of them inside a save; epochs from kill to kill: {advances}")
    assert done
    assert train(epochs=done + 3, checkpoint=path) == train(epochs=done + 3)


KILL_ITSELF = """
import os, signal, sys
from pathlib import Path
from tests import killed_training

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

class Half:
    def __init__(self, file): self.file = file
    def __enter__(self): return self
    def __exit__(self, *_): self.file.close()
    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        die()

def strike(*_):
    if stage == "write":
        opened = Path.open
        Path.open = lambda path, mode: Half(opened(path, mode))
    elif stage == "replaced":
        replace = os.replace
        os.replace = lambda *paths: (replace(*paths), die())
    else:
        setattr(os, stage, die)

path, stage = sys.argv[1:]
killed_training.train(epochs=9, checkpoint=path, callbacks=[lambda epoch, *_: strike() if epoch == 1 else None])
"""


@pytest.mark.parametrize(("stage", "epochs"), [("write", 1), ("fsync", 1), ("replace", 1), ("replaced", 2)])
def test_a_kill_at_each_stage_of_a_save_leaves_the_old_file_or_the_new(stage: str, epochs: int, tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    child = subprocess.run([sys.executable, "-c", KILL_ITSELF, str(path), stage], cwd=ROOT)
    assert child.returncode == -signal.SIGKILL
    assert len(temporary_files(path)) == (epochs == 1)  # the kill was inside
    assert epochs_in(path) == epochs
    assert train(epochs=4, checkpoint=path) == train(epochs=4)
