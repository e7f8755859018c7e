/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin/elf.h"

/* The smallest file with all that is looked at: a header, two segments, a table of sections. */
struct object {
	ElfW(Ehdr) header;
	ElfW(Phdr) segment[2];
	ElfW(Shdr) section[3];
};

static struct object whole(void)
{
	struct object object = {
		.header =
			{
				.e_type = ET_DYN,
				.e_phoff = offsetof(struct object, segment),
				.e_phentsize = sizeof(ElfW(Phdr)),
				.e_phnum = 2,
				.e_shoff = offsetof(struct object, section),
				.e_shentsize = sizeof(ElfW(Shdr)),
				.e_shnum = 3,
			},
		.segment = {{.p_offset = 0, .p_filesz = sizeof(object)},
			    {.p_offset = sizeof(object), .p_filesz = 0}},
	};

	memcpy(object.header.e_ident, ELFMAG, SELFMAG);
	object.header.e_ident[EI_CLASS] = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
	return object;
}

static int check(const struct object *object, size_t length, struct error *err)
{
	int fd = memfd_create("object", MFD_CLOEXEC), result;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, object, length), length);
	result = elf_check(fd, err);
	close(fd);
	return result;
}

static void assert_refused(const struct object *object, size_t length, const char *why)
{
	struct error err = {0};

	assert_int_equal(check(object, length, &err), -ENOEXEC);
	assert_non_null(strstr(err.text, why));
}

static void a_whole_object_passes(void **state)
{
	struct object object = whole();
	struct error err = {0};

	(void)state;
	assert_int_equal(check(&object, sizeof(object), &err), 0);
	object.header.e_shoff = 0; /* stripped of its sections, it may be shorter */
	object.segment[0].p_filesz = object.segment[1].p_offset = 1;
	assert_int_equal(check(&object, offsetof(struct object, section), &err), 0);
}

static void one_that_is_cut_short_is_refused_wherever_it_ends(void **state)
{
	struct object object = whole();

	(void)state;
	for (size_t length = 0; length < sizeof(object); length++)
		assert_refused(&object, length,
			       length < sizeof(object.header) ? "too short" : "cut short");
}

static void what_is_no_object_of_this_machine_is_refused(void **state)
{
	struct object object = whole();

	(void)state;
	object.header.e_ident[0] = '#';
	assert_refused(&object, sizeof(object), "not a shared object");
	object = whole();
	object.header.e_ident[EI_CLASS] ^= ELFCLASS64 ^ ELFCLASS32;
	assert_refused(&object, sizeof(object), "word size");
	object = whole();
	object.header.e_type = ET_EXEC;
	assert_refused(&object, sizeof(object), "not a shared object");
	object = whole();
	object.header.e_phentsize++;
	assert_refused(&object, sizeof(object), "not a shared object");
}

/* The numbers are the file's: they may be as large as they like. */
static void what_lies_outside_the_file_is_refused(void **state)
{
	struct object object = whole();

	(void)state;
	object.header.e_phoff = (ElfW(Off))-1;
	assert_refused(&object, sizeof(object), "cut short");
	object = whole();
	object.header.e_phnum = UINT16_MAX;
	assert_refused(&object, sizeof(object), "cut short");
	object = whole();
	object.header.e_shoff = (ElfW(Off))-8;
	assert_refused(&object, sizeof(object), "cut short");
	object = whole();
	object.segment[1].p_offset = sizeof(object) + 1;
	assert_refused(&object, sizeof(object), "cut short");
	object = whole();
	object.segment[0].p_filesz = UINT32_MAX;
	assert_refused(&object, sizeof(object), "cut short");
}

static void what_cannot_be_read_is_told(void **state)
{
	struct error err = {0};
	int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;

	(void)state;
	assert_int_equal(elf_check(-1, &err), -EBADF);
	result = elf_check(directory, &err);
	assert_true(result == -EISDIR || result == -ENOEXEC); /* as long as a header, or not */
	close(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_object_passes),
		cmocka_unit_test(one_that_is_cut_short_is_refused_wherever_it_ends),
		cmocka_unit_test(what_is_no_object_of_this_machine_is_refused),
		cmocka_unit_test(what_lies_outside_the_file_is_refused),
		cmocka_unit_test(what_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
