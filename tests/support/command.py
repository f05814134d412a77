"""The command in a separate process."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

WORDS = "emma\nolivia\nava\nisabella\nsophia\n"


TINY = ("--n-embd", "4", "--n-head", "2", "--steps", "20")


def glassgpt(*arguments: str | Path, check: int = 0, stdin: str = "") -> tuple[str, str]:
    """Run the command; return stdout and stderr, having checked the exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "glassgpt", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == check, done.stdout + done.stderr
    return done.stdout, done.stderr


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "glassgpt", "train", *map(str, arguments)]
    if "--resume" not in arguments:
        command += ["--save-every", "1"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        if path.exists() and process.poll() is None:
            return
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"no {path}: {process.communicate()}")
