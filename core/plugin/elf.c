/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/elf.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NATIVE_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)

/* Does [offset, offset + length) lie in the file? Careful with overflow: the numbers are the file's. */
static bool inside(uint64_t size, uint64_t offset, uint64_t length)
{
	return offset <= size && length <= size - offset;
}

static int cut_short(struct error *err)
{
	return error_set(err, -ENOEXEC, "the file is cut short; copy it again");
}

static int check_header(const ElfW(Ehdr) *header, uint64_t size, struct error *err)
{
	uint64_t sections = (uint64_t)header->e_shnum * header->e_shentsize;

	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return error_set(err, -ENOEXEC, "it is not a shared object");
	if (header->e_ident[EI_CLASS] != NATIVE_CLASS)
		return error_set(err, -ENOEXEC, "it was built for a machine of another word size");
	if (header->e_type != ET_DYN || header->e_phentsize != sizeof(ElfW(Phdr)))
		return error_set(err, -ENOEXEC, "it is not a shared object");
	if (!inside(size, header->e_phoff, (uint64_t)header->e_phnum * sizeof(ElfW(Phdr))))
		return cut_short(err);
	/* The section table stands at the end: it is the first thing that a short copy lacks. */
	if (header->e_shoff != 0 && !inside(size, header->e_shoff, sections))
		return cut_short(err);
	return 0;
}

static int read_at(int fd, void *data, size_t length, uint64_t at, struct error *err)
{
	ssize_t n;

	do
		n = pread(fd, data, length, (off_t)at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_set(err, -errno, "it cannot be read: %s", strerror(errno));
	return n == (ssize_t)length ? 0 : cut_short(err);
}

int elf_check(int fd, struct error *err)
{
	ElfW(Ehdr) header;
	struct stat st;
	uint64_t size;
	int result;

	if (fstat(fd, &st) < 0)
		return error_set(err, -errno, "%s", strerror(errno));
	size = (uint64_t)st.st_size;
	if (size < sizeof(header))
		return error_set(err, -ENOEXEC, "it is too short to be a shared object");
	result = read_at(fd, &header, sizeof(header), 0, err);
	if (result == 0)
		result = check_header(&header, size, err);
	for (int i = 0; result == 0 && i < header.e_phnum; i++) {
		ElfW(Phdr) segment;
		uint64_t at = header.e_phoff + (uint64_t)i * sizeof(segment);

		result = read_at(fd, &segment, sizeof(segment), at, err);
		if (result == 0 && !inside(size, segment.p_offset, segment.p_filesz))
			result = cut_short(err);
	}
	return result;
}
