# SPDX-License-Identifier: Apache-2.0
"""The fuzzers themselves: does `make fuzz` see a mistake that is there? At full size every fuzzer
also gets its time, with libFuzzer and with AFL++, and must find nothing."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[3]
ENGINES = {"libfuzzer": ("clang", "clang and libclang-rt-14-dev"), "afl": ("afl-clang-fast", "afl++")}
CONTROL_SECONDS = {"libfuzzer": 60, "afl": 120}


def run(command, directory, timeout, **options):
    return subprocess.run(command, cwd=directory, timeout=timeout, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


def has_runtime(compiler, directory):
    """Debian has libFuzzer in a package that clang only recommends."""
    source = "int LLVMFuzzerTestOneInput(const char *d, long n) { return d == 0 && n > 0; }"
    return run([compiler, "-fsanitize=fuzzer,address", "-x", "c", "-", "-o", "probe"], directory,
               60, input=source).returncode == 0


def configure(engine, directory):
    """A build directory for this engine, or a skip that says what to install."""
    compiler, packages = ENGINES[engine]
    directory.mkdir()
    if not shutil.which(compiler) or not has_runtime(compiler, directory):
        pytest.skip(f"{compiler} cannot build fuzzers here: install {packages}")
    made = run([TOP / "configure", f"CC={compiler}", "CFLAGS=-O1 -g", "--enable-fuzzing"],
               directory, 300)
    assert made.returncode == 0, made.stdout[-2000:]
    return directory


def fuzz(directory, seconds, *names, timeout):
    """`make fuzz`: what it printed, and the names of what it found."""
    command = ["make", f"-j{os.cpu_count()}", "fuzz", f"FUZZ_SECONDS={seconds}"]
    if names:
        command.append("FUZZERS=" + " ".join(names))
    ended = run(command, directory, timeout)
    found = re.findall(r"^found: (\S+)", ended.stdout, re.M)
    assert found or ended.returncode == 0, ended.stdout[-3000:]
    return ended.stdout, found


def assert_finds_the_planted(engine, directory):
    printed, found = fuzz(configure(engine, directory), CONTROL_SECONDS[engine], "planted",
                          timeout=300)
    assert found, f"{engine} ran for {CONTROL_SECONDS[engine]} s and did not see it:\n{printed[-3000:]}"
    assert all("findings/planted-" in name for name in found)
    # What was kept is the mistake: it ends the program again.
    again = run(["tests/fuzz/fuzz_planted", found[0]], directory, 60, stdin=subprocess.DEVNULL)
    assert again.returncode != 0 and "heap-buffer-overflow" in again.stdout, again.stdout[-2000:]


@pytest.mark.timeout(600)
def test_fuzz_control(campaign, tmp_path):
    """libFuzzer finds the planted mistake within a minute: the harness sees what it is for."""
    assert_finds_the_planted("libfuzzer", tmp_path / "build")
    campaign.record(planted_found="libfuzzer")


@pytest.mark.timeout(24 * 3600)
@pytest.mark.parametrize("engine", ENGINES)
def test_fuzz_all(campaign, tmp_path, engine):
    """Every fuzzer has its time and finds nothing; the same harness finds what was planted."""
    seconds = campaign.size(0, 600)
    if seconds == 0:
        pytest.skip("at full size only: make check-long")
    assert_finds_the_planted(engine, tmp_path / "build")
    printed, found = fuzz(tmp_path / "build", seconds, timeout=23 * 3600)
    fuzzers = re.findall(r"^== (\w+):", printed, re.M)
    found = [name for name in found if "/planted-" not in name]
    campaign.record(engine=engine, fuzzers=len(fuzzers), seconds_each=seconds, found=len(found))
    assert len(fuzzers) > 12 and not found, found
