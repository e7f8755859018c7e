# SPDX-License-Identifier: Apache-2.0
"""A daemon that is to be hurt, and the oracle that says whether it kept what it acknowledged.

The daemon writes to one file channel. Every alert has a number; what was acknowledged is remembered
here, outside, and looked for in that file after a clean start. Every breach raises Broken.
"""

import collections
import json
import shutil

from . import books
from .client import Client, Refused, Unreachable
from .sections import file_channel
from .tocsin import Tocsin, alert, wait_until

STORE_LOST = 75     # the exit status of a daemon that cannot vouch for its store any more
NOT_STARTED = 2


class Broken(AssertionError):
    """A promise was broken."""


class Subject:
    """One daemon with its memory of what it acknowledged."""

    def __init__(self, stage, directory, **sections):
        self.tocsin = Tocsin(stage, directory)
        self.channel = self.tocsin.directory / "alerts.json"
        self.sections = sections
        self.configure()
        self.acknowledged = set()
        self.number = 0
        self.found = collections.defaultdict(list)
        self.offset = 0
        self.pruned = "history" in sections     # then counters cannot be counted from the rows

    def configure(self, **sections):
        """Writes the configuration; keywords replace sections of it."""
        quick = {"first": "50ms", "max": "100ms", "give_up_after": "1h"}
        self.tocsin.configure(**{
            "channels": {"log": file_channel(self.channel, retry=quick)},
            "log": {"level": "info"}, **self.sections, **sections})

    def configure_slow(self):
        """As configure(), but what is posted waits in the store: hardly anything goes out."""
        self.configure(channels={"log": file_channel(self.channel, rate="1/m", burst=1)})

    # feeding

    def post(self, n, size=0, client=None):
        """Posts n numbered alerts. What was answered: 200, 503, ..., or None when nothing was."""
        numbers = range(self.number, self.number + n)
        self.number += n            # never used again, answered or not
        client = client or self.tocsin.client()
        text = {f"text{i}": "x" * (size // 4) for i in range(4 if size else 0)}
        value = [alert(f"alert {number}", labels={"number": str(number)}, annotations=text)
                 for number in numbers]
        try:
            status, headers, body = client.raw("POST", "/api/v1/alerts", json.dumps(value).encode(),
                                               {"Content-Type": "application/json"})
        except Unreachable:
            return None
        if status == 200:
            self.acknowledged.update(numbers)
        elif status != 503:
            raise Broken(f"the answer is {status}: {body[:300]!r}")
        elif not headers.get("Retry-After"):
            raise Broken(f"503 without Retry-After: {body[:300]!r}")
        return status

    # beginning and end

    def start_cleanly(self):
        """Starts, delivers what is left over, and has everything ever acknowledged."""
        tocsin = self.tocsin
        tocsin.start()
        wait_until(lambda: tocsin.check_books()["pending"] == 0, 30,
                   lambda: f"everything settled ({tocsin.status()}):\n{tocsin.log()[-3000:]}")
        self.look()

    def try_to_start(self, wrapper=()):
        """Starts as it can: True when it answers, False when it ended and said why."""
        tocsin = self.tocsin
        tocsin.start(wait=False, wrapper=wrapper)

        def answers():
            if not tocsin.running():
                return "ended"
            client = Client(tocsin.socket)
            try:
                client.call("GET", "/api/v1/health")
            except Unreachable:
                return None
            except Refused:
                pass            # full, but there
            finally:
                client.close()
            return "there"
        if wait_until(answers, 20, lambda: f"a start or an end:\n{tocsin.log()}") == "there":
            return True
        status = tocsin.wait_end()
        said = [line for line in tocsin.log().splitlines()
                if " error " in line or line.startswith("tocsind: ")]
        # A sentence for each plugin, for each place that needs one of them, and one for the end.
        most = len(list(tocsin.stage.plugins.glob("*.so"))) + 3
        if status not in (NOT_STARTED, STORE_LOST) or not 1 <= len(said) <= most:
            raise Broken(f"ended with {status} at the start and said:\n{tocsin.log()}")
        return False

    def gone(self, wait=0.5):
        """The exit status when it ended by itself; None: it runs. A daemon whose last answer
        was an end gets a moment to end."""
        tocsin = self.tocsin
        try:
            wait_until(lambda: not tocsin.running(), wait)
        except AssertionError:
            return None
        return tocsin.wait_end()

    def end(self, kill=False):
        """Kills it, or stops it, which must go well."""
        if self.tocsin.process is None:
            return
        if kill:
            self.tocsin.kill()
        else:
            self.tocsin.stop()

    def remove(self):
        """Takes everything away."""
        if self.tocsin.process is not None:
            self.tocsin.kill()
        shutil.rmtree(self.tocsin.directory)

    # the oracle

    def arrived(self):
        """number -> keys, of every whole record in the file; what was read is not read again."""
        if not self.channel.exists():
            return self.found
        with open(self.channel, "rb") as file:
            if file.seek(0, 2) < self.offset:
                self.found.clear()      # a failed batch was taken out again
                self.offset = 0
            file.seek(self.offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self.offset += len(line)
                self.note(line)
        return self.found

    def note(self, line):
        """One line of the file."""
        try:
            record = json.loads(line)
        except ValueError:
            return                      # cut by a kill; it comes again, whole
        self.found[int(record["labels"]["number"])].append(record["key"])

    def look(self):
        """What was acknowledged arrived; nothing was made up; repeats have their first's key."""
        found = self.arrived()
        lost = self.acknowledged - set(found)
        if lost:
            raise Broken(f"{len(lost)} acknowledged alerts are lost: {sorted(lost)[:20]}")
        if set(found) - set(range(self.number)):
            raise Broken("alerts arrived that nobody sent")
        changed = [number for number, keys in found.items() if len(set(keys)) > 1]
        if changed:
            raise Broken(f"repeats with another key: {changed}")
        return sum(len(keys) - 1 for keys in found.values())

    def audit(self):
        """The closed store is whole and its books balance."""
        if not self.tocsin.store.exists():
            return
        with books.copy_of(self.tocsin.store) as connection:
            verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
            if verdict != "ok":
                raise Broken(f"the store is damaged: {verdict}")
            made = connection.execute("PRAGMA user_version").fetchone()[0]
        if not made and self.acknowledged:
            raise Broken("the store is empty")
        if made and not self.pruned:
            counters = books.balanced(books.counters_of(self.tocsin.store), "the store")
            if counters["dead"]:
                raise Broken(f"{counters['dead']} deliveries are dead")
