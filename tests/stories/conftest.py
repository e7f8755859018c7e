# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the stories. TOCSIN_STAGE is where `make install` put tocsin (the prefix)."""

import os
import pathlib
import subprocess
import sys

import pytest

sys.dont_write_bytecode = True

from lib import canary, parrot
from lib.http import HttpServer
from lib.pki import Authority
from lib.postgres import Postgres
from lib.slack import SlackServer
from lib.smtp import SmtpServer
from lib.tocsin import SLOW, Stage, Tocsin


def pytest_collection_modifyitems(config, items):
    """Time-outs stretch with the machine, as those inside the harness do."""
    for item in items:
        if item.get_closest_marker("hurried") and "TOCSIN_PAUSES" in os.environ:
            item.add_marker(pytest.mark.skip("the programs pause"))
        marker = item.get_closest_marker("timeout")
        seconds = marker.args[0] if marker and marker.args else 60
        if SLOW != 1:
            item.add_marker(pytest.mark.timeout(seconds * SLOW), append=False)


@pytest.fixture(scope="session")
def stage():
    """The installed programs; without them no story can be told, so that is a failure."""
    path = os.environ.get("TOCSIN_STAGE")
    if not path:
        pytest.fail("TOCSIN_STAGE is not set: it must name the prefix of an installed tocsin, "
                    "for instance: make install prefix=$PWD/stage && TOCSIN_STAGE=$PWD/stage "
                    "python3 -m pytest tests/stories", pytrace=False)
    found = Stage(pathlib.Path(path).resolve())
    if not os.access(found.tocsind, os.X_OK):
        pytest.fail(f"TOCSIN_STAGE={path} has no sbin/tocsind", pytrace=False)
    return found


@pytest.fixture(autouse=True)
def _needs(request):
    """Skips what a --without-X build cannot tell; TOCSIN_STORIES_ALL=1 forbids skipping."""
    marker = request.node.get_closest_marker("needs")
    if not marker:
        return
    found = request.getfixturevalue("stage")
    missing = [name for name in marker.args if not found.has(name)]
    if missing and os.environ.get("TOCSIN_STORIES_ALL"):
        pytest.fail(f"the build has no plugin {', '.join(missing)}", pytrace=False)
    if missing:
        pytest.skip(f"the build has no plugin {', '.join(missing)}")


@pytest.fixture
def make_tocsin(stage, tmp_path):
    """Makes daemons, each in its own directory; at the end all stop and their books balance."""
    made = []

    def make(name="tocsin", **options):
        made.append(Tocsin(stage, tmp_path / name, **options))
        return made[-1]

    yield make
    problems = []
    for tocsin in made:
        try:
            tocsin.finish()
        except AssertionError as problem:
            problems.append(problem)
        finally:
            if tocsin.process is not None:
                tocsin.kill()
    if problems:
        raise problems[0]


@pytest.fixture
def tocsin(make_tocsin):
    """One daemon, not yet configured nor started."""
    return make_tocsin()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """The certificate authority of this run."""
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def standins():
    """Makes stand-ins; at the end they stop, and no rule may have been broken."""
    made = []

    def make(kind, *arguments, **options):
        made.append(kind(*arguments, **options))
        return made[-1]

    yield make
    for server in made:
        server.stop()
    broken = [sentence for server in made for sentence in server.violations]
    assert not broken, "\n".join(broken[:20])
    for server in made:
        for data, where in server.received():
            canary.refuse("messages", data, where)


@pytest.fixture
def smtp(standins):
    """A plain mail server: no TLS, no AUTH."""
    return standins(SmtpServer)


@pytest.fixture
def slack(standins):
    """A webhook without pacing."""
    return standins(SlackServer)


@pytest.fixture
def web(standins):
    """An HTTP server."""
    return standins(HttpServer)


@pytest.fixture(scope="session")
def _cluster():
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture
def postgres(_cluster):
    """The running cluster; a story that left it stopped does not harm the next."""
    if _cluster.process is None:
        _cluster.start()
    return _cluster


@pytest.fixture
def database(postgres):
    """An empty database."""
    made = postgres.database()
    yield made
    made.close()


@pytest.fixture
def alerts_database(database, stage):
    """A database with the shipped migration applied."""
    database.sql(stage.sql.read_text())
    return database


@pytest.fixture
def plugin_kit(stage, tmp_path):
    """A plugin directory and the one line that the documentation gives."""
    directory = tmp_path / "plugins"
    directory.mkdir(mode=0o755)
    assert stage.pkgconfig, "tocsin.pc is not installed"

    def build(source, name, compiler=None):
        (tmp_path / f"{name}.c").write_text(source)
        line = (f"{compiler or os.environ.get('CC', 'cc')} -std=c11 -Wall -Wextra -Werror -shared"
                f" -fPIC $(pkg-config --cflags tocsin) -o {directory}/{name}.so"
                f" {tmp_path}/{name}.c")
        done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False,
                              env={**os.environ, "PKG_CONFIG_PATH": str(stage.pkgconfig)})
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        (directory / f"{name}.so").chmod(0o755)
        return directory / f"{name}.so"

    build.directory = directory
    return build


@pytest.fixture
def hearing(make_tocsin, stage, plugin_kit, tmp_path):
    """A daemon that is configured with parrots: tocsin.parrots(NAME=parrot(...))."""
    plugin_kit(parrot.SOURCE, "parrot")
    return parrot.hearing(make_tocsin(plugins=[stage.plugins, plugin_kit.directory]), tmp_path)
