/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins are built here with the compiler in $CC, good ones and spoilt ones, and loaded. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "plugin/loader.h"

static const char whole[] =
	"#include <tocsin/plugin.h>\n"
	"int helper(void);\n"
	"int helper(void) { return ANSWER; }\n"
	"static int open_it(struct tocsin_self *self, const struct tocsin_host *host,\n"
	"	const void *config, void **state) { return helper(); }\n"
	"static void deliver(void *state, struct tocsin_delivery *const batch[], size_t n) { }\n"
	"static void close_it(void *state) { }\n"
	"static const struct tocsin_channel_ops ops = { .size = sizeof(ops), OPEN\n"
	"	.deliver = deliver, .close = close_it };\n"
	"TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = NAME, .version = \"1\",\n"
	"	.summary = \"Rings.\", .channel = &ops);\n";

/* One test: a private directory, a loader, the last refusals. */
struct bench {
	char directory[64];
	struct loader *loader;
	struct error err;
	char refused[4096];
};

static void hear(const char *sentence, void *data)
{
	struct bench *bench = data;
	size_t used = strlen(bench->refused);

	snprintf(bench->refused + used, sizeof(bench->refused) - used, "%s\n", sentence);
}

static void run(const char *command, const char *argument)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", command, "sh", argument, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	snprintf(bench->directory, sizeof(bench->directory), "/tmp/tocsin-loader-XXXXXX");
	assert_non_null(mkdtemp(bench->directory));
	assert_int_equal(loader_new(&bench->loader, &bench->err), 0);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	loader_free(bench->loader);
	run("rm -rf \"$1\"", bench->directory);
	free(bench);
	return 0;
}

static const char *path_of(const struct bench *bench, const char *file)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", bench->directory, file);
	return path;
}

