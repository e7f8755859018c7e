# SPDX-License-Identifier: Apache-2.0
"""Canaries: every secret that a story uses holds a word that must never turn up anywhere else.

The harness looks for it in every log, every file that the daemon leaves behind, every answer of
the API, everything that the commands print, every message that stand-ins receive, and in what
/proc tells of the running daemon.
"""

import base64
import collections
import pathlib
import re

WORD = "CanaryQ7wE9rT2y"


class Leak(AssertionError):
    """A secret is where it must not be."""


def canary(name):
    """A secret; name: letters and digits that tell it from others."""
    return f"{WORD}{name}Zx4"


def _in_base64(word):
    """What base64 makes of the word wherever it begins; without the digits at both ends, which
    depend on the neighbours."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + word)
        yield text[-(-before * 8 // 6):(before + len(word)) * 8 // 6]


SIGNS = re.compile(b"|".join(re.escape(sign) for sign in (
    WORD.encode(), WORD.encode().hex().encode(), WORD.encode("utf-16-le"),
    *_in_base64(WORD.encode()))), re.IGNORECASE)

# How many of each kind of place were looked at; a campaign reports them.
looked_at = collections.Counter()


def refuse(kind, data, where):
    """Fails when there is a canary in these bytes, or in this text."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    looked_at[kind] += 1
    found = SIGNS.search(data)
    if found:
        around = data[max(0, found.start() - 200):found.end() + 100]
        raise Leak(f"a secret in {where}: ...{around.decode('utf-8', 'replace')}...")


def search_files(directory, but):
    """Looks at every file below a directory, except those in `but` and what is below these."""
    but = {pathlib.Path(path) for path in but}
    for path in sorted(pathlib.Path(directory).rglob("*")):
        if path.is_file() and not but & {path, *path.parents}:
            refuse("files", path.read_bytes(), path)


def search_process(pid, environment):
    """Looks at what any user can see of a process. environment: what the story itself put there;
    a secret among it is where the story wanted it."""
    own = SIGNS.search("\0".join(environment.values()).encode())
    for name in ("cmdline", "environ", "comm", "maps", "limits", "status"):
        if name == "environ" and own:
            continue
        try:
            data = pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
        except (PermissionError, ProcessLookupError, FileNotFoundError):
            continue                # hidden, or already gone
        refuse("proc", data, f"/proc/{pid}/{name}")
