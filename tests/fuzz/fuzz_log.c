/* SPDX-License-Identifier: Apache-2.0 */
/* A secret, who speaks, and what is said: the log gets one clean line, in which the secret does
 * not occur. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"

#define LINE (256 * 1024)

static size_t write_line(int fd, enum log_format format, const char *secret, const char *who,
			 const char *text, char *line)
{
	struct log *log = NULL;
	ssize_t length;

	assert(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	assert(log_new(&log, fd, format, TOCSIN_LOG_DEBUG) == 0);
	assert(log_secret(log, secret) == 0);
	log_write(log, TOCSIN_LOG_WARNING, who, "%s", text);
	log_free(log);
	length = pread(fd, line, LINE - 1, 0);
	assert(length > 0 && line[length - 1] == '\n');
	line[length] = '\0';
	assert(fuzz_is_clean(line, (size_t)length - 1, ""));
	return (size_t)length;
}

/* Not one that our own frame around the text may contain, or that escaping changes. */
static bool can_be_judged(const char *secret, const char *who)
{
	static const char frame[] = "0123456789 -:.,\"{}*Tabcdefghijklmnopqrstuvwxyz_\\";
	bool own = false;

	for (const char *c = secret; *c; c++) {
		if (*c < 0x20 || *c > 0x7e)
			return false;
		own = own || !strchr(frame, *c);
	}
	return own && strlen(secret) >= 4 && !strstr(who, secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char line[LINE];
	static int fd = -1;
	struct fuzz_input input = {data, size};
	char *secret = fuzz_text(&input), *who = fuzz_text(&input), *text = fuzz_rest(&input);
	json_t *json;

	if (fd < 0)
		fd = memfd_create("log", MFD_CLOEXEC);
	if (secret && who) {
		write_line(fd, LOG_TEXT, secret, who, text, line);
		assert(!can_be_judged(secret, who) || !strstr(line, secret));
		write_line(fd, LOG_JSON, secret, who, text, line);
		assert(!can_be_judged(secret, who) || !strstr(line, secret));
		json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		assert(json_is_object(json));
		json_decref(json);
	}
	free(secret);
	free(who);
	free(text);
	return 0;
}
