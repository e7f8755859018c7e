# SPDX-License-Identifier: Apache-2.0
"""A disk that fails on demand, under one tocsind: the library faulty.c, preloaded.

What fails is said while the daemon runs, through memory that both have mapped, so a story can
choose the moment: `disk.arm("pwrite", "store", errno.EIO, at=3)` fails the fourth write to the
store's files from now on.
"""

import errno
import mmap
import pathlib
import struct

from .compiler import compile_library

# As in faulty.c.
CALLS = ("write", "pwrite", "pread", "sync", "open", "truncate", "allocate", "unlink", "map")
AREAS = ("store", "scratch", "channel", "rest")
SHORT, LIE = -1, -2
ONCE, FOR_GOOD, EVERY_OTHER = range(3)

_HEAD = struct.Struct("7i")
_COUNTS = struct.Struct(f"{len(CALLS) * len(AREAS)}i")
_NAMES = {SHORT: "short", LIE: "lie"}


def name_of(error):
    """EIO, ENOSPC, short, ..."""
    return _NAMES.get(error) or errno.errorcode[error]


def faulty_library(directory):
    """Compiles the library; its path."""
    library = pathlib.Path(directory) / "faulty.so"
    source = pathlib.Path(__file__).with_name("faulty.c")
    compile_library(library, "-Wall", "-Werror", source, "-ldl")
    return library


class FaultyDisk:
    """The disk under one tocsind, from its next start on."""

    def __init__(self, tocsin, library, channel):
        path = tocsin.directory / "faults"
        path.write_bytes(bytes(_HEAD.size + _COUNTS.size))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)
        self.clear()
        tocsin.environment = {
            **tocsin.environment, "LD_PRELOAD": str(library), "TOCSIN_FAULTS": str(path),
            "TOCSIN_FAULTS_STORE": str(tocsin.store), "TOCSIN_FAULTS_CHANNEL": str(channel)}

    def arm(self, call, area, error, at=0, repeat=ONCE):
        """That call fails on those files, after `at` more that do not."""
        number = AREAS.index(area)
        # The call comes last: until it is there, nothing fails.
        _HEAD.pack_into(self.memory, 0, len(CALLS), number, error, at, repeat, 0, 0)
        struct.pack_into("i", self.memory, 0, CALLS.index(call))

    def clear(self):
        """From now on all goes well; how often something failed."""
        fired = self.fired
        struct.pack_into("i", self.memory, 0, len(CALLS))
        return fired

    @property
    def fired(self):
        """How often a call failed since arm()."""
        return _HEAD.unpack_from(self.memory)[5]

    def hurry(self):
        """The upkeep of the next minute comes now."""
        struct.pack_into("i", self.memory, 6 * 4, 1)

    def take_counts(self):
        """(call, area) -> how often it was called since the last look."""
        counts = _COUNTS.unpack_from(self.memory, _HEAD.size)
        _COUNTS.pack_into(self.memory, _HEAD.size, *[0] * len(counts))
        names = [(call, area) for call in CALLS for area in AREAS]
        return {name: count for name, count in zip(names, counts) if count}
