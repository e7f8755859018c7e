# SPDX-License-Identifier: Apache-2.0
"""The load and the sinks of the bench, built where a story can use them: they cost so little that
what is measured is tocsin, and note to the nanosecond when each alert was accepted and arrived.
"""

import array
import json
import mmap
import os
import pathlib
import signal
import struct
import subprocess

from .compiler import compile_library, compile_program


def _favour():
    """A prefix for what is measured: it goes before what else the machine does, if it may."""
    realtime = ("chrt", "--rr", "1")
    try:
        allowed = subprocess.run([*realtime, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return ()
    return realtime if allowed.returncode == 0 else ()


FAVOUR = _favour()
BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"

# Notes the alerts that are appended to a file, as the sinks do those that they are sent.
FOLLOW = r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common.h"

int main(int argc, char *argv[])
{
	static char text[1 << 20], event[4096];
	struct notes *notes = argc == 3 ? notes_map(argv[2], 1000000) : NULL;
	int fd = notes ? open(argv[1], O_RDONLY | O_CREAT, 0600) : -1, watch = inotify_init();
	size_t kept = 0;

	if (fd < 0 || inotify_add_watch(watch, argv[1], IN_MODIFY) < 0)
		die("cannot follow");
	puts("0");
	fflush(stdout);
	for (;;) {
		ssize_t n = read(fd, text + kept, sizeof(text) - kept);
		char *end;

		if (n <= 0) {
			if (read(watch, event, sizeof(event)) < 0)
				return 1;
			continue;
		}
		kept += (size_t)n;
		end = memrchr(text, '\n', kept);
		if (!end)
			continue;
		notes_take(notes, text, (size_t)(end - text));
		kept -= (size_t)(end + 1 - text);
		memmove(text, end + 1, kept);
	}
}
"""

# A disk that takes its time for every sync, and always the same, whatever others ask of the real one.
EVEN_DISK = r"""
#include <time.h>

int fdatasync(int fd)
{
	struct timespec wait = {.tv_nsec = 2000000};

	(void)fd;
	while (nanosleep(&wait, &wait) < 0)
		;
	return 0;
}

int fsync(int fd)
{
	return fdatasync(fd);
}
"""


class Yardstick:
    """The programs, built in a directory of this story."""

    def __init__(self, place):
        self.place = pathlib.Path(place)
        self.place.mkdir()
        (self.place / "follow.c").write_text(FOLLOW)
        for name, sources in (("load", ()), ("sink", ("server.c",)), ("mail_sink", ("server.c",)),
                              ("follow", ())):
            main = self.place / "follow.c" if name == "follow" else BENCH / f"{name}.c"
            compile_program(self.place / name, "-D_GNU_SOURCE", f"-I{BENCH}", main,
                            BENCH / "common.c", *[BENCH / each for each in sources])
        (self.place / "even_disk.c").write_text(EVEN_DISK)
        compile_library(self.place / "even_disk.so", self.place / "even_disk.c")
        self.made = []

    def give_even_disk(self, tocsin):
        """Every sync of this daemon takes 2 ms from its next start on: SYNC_MS of the story."""
        tocsin.environment = {**tocsin.environment,
                              "LD_PRELOAD": str(self.place / "even_disk.so")}

    def sink(self, name, kind="sink"):
        """A server that takes HTTP requests, or mails (mail_sink)."""
        self.made.append(Sink([self.place / kind, "--notes", self.place / f"{name}.notes"],
                              self.place / f"{name}.notes"))
        return self.made[-1]

    def follow(self, path):
        """Notes what is appended to this file."""
        notes = self.place / f"{path.name}.notes"
        self.made.append(Sink([self.place / "follow", path, notes], notes))
        return self.made[-1]

    def load(self, tocsin, first, alerts, rate, clients=16):
        """Posts alerts at a rate, one a request; when each was accepted, by its place."""
        notes = self.place / "load.notes"
        done = subprocess.run([*FAVOUR, self.place / "load", "--alerts", str(alerts), "--first", str(first),
                               "--rate", str(rate), "--clients", str(clients), "--notes", notes,
                               str(tocsin.socket)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return Notes(notes).times(first, first + alerts), json.loads(done.stdout)

    def stop(self):
        """Ends all."""
        for each in self.made:
            each.stop()


class Notes:
    """When each alert was seen: what common.h of the bench describes."""

    HEAD = struct.Struct("8q")

    def __init__(self, path):
        with open(path, "rb") as file:
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    @property
    def distinct(self):
        """How many different alerts were seen."""
        return self.HEAD.unpack_from(self.map)[1]

    @property
    def messages(self):
        """How many messages, or lots of lines, came."""
        return self.HEAD.unpack_from(self.map)[0]

    def times(self, first, end):
        """CLOCK_MONOTONIC in ns of these numbers; 0: not seen."""
        head = self.HEAD.size
        return array.array("q", self.map[head + 8 * first:head + 8 * end])


class Sink:
    """One of the servers at work."""

    def __init__(self, command, notes):
        self.it = subprocess.Popen([*FAVOUR, *[str(word) for word in command]], stdout=subprocess.PIPE)
        self.host, self.port = "127.0.0.1", int(self.it.stdout.readline())
        self.notes = Notes(notes)
        self.tls = "none"
        self.url = f"http://{self.host}:{self.port}/"

    def pause(self):
        """Connections are made, and nothing is ever read or answered."""
        self.it.send_signal(signal.SIGSTOP)

    def resume(self):
        """It goes on."""
        self.it.send_signal(signal.SIGCONT)

    def stop(self):
        """Ends it."""
        self.it.kill()
        self.it.wait()
        self.it.stdout.close()
