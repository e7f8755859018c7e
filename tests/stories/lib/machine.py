# SPDX-License-Identifier: Apache-2.0
"""A small virtual machine whose power can be cut.

QEMU runs a Linux that consists of busybox and the programs under test, from memory; only /disk is
a disk. Killing QEMU takes the machine's memory with it, and with that everything that was written
but not yet flushed, just as a power cut does; what the guest's kernel wrote to its disk stays in
the image. cache=unsafe changes nothing about that: QEMU still writes at once, it only does not
have the image flushed to the disk of this machine, which nobody switches off. Everything is
emulated: no /dev/kvm, no root.

Each boot first hands over what is on the disk, before a program of ours has touched it: that is
what the cut left behind.
"""

import lzma
import os
import pathlib
import platform
import random
import re
import shutil
import socket
import subprocess
import tarfile

from .tocsin import wait_until

INIT = pathlib.Path(__file__).with_name("machine.init")

HOST = "10.0.2.2"        # this machine's loopback, as the guest sees it
MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_console")
TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "cpio": "cpio",
         "socat": "socat", "mkfs.ext4": "e2fsprogs", "setpriv": "util-linux"}
MAKE = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f")}
DISK_MIB = {"ext4": 96, "xfs": 320}      # mkfs.xfs refuses less than 300


