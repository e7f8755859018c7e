/* SPDX-License-Identifier: Apache-2.0 */
#include "chat_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hostile.h"
#include "scarce.h"

char *chat_letters(size_t n, const char *letter)
{
	char *text = malloc(n * strlen(letter) + 1);

	assert_non_null(text);
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * strlen(letter), letter, strlen(letter) + 1);
	return text;
}

void chat_each_hostile(void (*post)(struct fake_alert *fake))
{
	uint64_t seed = hostile_seed();
	struct fake_alert fake;

	for (size_t i = 0; i < HOSTILE_TEXTS; i++) {
		char *text = hostile_text(seed, i);

		(i % 2 ? hostile_fill : hostile_fill_shown)(&fake, text);
		post(&fake);
		free(text);
	}
}

/* The end of it, or a negative errno of open. */
static int send_it(struct chat_message *message, const struct fake_done **done)
{
	void *state = NULL;
	int result;

	fake_reset();
	if (message->note)
		strcpy(fake_self()->note, message->note);
	fake_self()->reply = message->reply;
	result = tocsin_plugin.channel->open(fake_self(), &fake_host, message->config, &state);
	if (result < 0)
		return result;
	*done = fake_deliver(state, &message->fake);
	tocsin_plugin.channel->close(state);
	return 0;
}

static int send_whole_or_not(void *data)
{
	struct chat_message *message = data;
	const struct fake_done *done;
	int result = send_it(message, &done);

	if (result < 0)
		return result;
	if (done->outcome == TOCSIN_RETRY)
		return -ENOMEM;
	if (done->outcome != TOCSIN_DELIVERED || strcmp(fake_self()->body, message->wanted) != 0)
		scarce_fail("half a message, or one at the wrong place");
	return 0;
}

void chat_sweep(struct chat_message *message, const char *name)
{
	const struct fake_done *done;

	assert_int_equal(send_it(message, &done), 0);
	assert_int_equal(done->outcome, TOCSIN_DELIVERED);
	strcpy(message->wanted, fake_self()->body);
	assert_true(scarce_sweep(name, send_whole_or_not, message) > 0);
}