static void write_file(const struct bench *bench, const char *file, const char *text)
{
	FILE *f = fopen(path_of(bench, file), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Compiles source text to directory/file with further arguments. */
static void build(const struct bench *bench, const char *file, const char *source,
		  const char *arguments)
{
	char command[1024];
	const char *cc = getenv("CC");
	const char *include = getenv("TOCSIN_INCLUDE");

	write_file(bench, "source.c", source);
	snprintf(
		command, sizeof(command),
		"cd \"$1\" && umask 022 && %s -std=c11 -shared -fPIC -w -I'%s' -o '%s' source.c %s",
		cc ? cc : "cc", include ? include : "include", file, arguments);
	/* The include path may be relative to where the test runs. */
	if (!include || include[0] != '/') {
		char here[256];

		assert_non_null(getcwd(here, sizeof(here)));
		snprintf(command, sizeof(command),
			 "cd \"$1\" && umask 022 && %s -std=c11 -shared -fPIC -w -I'%s/%s' -o '%s' "
			 "source.c %s",
			 cc ? cc : "cc", here, include ? include : "include", file, arguments);
	}
	run(command, bench->directory);
}

#define GOOD "-DANSWER=1 '-DOPEN=.open=open_it,' "
static void build_bell(const struct bench *bench, const char *file)
{
	build(bench, file, whole, GOOD "'-DNAME=\"bell\"'");
}

static int scan(struct bench *bench)
{
	bench->refused[0] = '\0';
	return loader_scan(bench->loader, bench->directory, hear, bench, &bench->err);
}

/* Nothing loads, and the sentence names the file and says why. */
static void refused(struct bench *bench, const char *file, const char *why)
{
	assert_int_equal(scan(bench), 0);
	if (!strstr(bench->refused, path_of(bench, file)) || !strstr(bench->refused, why))
		fail_msg("'%s' does not name %s and say '%s'", bench->refused, file, why);
}

static void loads_a_plugin_and_finds_it(void **state)
{
	struct bench *bench = *state;
	const struct plugin *plugin;
	size_t n;

	build_bell(bench, "bell.so");
	if (scan(bench) != 1)
		fail_msg("refused: %s", bench->refused);
	plugin = loader_find(bench->loader, TOCSIN_CHANNEL, "bell");
	assert_non_null(plugin);
	assert_string_equal(plugin->path, path_of(bench, "bell.so"));
	assert_int_equal(plugin->channel.open(NULL, NULL, NULL, NULL), 1);
	assert_null(loader_find(bench->loader, TOCSIN_SOURCE, "bell"));
	assert_ptr_equal(loader_all(bench->loader, &n)[0], plugin);
	assert_int_equal(n, 1);
}

static void ignores_other_files_and_goes_on_after_a_refusal(void **state)
{
	struct bench *bench = *state;
	size_t n;

	write_file(bench, "README", "not a plugin");
	write_file(bench, ".hidden.so", "not a plugin");
	write_file(bench, "a.so", "not a plugin");
	build_bell(bench, "z.so");
	build(bench, "b.so", whole, GOOD "'-DNAME=\"gong\"'");
	assert_int_equal(scan(bench), 2);
	assert_non_null(strstr(bench->refused, "a.so"));
	assert_null(strstr(bench->refused, "README"));
	assert_null(strstr(bench->refused, "hidden"));
	assert_string_equal(loader_all(bench->loader, &n)[0]->it.name, "bell");
	assert_string_equal(loader_all(bench->loader, &n)[1]->it.name, "gong");
}

static void two_plugins_with_the_same_function_do_not_mix(void **state)
{
	struct bench *bench = *state;

	build_bell(bench, "bell.so");
	build(bench, "gong.so", whole, "-DANSWER=2 '-DOPEN=.open=open_it,' '-DNAME=\"gong\"'");
	assert_int_equal(scan(bench), 2);
	assert_int_equal(loader_find(bench->loader, TOCSIN_CHANNEL, "bell")
				 ->channel.open(NULL, NULL, NULL, NULL),
			 1);
	assert_int_equal(loader_find(bench->loader, TOCSIN_CHANNEL, "gong")
				 ->channel.open(NULL, NULL, NULL, NULL),
			 2);
}

static void refuses_the_second_of_a_name_and_names_the_first(void **state)
{
	struct bench *bench = *state;

	build_bell(bench, "a.so");
	build_bell(bench, "b.so");
	assert_int_equal(scan(bench), 1);
	assert_non_null(strstr(bench->refused, "b.so refused: the channel 'bell'"));
	assert_non_null(strstr(bench->refused, "a.so\n"));
}

/* At every length: the dynamic linker alone would die of some of them. */
static void refuses_a_truncated_file(void **state)
{
	struct bench *bench = *state;
	struct stat st;

	build_bell(bench, "bell.so");
	assert_int_equal(stat(path_of(bench, "bell.so"), &st), 0);
	assert_int_equal(truncate(path_of(bench, "bell.so"), st.st_size - 1), 0);
	refused(bench, "bell.so", "cut short");
	for (off_t size = st.st_size / 64 * 64; size > 64; size -= 64) {
		assert_int_equal(truncate(path_of(bench, "bell.so"), size), 0);
		refused(bench, "bell.so", "cut short");
	}
	assert_int_equal(truncate(path_of(bench, "bell.so"), 63), 0);
	refused(bench, "bell.so", "too short");
	assert_int_equal(truncate(path_of(bench, "bell.so"), 0), 0);
	refused(bench, "bell.so", "too short");
}

static void refuses_what_is_no_shared_object(void **state)
{
	struct bench *bench = *state;

	write_file(bench, "text.so",
		   "#!/bin/sh\necho 'this is a script, and a rather long one so "
		   "that it is longer than the header of a shared object'\n");
	refused(bench, "text.so", "not a shared object");
	assert_int_equal(unlink(path_of(bench, "text.so")), 0);
	assert_int_equal(mkfifo(path_of(bench, "pipe.so"), 0600), 0);
	refused(bench, "pipe.so", "not a regular file");
	assert_int_equal(unlink(path_of(bench, "pipe.so")), 0);
	assert_int_equal(mkdir(path_of(bench, "folder.so"), 0700), 0);
	refused(bench, "folder.so", "not a regular file");
}

static void refuses_another_abi(void **state)
{
	struct bench *bench = *state;

	build(bench, "old.so",
	      "#include <stdint.h>\nconst uint32_t tocsin_plugin[2] = { 77, 400 };", "");
	refused(bench, "old.so", "ABI 77");
}

static void refuses_a_file_without_the_symbol(void **state)
{
	struct bench *bench = *state;

	build(bench, "empty.so", "int nothing;", "");
	refused(bench, "empty.so", "no symbol tocsin_plugin");
	build(bench, "empty.so", "const short tocsin_plugin = 1;", "");
	refused(bench, "empty.so", "not made with TOCSIN_PLUGIN");
}

static void refuses_a_file_whose_library_is_missing_and_names_it(void **state)
{
	struct bench *bench = *state;

	build(bench, "libgone.so", "int gone(void) { return 1; }", "");
	build(bench, "bell.so", whole, GOOD "'-DNAME=\"bell\"' -Wl,--no-as-needed -L. -lgone");
	assert_int_equal(unlink(path_of(bench, "libgone.so")), 0);
	refused(bench, "bell.so", "libgone.so");
}

static void refuses_a_file_with_an_undefined_function_and_names_it(void **state)
{
	struct bench *bench = *state;

	build(bench, "lazy.so", whole,
	      "-DANSWER='not_there()' '-DOPEN=.open=open_it,' "
	      "'-DNAME=\"lazy\"' -Wl,-z,lazy");
	refused(bench, "lazy.so", "not_there");
}

static void refuses_a_channel_without_open(void **state)
{
	struct bench *bench = *state;

	build(bench, "mute.so", whole, "-DANSWER=1 -DOPEN= '-DNAME=\"mute\"'");
	refused(bench, "mute.so", "lack the function 'open'");
}

static void refuses_a_file_that_others_can_write(void **state)
{
	struct bench *bench = *state;

	build_bell(bench, "bell.so");
	assert_int_equal(chmod(path_of(bench, "bell.so"), 0666), 0);
	refused(bench, "bell.so", "can be written by everybody");
	assert_int_equal(chmod(path_of(bench, "bell.so"), 0664), 0);
	refused(bench, "bell.so", "can be written by its group");
	if (geteuid() == 0) {
		assert_int_equal(chmod(path_of(bench, "bell.so"), 0644), 0);
		assert_int_equal(chown(path_of(bench, "bell.so"), 65534, 65534), 0);
		refused(bench, "bell.so", "belongs to user 65534");
	}
}

static void refuses_a_directory_that_others_can_write(void **state)
{
	struct bench *bench = *state;
	char inner[128];

	build_bell(bench, "bell.so");
	assert_int_equal(chmod(bench->directory, 0777), 0);
	assert_int_equal(scan(bench), -EPERM);
	assert_non_null(strstr(bench->err.text, "chmod go-w /tmp/tocsin-loader-"));
	/* Sticky protects what is in it, but not against what others add. */
	assert_int_equal(chmod(bench->directory, 01777), 0);
	assert_int_equal(scan(bench), -EPERM);
	snprintf(inner, sizeof(inner), "%s/inner", bench->directory);
	assert_int_equal(mkdir(inner, 0755), 0);
	assert_int_equal(loader_scan(bench->loader, inner, hear, bench, &bench->err), 0);
	assert_int_equal(chmod(bench->directory, 0777), 0);
	assert_int_equal(loader_scan(bench->loader, inner, hear, bench, &bench->err), -EPERM);
	assert_int_equal(chmod(bench->directory, 0700), 0);
}

static void follows_links_only_through_trusted_directories(void **state)
{
	struct bench *bench = *state;
	char target[512];

	build_bell(bench, "bell");
	assert_int_equal(symlink("bell", path_of(bench, "bell.so")), 0);
	assert_int_equal(scan(bench), 1);
	assert_int_equal(mkdir(path_of(bench, "open"), 0700), 0);
	build(bench, "open/gong", whole, GOOD "'-DNAME=\"gong\"'");
	assert_int_equal(chmod(path_of(bench, "open"), 0777), 0);
	snprintf(target, sizeof(target), "%s", path_of(bench, "open/gong"));
	assert_int_equal(unlink(path_of(bench, "bell.so")), 0);
	assert_int_equal(symlink(target, path_of(bench, "gong.so")), 0);
	refused(bench, "gong.so", "open can be written by everybody");
	assert_int_equal(symlink("loop.so", path_of(bench, "loop.so")), 0);
	refused(bench, "loop.so", "too many symbolic links");
	assert_int_equal(symlink("away", path_of(bench, "away.so")), 0);
	refused(bench, "away.so", "No such file");
}

static void refuses_relative_and_missing_directories(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(loader_scan(bench->loader, "plugins", hear, bench, &bench->err), -EINVAL);
	assert_non_null(strstr(bench->err.text, "not an absolute path"));
	assert_int_equal(loader_scan(bench->loader, "/nowhere/at/all", hear, bench, &bench->err),
			 -ENOENT);
	assert_non_null(strstr(bench->err.text, "/nowhere/at/all"));
	assert_int_equal(loader_scan(bench->loader, "/dev/null", hear, bench, &bench->err), -EPERM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(loads_a_plugin_and_finds_it),
		TEST(ignores_other_files_and_goes_on_after_a_refusal),
		TEST(two_plugins_with_the_same_function_do_not_mix),
		TEST(refuses_the_second_of_a_name_and_names_the_first),
		TEST(refuses_a_truncated_file),
		TEST(refuses_what_is_no_shared_object),
		TEST(refuses_another_abi),
		TEST(refuses_a_file_without_the_symbol),
		TEST(refuses_a_file_whose_library_is_missing_and_names_it),
		TEST(refuses_a_file_with_an_undefined_function_and_names_it),
		TEST(refuses_a_channel_without_open),
		TEST(refuses_a_file_that_others_can_write),
		TEST(refuses_a_directory_that_others_can_write),
		TEST(follows_links_only_through_trusted_directories),
		TEST(refuses_relative_and_missing_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
