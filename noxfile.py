"""The commands of developers and of CI, each run in the environment that nox itself is in.

python -m nox                          check, then test
python -m nox -s test -- tests/layers  the tests of one folder, without the slow ones
python -m nox -l                       the list of the sessions
"""

import itertools
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["check", "test"]


def python(session: nox.Session, *arguments: str, **environment: str) -> None:
    """Run the Python of this environment, with more environment variables."""
    session.run(sys.executable, *arguments, external=True, env=environment)


@nox.session
def check(session: nox.Session) -> None:
    """Check format, types and prose."""
    python(session, "-m", "ruff", "check", ".")
    python(session, "-m", "ruff", "format", "--check", ".")
    python(session, "-m", "mypy")
    python(session, "tools/prose.py")


@nox.session
def test(session: nox.Session) -> None:
    """Run all tests in two processes; with arguments of pytest the tests that are not slow, with `--slow` both."""
    given = session.posargs
    quick = ["-m", "not slow"] if given and "--slow" not in given else []  # a later `-m` replaces this one
    python(session, "-m", "pytest", "-n", "2", *quick, *(a for a in given if a != "--slow"))


@nox.session
def clients(session: nox.Session) -> None:
    """Run packages around Keras on NumPy and JAX. Needs the groups clients, and clients-alone by `pip --no-deps`."""
    files = session.posargs or sorted(map(str, Path("tests/clients").glob("check_*.py")))
    for backend, file in itertools.product(("numpy", "jax"), files):
        without = [] if "tcn" in file else ["--no-tensorflow"]  # Keras TCN imports tf.keras
        command = [
            "-m",
            "hilevel",
            "run",
            "--private",
            *without,
            "-m",
            "pytest",
            "-c",
            "tests/clients/pytest.ini",
        ]
        python(session, *command, file, HILEVEL_BACKEND=backend)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site in build/site. With the argument `dummy` read its pages only. Needs the dependency group docs."""
    builder = session.posargs[0] if session.posargs else "html"
    python(
        session, "-m", "sphinx", "-W", "--keep-going", "-q", "-j", "2", "-b", builder, "docs", "build/site"
    )


@nox.session
def notebooks(session: nox.Session) -> None:
    """Execute the notebooks of the tutorials, or of the named pages. Needs the dependency group notebooks."""
    python(session, "docs/notebooks.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Time training steps against the installed peers: two rounds, or by the given arguments of benchmarks/run.py."""
    python(session, "benchmarks/run.py", "--here", *(session.posargs or ["--quick"]))
