# SPDX-License-Identifier: Apache-2.0
"""Small file systems that a story can fill: an ext4 on a loop device, or a tmpfs."""

import errno
import os
import shutil
import subprocess

import pytest

MEBIBYTE = 1 << 20


class SmallDisk:
    """A file system of its own; close() takes it away."""

    def __init__(self, directory, megabytes=64, inodes=None):
        self.path = directory / "mounted"
        self.path.mkdir(parents=True)
        self.ballast = self.path / "ballast"
        image = directory / "image"
        with open(image, "wb") as file:
            file.truncate(megabytes * MEBIBYTE)
        # No blocks for root alone: root fills this disk.
        command = ["mkfs.ext4", "-q", "-m", "0", *(["-N", str(inodes)] if inodes else []), image]
        subprocess.run(command, check=True)
        mount("-o", "loop,nodev,nosuid", image, self.path)

    def free(self):
        """Bytes that are free."""
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def fill(self, leave=0):
        """Fills it with another file up to `leave` bytes."""
        with open(self.ballast, "ab", buffering=0) as file:
            for size in (64 * MEBIBYTE, MEBIBYTE, 4096):
                try:
                    while self.free() > leave:
                        more = min(size, max(self.free() - leave, 4096))
                        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, more)
                except OSError as why:
                    if why.errno != errno.ENOSPC:
                        raise
            os.fsync(file.fileno())

    def empty(self):
        """Takes that file away."""
        self.ballast.unlink(missing_ok=True)

    def take_inodes(self):
        """Creates files until there can be no more."""
        place = self.path / "many"
        place.mkdir()
        try:
            for i in range(100_000):
                (place / str(i)).touch()
        except OSError as why:
            if why.errno != errno.ENOSPC:
                raise

    def give_inodes(self):
        """Takes those files away."""
        shutil.rmtree(self.path / "many")

    def close(self):
        """Unmounts it."""
        if os.path.ismount(self.path):
            subprocess.run(["umount", "-l", self.path], check=True)


class SmallMemory:
    """A tmpfs with few files, as /run may have become."""

    def __init__(self, directory, inodes):
        self.path = directory / "run"
        self.path.mkdir(parents=True)
        mount("-t", "tmpfs", "-o", f"size=1m,nr_inodes={inodes}", "none", self.path)

    take_inodes = SmallDisk.take_inodes
    give_inodes = SmallDisk.give_inodes
    close = SmallDisk.close


def mount(*arguments):
    """Mounts, or skips where this cannot be: only root can, and not in every container."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("needs root and mkfs.ext4 (apt-get install e2fsprogs) for a disk to fill")
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
