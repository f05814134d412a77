"""The static site: a folder that any file server can serve, without Python on that machine."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

from glassgpt.browser.worker import write_source
from glassgpt.errors import SiteError
from glassgpt.live.new_run import Source

PACKAGE = Path(__file__).parents[1]
PAGE = PACKAGE / "static"
PYTHON = PACKAGE / "pyodide"
MARK = "manifest.json"  # in the folder of Python's files: what shows that a folder is such a site
DOCUMENTS = "documents.json"
OFFLINE = "offline.js"  # the service worker
NOT_KEPT = (
    ".woff",
    OFFLINE,
    ".nojekyll",
)  # by it: where Python runs none is needed
NOT_SERVED = ".nojekyll"  # GitHub Pages then serves every file as it is
# GitHub Pages and most other hosts send no policy, so that the page has it
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; worker-src 'self'; object-src 'none'; base-uri 'self'"
)


def write_site(directory: Path, source: Source) -> None:
    """Write the site that shows `source` into `directory`, in place of an older site there.

    Raises `SiteError` if the page or Python is not built, if the directory has other files, or if
    it cannot be written; what was there then stays.
    """
    _check_built()
    _check_replaceable(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".site-") as folder:
            made = Path(folder) / "site"
            _write(made, source)
            if directory.exists():
                directory.rename(Path(folder) / "older")  # removed with the folder
            made.rename(directory)
    except OSError as error:
        raise SiteError(
            f"the site cannot be written to {str(directory)!r}: {error.strerror or error}",
            "name another directory",
        ) from None


def _check_built() -> None:
    if not (PAGE / "index.html").exists():
        raise SiteError("the page is not built", "run `npm ci && npm run build` in web/")
    if not (PYTHON / MARK).exists():
        raise SiteError(
            "Python for the browser is not built",
            "in the source tree run `python -m tools.build_python`; released wheels have it",
        )


def _check_replaceable(directory: Path) -> None:
    """Raise if the directory has files that are not an older site."""
    try:
        strange = directory.exists() and any(directory.iterdir())
    except OSError as error:
        raise SiteError(f"{str(directory)!r} is not a directory: {error.strerror}") from None
    if strange and not (directory / PYTHON.name / MARK).exists():
        raise SiteError(
            f"{str(directory)!r} has files that are not a site of glassgpt",
            "name a new directory, or an earlier site, which is replaced",
        )


def _write(directory: Path, source: Source) -> None:
    shutil.copytree(PAGE, directory)
    shutil.copytree(PYTHON, directory / PYTHON.name)
    own = source != Source.builtin()
    if own:
        (directory / DOCUMENTS).write_text(write_source(source), encoding="utf-8")
    facts = {"python": f"{PYTHON.name}/", **({"documents": DOCUMENTS} if own else {})}
    page = directory / "index.html"
    page.write_text(_marked(page.read_text("utf-8"), facts), encoding="utf-8")
    (directory / NOT_SERVED).touch()
    _write_offline(directory)


def _write_offline(directory: Path) -> None:
    """Tell the service worker the files of the site, and a hash of them."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    kept = [path for path in files if not path.name.endswith(NOT_KEPT)]
    names = ["./", *(quote(path.relative_to(directory).as_posix()) for path in kept)]
    version = hashlib.sha256(b"".join(map(_digest, kept))).hexdigest()[:16]
    program = directory / OFFLINE
    constants = f"const FILES = {json.dumps(names)};\nconst VERSION = {json.dumps(version)};\n"
    program.write_text(constants + program.read_text("utf-8"), encoding="utf-8")


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.name.encode() + path.read_bytes()).digest()


def _marked(page: str, facts: dict[str, str]) -> str:
    """Return the page with its policy, and with what its program must know of the site."""
    metas = [f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />']
    metas += [f'<meta name="glassgpt-{name}" content="{value}" />' for name, value in facts.items()]
    metas.append('<link rel="manifest" href="./app.webmanifest" />')
    before, charset, after = page.partition('<meta charset="utf-8" />')
    assert charset, "the page has no charset"
    return "\n    ".join([before + charset, *metas]) + after
