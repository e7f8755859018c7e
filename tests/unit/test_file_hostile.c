/* SPDX-License-Identifier: Apache-2.0 */
/* What an attacker writes makes no record of its own in a file, in either format. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../plugins/channels/file/file.h"
#include "hostile.h"
#include "judge_record.h"

/* What was appended since. */
static off_t judge_file(int fd, off_t since, bool json, const struct fake_alert *fake)
{
	off_t end = lseek(fd, 0, SEEK_END);
	size_t size = (size_t)(end - since);
	char *text = calloc(1, size + 1);

	assert_int_equal(pread(fd, text, size, since), size);
	if (json)
		judge_record_json(text, fake);
	else
		judge_record_text(text, "", "");
	free(text);
	return end;
}

static void hostile_texts_stay_within_their_record(void **unused)
{
	static const int64_t formats[] = {FILE_TEXT, FILE_JSON};
	uint64_t seed = hostile_seed();
	char directory[64], path[128];
	off_t end;
	int fd;

	(void)unused;
	fake_directory(directory);
	snprintf(path, sizeof(path), "%s/alerts.log", directory);
	for (size_t k = 0; k < TOCSIN_COUNT(formats); k++) {
		const struct file_config config = {
			.path = path, .format = formats[k], .mode = "0640", .most_files = 10};
		void *state;

		fake_reset();
		state = fake_open(&config);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_CREAT, 0640);
		assert_true(fd >= 0);
		end = 0;
		for (size_t i = 0; i < HOSTILE_TEXTS; i++) {
			char *text = hostile_text(seed, i);
			struct fake_alert fake;

			if (strlen(text) <= 2048 || i % 16 == 0) {
				hostile_fill(&fake, text);
				assert_int_equal(fake_deliver(state, &fake)->outcome,
						 TOCSIN_DELIVERED);
				end = judge_file(fd, end, formats[k] == FILE_JSON, &fake);
			}
			free(text);
		}
		tocsin_plugin.channel->close(state);
		close(fd);
		unlink(path);
	}
	fake_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_texts_stay_within_their_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
