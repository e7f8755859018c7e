# SPDX-License-Identifier: Apache-2.0
"""Plugins made elsewhere: built with one line, dropped in as a bare .so, used or refused."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from lib.tocsin import alert

BELL = r"""
#include <stdio.h>
#include <stdlib.h>
#include <tocsin/plugin.h>

struct config { const char *path; int64_t rings; };

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(PATH, struct config, path, .required = true, .help = "Where to ring."),
	TOCSIN_OPTION(INT, struct config, rings, .preset = "1", .min = 1, .max = 10,
		      .help = "How often."),
};

struct bell { const struct tocsin_host *host; const struct config *config; };

static int bell_open(struct tocsin_self *self, const struct tocsin_host *host,
		     const void *config, void **state)
{
	struct bell *bell = calloc(1, sizeof(*bell));

	if (!bell)
		return -1;
	bell->host = host;
	bell->config = config;
	host->log(self, TOCSIN_LOG_INFO, "the bell hangs");
	*state = bell;
	return 0;
}

static void bell_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	struct bell *bell = state;

	for (size_t i = 0; i < n; i++) {
		FILE *out = fopen(bell->config->path, "a");

		for (int64_t ring = 0; ring < bell->config->rings; ring++)
			fprintf(out, "ding %s %s\n", batch[i]->key, batch[i]->alert->id);
		fclose(out);
		bell->host->done(batch[i], TOCSIN_DELIVERED, 0, "rung");
	}
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops), .open = bell_open, .deliver = bell_deliver, .close = free,
};

TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "bell", .version = "0.1",
	      .summary = "rings a bell", .options = options,
	      .option_count = TOCSIN_COUNT(options), .config_size = sizeof(struct config),
	      .channel = &ops, .blocking = true);
