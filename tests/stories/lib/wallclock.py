# SPDX-License-Identifier: Apache-2.0
"""A wall clock that a story sets while the daemon runs: libfaketime, preloaded.

Only the wall clock moves, as when somebody sets it. With `all_clocks` the clocks that count from the
boot jump along: what a daemon would live through if it reckoned by the wall clock.
"""

import glob
import os

import pytest


class WallClock:
    """The clock of one daemon."""

    def __init__(self, tocsin, all_clocks=False):
        found = sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))
        if not found:
            pytest.skip("libfaketime is missing: install the package faketime")
        if b"__tsan_init" in tocsin.stage.tocsind.read_bytes():
            pytest.skip("libfaketime and the thread sanitizer stand in for the same functions")
        self.path = tocsin.directory / "wallclock"
        self.ahead = 0
        self.set(0)
        tocsin.environment = {
            **tocsin.environment, "LD_PRELOAD": found[0], "NO_FAKE_STAT": "1",
            # An address sanitizer would rather be the first library.
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
            "FAKETIME_TIMESTAMP_FILE": str(self.path), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "0" if all_clocks else "1"}

    def set(self, ahead, rate=1):
        """So many seconds ahead of the truth, from now on running at this rate."""
        self.ahead = ahead
        fresh = self.path.with_suffix(".new")
        fresh.write_text(f"{ahead:+d}" + (f" x{rate}" if rate != 1 else "") + "\n")
        os.replace(fresh, self.path)