def tool(name):
    """The path of a program, also of one that only root has in its path."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def kernel():
    """A kernel with its modules, as Debian packs them; TOCSIN_KERNEL is where a package was
    unpacked. None without one."""
    root = pathlib.Path(os.environ.get("TOCSIN_KERNEL") or "/")
    found = [path for path in sorted(root.glob("boot/vmlinuz-*-cloud-amd64"))
             if os.access(path, os.R_OK)
             and modules_of(root, path.name.removeprefix("vmlinuz-")) is not None]
    return found[-1] if found else None


def modules_of(root, release):
    """Where the modules of this kernel are."""
    for place in ("lib/modules", "usr/lib/modules"):
        if (root / place / release / "kernel").is_dir():
            return root / place / release
    return None


def lacking(filesystem="ext4"):
    """What must be installed first, as a sentence; None: nothing."""
    if platform.machine() != "x86_64":
        return "the virtual machine runs the programs under test, and is an x86_64"
    absent = [package for name, package in TOOLS.items() if not tool(name)]
    if not tool(MAKE[filesystem][0]):
        absent.append("xfsprogs")
    if kernel() is None:
        absent.append("linux-image-cloud-amd64")
    return f"install {' '.join(absent)}" if absent else None


# what the machine boots from


def module_text(path):
    """A kernel module, unpacked."""
    text = path.read_bytes()
    return lzma.decompress(text) if path.suffix == ".xz" else text


def add_modules(root, directory):
    """The drivers, each after those that it needs; /modules/order says in which order."""
    available = {re.sub(r"\.ko(\.xz)?$", "", path.name).replace("-", "_"): path
                 for path in directory.glob("kernel/**/*.ko*")}
    order = []

    def add(name):
        if name in order or name not in available:       # it may be part of the kernel
            return
        text = module_text(available[name])
        needs = re.search(rb"\0depends=([^\0]*)\0", text)
        for each in (needs.group(1).decode().split(",") if needs else ()):
            add(each.replace("-", "_"))
        (root / "modules" / name).write_bytes(text)
        order.append(name)

    for name in (*MODULES, "xfs"):
        add(name)
    (root / "modules" / "order").write_text("\n".join(order) + "\n")


def libraries(program):
    """The shared libraries that a program or plugin needs."""
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return re.findall(r"(/\S+) \(0x", told.stdout)


def add_program(root, source, target):
    """A program and its libraries, these at the paths where they are here."""
    shutil.copy(source, root / target)
    for library in libraries(source):
        place = root / library.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            shutil.copy(library, place)


def pack(root, archive):
    """A directory as the kernel wants it; everything in it belongs to root."""
    names = subprocess.run(["find", ".", "-print0"], cwd=root, stdout=subprocess.PIPE, check=True)
    with open(archive, "wb") as out:
        subprocess.run([tool("cpio"), "-0", "-o", "-H", "newc", "-R", "0:0", "--quiet"], cwd=root,
                       input=names.stdout, stdout=out, check=True)


def make_system(stage, directory):
    """The part of the initial memory disk that all machines share; its path."""
    root = directory / "root"
    for name in ("bin", "dev", "proc", "sys", "run", "tmp", "disk", "modules", "plugins"):
        (root / name).mkdir(parents=True)
    image = kernel()
    release = image.name.removeprefix("vmlinuz-")
    add_modules(root, modules_of(image.parent.parent, release))
    shutil.copy(tool("busybox"), root / "bin" / "busybox")
    for name in ("sh", "mount", "insmod", "ip", "grep", "tar", "cat", "wc", "poweroff", "sleep"):
        (root / "bin" / name).symlink_to("busybox")
    add_program(root, stage.tocsind, "bin/tocsind")
    add_program(root, tool("socat"), "bin/socat")
    for plugin in sorted(stage.plugins.glob("*.so")):
        add_program(root, plugin, f"plugins/{plugin.name}")
    shutil.copy(INIT, root / "init")
    (root / "init").chmod(0o755)
    pack(root, directory / "system.cpio")
    return directory / "system.cpio"


def free_port():
    """A TCP port that nobody listens on, and that the kernel gives to nobody unasked."""
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", random.randrange(20000, 30000)))
                return probe.getsockname()[1]
            except OSError:
                continue


class Machine:
    """One machine: a directory, a disk, and any number of lives that each end with a cut."""

    def __init__(self, system, directory, files, filesystem="ext4", preload=""):
        """files: what this machine has beyond the system, path -> text or bytes."""
        self.directory = pathlib.Path(directory)
        self.filesystem = filesystem
        self.preload = preload
        self.lives = 0
        self.process = None
        self.address = None                  # of the daemon's API
        self.directory.mkdir(parents=True)
        self.make_memory(system, files)
        self.make_disk()

    def make_memory(self, system, files):
        """The initial memory disk: the kernel unpacks one archive after the other."""
        own = self.directory / "own"
        for name, content in files.items():
            path = own / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        pack(own, self.directory / "own.cpio")
        with open(self.directory / "memory.cpio", "wb") as out:
            out.write(system.read_bytes())
            out.write((self.directory / "own.cpio").read_bytes())

    def make_disk(self):
        """An empty file system."""
        disk = self.directory / "disk.img"
        with open(disk, "wb") as image:
            image.truncate(DISK_MIB[self.filesystem] << 20)
        program, *options = MAKE[self.filesystem]
        subprocess.run([tool(program), *options, disk], check=True, stdout=subprocess.DEVNULL)

    @property
    def console(self):
        """What this life wrote to its console: the kernel, the script, the daemon's log."""
        path = self.directory / f"console.{self.lives}"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def arguments(self, port):
        """The command line of QEMU."""
        found = self.directory / f"found.{self.lives}.tar"
        console = self.directory / f"console.{self.lives}"
        return [
            # It must not outlive the story, however that ends.
            tool("setpriv"), "--pdeathsig", "KILL", tool("qemu-system-x86_64"),
            "-accel", "tcg", "-machine", "pc", "-cpu", "max", "-m", "256",
            "-nodefaults", "-display", "none", "-no-reboot",
            "-kernel", kernel(), "-initrd", self.directory / "memory.cpio",
            "-append", "console=ttyS0 quiet no_timer_check mitigations=off random.trust_cpu=on "
                       f"panic=-1 FILESYSTEM={self.filesystem} PRELOAD={self.preload}",
            "-drive", f"file={self.directory / 'disk.img'},format=raw,if=virtio,cache=unsafe",
            "-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{port}-:80",
            "-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-serial-pci",
            "-chardev", f"file,id=found,path={found}",
            "-device", "virtserialport,nr=1,chardev=found",
            "-chardev", f"file,id=console,path={console}", "-serial", "chardev:console"]

    def boot(self):
        """Switches the machine on."""
        assert self.process is None, "it is on already"
        self.lives += 1
        port = free_port()
        self.address = ("127.0.0.1", port)
        with open(self.directory / "qemu.log", "ab") as log:
            self.process = subprocess.Popen([str(each) for each in self.arguments(port)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def wait_found(self, timeout=240):
        """Waits until the disk is handed over, and unpacks it: what the last cut left. The daemon
        starts right afterwards."""
        told = wait_until(lambda: self.alive()
                          and re.search(r"^machine: found (\d+) bytes", self.console, re.M),
                          timeout, lambda: f"the machine is up\n{self.console}\n")
        mounted = f"/dev/vda /disk {self.filesystem} rw"
        assert mounted in self.console, self.console
        archive = self.directory / f"found.{self.lives}.tar"
        wait_until(lambda: archive.stat().st_size == int(told.group(1)), 20, "the disk arrived")
        found = self.directory / f"found.{self.lives}"
        with tarfile.open(archive) as tar:
            tar.extractall(found)
        archive.unlink()
        return found

    def alive(self):
        """True; fails when the machine or the daemon ended by itself."""
        broken = "machine: broken" in self.console or "Kernel panic" in self.console
        assert self.process.poll() is None and not broken, \
            f"{self.console}\n{(self.directory / 'qemu.log').read_text('utf-8', 'replace')}"
        return True

    def cut(self):
        """Cuts the power: the memory is gone, the disk has what was written to it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