"""


@pytest.fixture
def kit(plugin_kit):
    """Builds the bell, unless the story has another source."""
    def build(source=BELL, name="bell", compiler=None):
        return plugin_kit(source, name, compiler)

    build.directory = plugin_kit.directory
    return build


@pytest.fixture
def ringing(make_tocsin, stage, kit, tmp_path):
    """A daemon that looks into both plugin directories, with a bell configured."""
    tocsin = make_tocsin(plugins=[stage.plugins, kit.directory])
    tocsin.configure(channels={"bell": {"type": "bell", "path": str(tmp_path / "rings")}})
    return tocsin


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_a_plugin_built_with_one_line_is_used(ringing, kit, tmp_path, compiler):
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler}")
    kit(compiler=compiler)
    ringing.start()
    ids = ringing.send(alert("one"), alert("two"))
    ringing.wait_settled()
    lines = [line.split() for line in (tmp_path / "rings").read_text().splitlines()]
    assert sorted(line[2] for line in lines) == sorted(ids)
    assert {line[1] for line in lines} == {each["key"] for each in ringing.deliveries()}
    assert "the bell hangs" in ringing.log()


def test_its_options_are_checked_and_documented_like_all(ringing, kit, stage, tmp_path):
    kit()
    where = ["--plugins", stage.plugins, "--plugins", kit.directory]
    run = ringing.run(stage.tocsin, "plugins", "show", "bell", *where)
    assert run.status == 0 and "rings" in run.stdout and "How often" in run.stdout, run
    ringing.configure(channels={"bell": {"type": "bell", "path": str(tmp_path / "rings"),
                                         "ring": 11}})
    run = ringing.tocsind("--check")
    assert run.status == 2 and "did you mean 'rings'" in run.stdout + run.stderr, run
    ringing.configure(channels={"bell": {"type": "bell", "path": str(tmp_path / "rings"),
                                         "rings": 11}})
    run = ringing.tocsind("--check")
    assert run.status == 2 and "between 1 and 10" in run.stdout + run.stderr, run


def cut(path):
    """Half a copy."""
    data = path.read_bytes()
    path.write_bytes(data[:len(data) // 2])


def stub(path):
    path.write_bytes(b"\x7fELF")


def text(path):
    path.write_text("#!/bin/sh\n")


def world_writable(path):
    path.chmod(0o777)


def group_writable(path):
    path.chmod(0o775)


def writable_directory(path):
    path.parent.chmod(0o777)


def replaced(old, new):
    """The same plugin with one thing changed in the source."""
    assert old in BELL, old
    return BELL.replace(old, new)


MAIN = "TOCSIN_PLUGIN(.kind"
REFUSALS = {
    "cut short": (BELL, cut, r"cut short"),
    "four bytes": (BELL, stub, r"too short"),
    "a script": (BELL, text, r"shared object"),
    "world writable": (BELL, world_writable, r"written by everybody"),
    "group writable": (BELL, group_writable, r"written by its group"),
    "writable directory": (BELL, writable_directory, r"written by everybody"),
    "no symbol": ("int nothing;\n", None, r"no symbol tocsin_plugin"),
    "missing library function": (replaced("static void bell_deliver", "void nowhere(void);\n"
                                          "static void bell_deliver").replace(
        "struct bell *bell = state;", "struct bell *bell = state;\n\n\tnowhere();"), None,
        r"undefined symbol: nowhere"),
    "other abi": (replaced(MAIN, "#undef TOCSIN_ABI\n#define TOCSIN_ABI 77\n" + MAIN), None,
                  r"ABI 77"),
    "no deliver": (replaced(".deliver = bell_deliver, ", "").replace(
        "static void bell_deliver", "void bell_deliver(void *, struct tocsin_delivery *const[],"
        " size_t);\nvoid bell_deliver"), None, r"lack the function 'deliver'"),
    "no operations": (replaced(".channel = &ops, ", "").replace(
        "static const struct tocsin_channel_ops ops", "extern const struct tocsin_channel_ops ops;"
        "\nconst struct tocsin_channel_ops ops"), None, r"without .channel operations"),
    "bad name": (replaced('.name = "bell"', '.name = "Big Bell"'), None, r"\.name must"),
    "option outside": (replaced(".config_size = sizeof(struct config)", ".config_size = 8"), None,
                       r"'rings' lies outside"),
    "no help": (replaced('.help = "Where to ring."', ".help = 0"), None, r"'path' has no .help"),
}


@pytest.mark.parametrize("case", list(REFUSALS))
def test_a_refusal_says_which_file_and_why(ringing, kit, case):
    source, damage, why = REFUSALS[case]
    path = kit(source)
    if damage:
        damage(path)
    run = ringing.tocsind("--check")
    assert run.status == 2, run
    said = [line for line in (run.stdout + run.stderr).splitlines() if str(path) in line
            or case == "writable directory" and str(path.parent) in line]
    assert any(re.search(why, line) for line in said), run


def test_a_missing_library_is_named(ringing, kit, tmp_path):
    (tmp_path / "gone.c").write_text("int gone(void) { return 1; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "libgone.so", tmp_path / "gone.c"],
                   check=True)
    path = kit()
    subprocess.run(["cc", "-shared", "-fPIC", "-Wl,--no-as-needed", f"-L{tmp_path}",
                    "-I" + str(ringing.stage.include), "-o", path, tmp_path / "bell.c", "-lgone"],
                   check=True)
    run = ringing.tocsind("--check")
    assert run.status == 2 and re.search(rf"{re.escape(str(path))}.*libgone\.so",
                                         run.stdout + run.stderr), run


def test_a_second_plugin_of_the_same_name_is_refused(ringing, kit):
    first = kit()
    shutil.copy(first, kit.directory / "chime.so")
    run = ringing.tocsind("--check")
    assert re.search(r"chime\.so.*'bell' was loaded already from .*bell\.so",
                     run.stdout + run.stderr), run


def test_one_bad_plugin_does_not_keep_the_good_ones(ringing, kit, tmp_path):
    kit()
    (kit.directory / "broken.so").write_text("nothing")
    ringing.start()
    ringing.send(alert())
    ringing.wait_settled()
    assert (tmp_path / "rings").exists()
    assert re.search(r"broken\.so", ringing.log())


def test_a_relative_plugin_directory_is_refused(tocsin, stage):
    tocsin.configure(channels={"screen": {"type": "console"}})
    run = tocsin.run(stage.tocsind, "--config", tocsin.conf, "--plugins", "lib", "--check")
    assert run.status == 2 and "absolute" in run.stdout + run.stderr, run


def test_the_installed_headers_and_pc_are_all_a_plugin_needs(stage, kit):
    """The headers stand alone, in C and in any order; the .pc names no library."""
    for header in sorted((stage.include / "tocsin").glob("*.h")):
        line = shlex.split(f"cc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only"
                           f" -I{stage.include} -x c {header}")
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    environment = {**os.environ, "PKG_CONFIG_PATH": str(stage.pkgconfig)}
    libs = subprocess.run(["pkg-config", "--libs", "tocsin"], capture_output=True, text=True,
                          env=environment, check=True).stdout
    assert libs.strip() == ""
    found = subprocess.run(["pkg-config", "--variable=plugindir", "tocsin"], capture_output=True,
                           text=True, env=environment, check=True).stdout.strip()
    assert found == str(stage.plugins)


def test_the_list_of_plugins_shows_where_each_came_from(ringing, kit, stage):
    path = kit()
    run = ringing.run(stage.tocsin, "plugins", "list", "--json", "--plugins", stage.plugins,
                      "--plugins", kit.directory)
    bell = next(each for each in run.json if each["name"] == "bell")
    assert bell["kind"] == "channel" and str(path) in json.dumps(bell), bell


def test_the_page_of_channels_is_the_table_of_the_program(tocsin, stage):
    """doc/channels.md has each channel and service that this build has, as the program tells it."""
    run = tocsin.run(stage.tocsin, "plugins", "table", "--markdown")
    page = (Path(__file__).parents[2] / "doc/channels.md").read_text().splitlines()
    assert run.status == 0 and len(run.stdout.splitlines()) > 70, run
    assert [line for line in page if line.startswith("|")] == run.stdout.splitlines()
    rows = tocsin.run(stage.tocsin, "plugins", "table", "--json").json
    assert {each["name"] for each in rows if each["threads"]} >= {"slack", "smtp", "googlechat"}
    assert "LIMITS" in tocsin.run(stage.tocsin, "plugins", "table").stdout


def test_a_channel_in_the_tree_takes_three_files_and_two_lines():
    """Code, manual page and build fragment in its own directory, a line in configure.ac and one in
    Makefile.am; nothing else that is built names it."""
    top = Path(__file__).parents[2]
    channels = sorted(each.name for each in (top / "plugins/channels").iterdir() if each.is_dir())
    build = [top / "configure.ac", top / "Makefile.am", top / "core/core.am", top / "doc/doc.am",
             top / "packaging/packaging.am", *(top / "core").rglob("*.[ch]")]
    assert {each.name for each in (top / "plugins/channels/console").iterdir()} == {
        "console.c", "console.md", "plugin.am"}
    for name in channels:
        own = {each.name for each in (top / "plugins/channels" / name).iterdir()}
        assert own >= {f"{name}.c", f"{name}.md", "plugin.am"}, name
        lines = [(path.name, line) for path in build for line in path.read_text().splitlines()
                 if f"channels/{name}" in line and not line.startswith("#")]
        assert [place for place, _ in lines] == ["configure.ac", "Makefile.am"], lines
