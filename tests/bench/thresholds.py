# SPDX-License-Identifier: Apache-2.0
"""A thousand checks of the threshold source, each once a minute, beside the same queries in a bare loop.

To see enough of it in little time each check runs every six seconds, and what that costs is reckoned for
one run a minute. CPU is that of the daemon, without the server's.
"""

import subprocess
import sys
import time

import database
from lab import Daemon, Missing, hook, running, wait_until
from table import Row, at_most, number

EVERY = 6
LOOP = """
import psycopg2, sys, time
connection = psycopg2.connect(sys.argv[1])
began = time.process_time()
for n in range(int(sys.argv[2])):
    with connection.cursor() as cursor:
        cursor.execute("BEGIN READ ONLY")
        cursor.execute(f"SELECT value FROM metrics WHERE id = {n}")
        assert cursor.fetchall()[0][0] <= 100
        connection.commit()
print(time.process_time() - began)
"""


def source(made, checks):
    """One check a row, none of which fires."""
    return {"type": "threshold", "connection": made.conninfo, "every": f"{EVERY}s",
            "checks": [{"name": f"metric {n}", "jitter": f"{EVERY}s", "warning": "> 100",
                        "critical": "> 200 or < -200",
                        "query": f"SELECT value FROM metrics WHERE id = {n}"}
                       for n in range(checks)]}


def runs(daemon):
    """How many runs the source has counted."""
    return sum(each["counters"].get("runs", 0) for each in daemon.status()["sources"])


def ours(lab, made, checks):
    """CPU seconds for one run of each check, and the MiB."""
    with running(Daemon(lab, channels={"hook": hook("http://127.0.0.1:9/")},
                        sources={"metrics": source(made, checks)})) as daemon:
        wait_until(lambda: runs(daemon) >= checks, 60, "a first run of every check")
        time.sleep(EVERY)                       # the first ones were all at once
        cpu, before = daemon.cpu(), runs(daemon)
        time.sleep(1 if lab.smoke else 3 * EVERY)
        done = runs(daemon) - before
        if done < (1 if lab.smoke else checks * 2):
            raise RuntimeError(f"only {done} runs of {checks} checks: {daemon.words()}")
        return (daemon.cpu() - cpu) / done * checks, daemon.memory()


def loop(made, checks):
    """CPU seconds of a program that does nothing else."""
    done = subprocess.run([sys.executable, "-c", LOOP, made.conninfo, str(checks)],
                          capture_output=True, text=True, check=True)
    return float(done.stdout)


def rows(lab):
    """One row."""
    checks = lab.size(1000)
    try:
        with database.server() as server:
            made = server.database()
            made.sql("CREATE TABLE metrics (id int PRIMARY KEY, value numeric);"
                     f" INSERT INTO metrics SELECT n, n % 97 FROM generate_series(0, {checks}) n")
            cpu, peak = ours(lab, made, checks)
            bare = loop(made, checks)
            made.close()
    except Missing as missing:
        yield Row("thresholds", "", "missing", str(missing))
        return
    yield Row("thresholds, each once a minute", number(checks), f"{cpu:.2f} s/min", "psycopg2, bare loop",
              f"{bare:.2f} s/min", f"{cpu / bare:.2f}x", peak=f"{peak:.1f}",
              wanted=[at_most(cpu, 1, " s of CPU")])
