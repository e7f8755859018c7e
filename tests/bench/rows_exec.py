# SPDX-License-Identifier: Apache-2.0
"""A program for each alert: from the first alert posted until the end of the last run is committed;
CPU with that of the programs."""

import time

from lab import Daemon, Figure, running
from table import compare

PROGRAM = "/bin/true"
AT_ONCE = 2


def runs(lab, alerts):
    """tocsin with the exec channel."""
    channel = {"type": "exec", "command": [PROGRAM], "workers": AT_ONCE}
    with running(Daemon(lab, channels={"job": channel})) as daemon:
        before = daemon.cpu(children=True)
        said = lab.load(daemon.socket, alerts=alerts)
        daemon.wait_settled(alerts)
        seconds = time.monotonic() - said["began_ns"] / 1e9
        return Figure.of(alerts, seconds, daemon.cpu(children=True) - before, daemon.memory())


def bare(lab, times):
    """posix_spawn and wait, nothing else."""
    said = lab.run(lab.tool("spawn_loop"), times, AT_ONCE, PROGRAM)
    return Figure.of(times, said["seconds"], said["cpu"])


def rows(lab):
    """Two workers beside two children of the bare loop."""
    for scale in lab.scales:
        alerts = lab.size(2000) * scale
        ours, loop = lab.interleave(lambda: runs(lab, alerts), lambda: bare(lab, alerts),
                                    rounds=lab.rounds if scale == 1 else 1)
        yield compare("exec of /bin/true, 2 workers", alerts, ours, "bare posix_spawn loop", loop,
                      rate=300, ratio=0.4)
