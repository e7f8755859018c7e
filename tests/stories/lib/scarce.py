# SPDX-License-Identifier: Apache-2.0
"""Memory that runs out in a running daemon: tests/unit/scarce.c, preloaded, with its control."""

import mmap
import os
import pathlib
import struct

from .compiler import compile_library

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "unit" / "scarce.c"
OFF, COUNT, ONCE, FOR_GOOD = range(4)
HEAD = struct.Struct("<iiqqq")          # mode, ready, at, seen, failed
SITE = struct.Struct("<I")
SITES = 1 << 20

# What these libraries leave behind themselves when they get no memory. Nothing of ours is here: the
# frames are where the memory was asked for.
LEAKY = ("libcrypto.so", "libltdl.so")


class Scarce:
    """Decides from outside which allocation of one program fails, whenever it likes."""

    def __init__(self, directory):
        self.library = directory / "scarce.so"
        self.control = directory / "scarce"
        self.failures = 0               # all so far
        self.leaky = directory / "leaky"
        self.leaky.write_text("".join(f"leak:{name}\n" for name in LEAKY))
        # Frame pointers, so that the leak sanitizer sees who allocated.
        compile_library(self.library, "-D_GNU_SOURCE", "-fno-omit-frame-pointer", SOURCE, "-ldl")
        with open(self.control, "w+b") as file:
            file.truncate(HEAD.size + 2 * 4 * SITES)
            self.memory = mmap.mmap(file.fileno(), 0)

    def attack(self, tocsin):
        """Every start of this daemon from now on is under our control."""
        before = tocsin.environment.get("LD_PRELOAD")
        tocsin.environment = {
            **tocsin.environment, "TOCSIN_SCARCE": str(self.control),
            "LD_PRELOAD": f"{self.library} {before or ''}".strip(),
            "PGGSSENCMODE": "disable",      # the Kerberos library crashes without memory
            "LSAN_OPTIONS": f"suppressions={self.leaky}:print_suppressions=0",
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        return tocsin

    def _set(self, mode, at=0):
        # The mode last: with it the daemon begins to obey.
        struct.pack_into("<i", self.memory, 0, OFF)
        struct.pack_into("<qqq", self.memory, 8, at, 0, 0)
        struct.pack_into("<i", self.memory, 0, mode)

    def count(self):
        """Counts from here; nothing fails."""
        self._set(COUNT)

    def fail(self, at, for_good=False):
        """The at-th allocation from here fails, or all from it on."""
        self._set(FOR_GOOD if for_good else ONCE, at)

    def off(self):
        """Gives memory again. How many allocations failed since it was scarce."""
        struct.pack_into("<i", self.memory, 0, OFF)
        failed = self.failed
        struct.pack_into("<q", self.memory, 24, 0)
        self.failures += failed
        return failed

    @property
    def seen(self):
        """Allocations asked for since the last count or fail."""
        return HEAD.unpack_from(self.memory)[3]

    @property
    def failed(self):
        """Those of them that failed."""
        return HEAD.unpack_from(self.memory)[4]

    def places(self):
        """Of what was counted: the numbers of the allocations of each place in the code, library or
        not; and the first of each place in tocsin, whatever library it calls from there."""
        sites, homes = {}, {}
        numbers = min(self.seen, SITES)
        for i in range(numbers):
            site, = SITE.unpack_from(self.memory, HEAD.size + SITE.size * i)
            home, = SITE.unpack_from(self.memory, HEAD.size + SITE.size * (SITES + i))
            sites.setdefault(site, []).append(i + 1)
            homes.setdefault(home, i + 1)
        return list(sites.values()), list(homes.values())
