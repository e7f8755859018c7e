# SPDX-License-Identifier: Apache-2.0
"""The C compiler, for the libraries and programs that stories bring along."""

import os
import shlex
import subprocess


def compile_program(path, *arguments):
    """Compiles a program from what the arguments name."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    subprocess.run([*compiler, "-O2", "-o", path, *arguments], check=True)


def compile_library(path, *arguments):
    """Compiles a shared object."""
    compile_program(path, "-shared", "-fPIC", *arguments)
