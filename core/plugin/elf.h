/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/elf: is a file a whole shared object? The dynamic linker trusts the
 * headers of a file; with one that was cut short it dies of SIGBUS. Any thread.
 */
#ifndef PLUGIN_ELF_H
#define PLUGIN_ELF_H

#include "base/error.h"

/* 0, or -ENOEXEC (or the errno of reading) with the sentence, which does not name the file. */
int elf_check(int fd, struct error *err);

#endif
