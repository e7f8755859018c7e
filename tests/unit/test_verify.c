/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/verify.h"

struct config {
	const char *host;
	int64_t port;
	bool quiet;
	struct {
		struct tocsin_strings names;
	} deep;
};

static const struct tocsin_option deep_options[] = {
	{.size = sizeof(struct tocsin_option),
	 .type = TOCSIN_STRINGS,
	 .name = "names",
	 .help = "Names."},
};

static int open_it(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		   void **state)
{
	(void)self, (void)host, (void)config, (void)state;
	return 0;
}

static void deliver_it(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	(void)state, (void)batch, (void)n;
}

static int run_it(void *state)
{
	(void)state;
	return 0;
}

static void close_it(void *state)
{
	(void)state;
}

/* A good channel that each test spoils in one place. */
struct sample {
	struct tocsin_channel_ops channel;
	struct tocsin_source_ops source;
	struct tocsin_store_ops store;
	struct tocsin_option options[4];
	struct tocsin_plugin it;
	struct plugin out;
	struct error err;
};

static int setup(void **state)
{
	static struct sample sample;
	const struct tocsin_option options[] = {
		TOCSIN_OPTION(STRING, struct config, host, .help = "A name."),
		TOCSIN_OPTION(INT, struct config, port, .help = "A port."),
		TOCSIN_OPTION(BOOL, struct config, quiet, .help = "Say nothing."),
		TOCSIN_OPTION_SECTION(struct config, deep, deep_options, .help = "More."),
	};

	memset(&sample, 0, sizeof(sample));
	sample.channel = (struct tocsin_channel_ops){.size = sizeof(sample.channel),
						     .open = open_it,
						     .deliver = deliver_it,
						     .close = close_it};
	sample.source = (struct tocsin_source_ops){
		.size = sizeof(sample.source), .open = open_it, .run = run_it, .close = close_it};
	sample.store.size = sizeof(sample.store);
	memcpy(sample.options, options, sizeof(options));
	sample.it = (struct tocsin_plugin){.abi = TOCSIN_ABI,
					   .size = sizeof(struct tocsin_plugin),
					   .option_size = sizeof(struct tocsin_option),
					   .kind = TOCSIN_CHANNEL,
					   .name = "bell",
					   .version = "1",
					   .summary = "Rings.",
					   .options = sample.options,
					   .option_count = TOCSIN_COUNT(sample.options),
					   .config_size = sizeof(struct config),
					   .channel = &sample.channel};
	*state = &sample;
	return 0;
}

static void accepted(struct sample *sample)
{
	int result = verify_descriptor(&sample->it, sizeof(sample->it), &sample->out, &sample->err);

	if (result != 0)
		fail_msg("refused: %s", sample->err.text);
}

static void refused(struct sample *sample, const char *because)
{
	int result = verify_descriptor(&sample->it, sizeof(sample->it), &sample->out, &sample->err);

	assert_true(result < 0);
	if (!strstr(sample->err.text, because))
		fail_msg("'%s' does not say '%s'", sample->err.text, because);
}

static void accepts_a_whole_channel(void **state)
{
	struct sample *sample = *state;

	accepted(sample);
	assert_string_equal(sample->out.it.name, "bell");
	assert_ptr_equal(sample->out.it.channel, &sample->out.channel);
	assert_ptr_equal(sample->out.channel.deliver, deliver_it);
	assert_null(sample->out.channel.check);
}

static void accepts_a_whole_source(void **state)
{
	struct sample *sample = *state;

	sample->it.kind = TOCSIN_SOURCE;
	sample->it.source = &sample->source;
	accepted(sample);
	assert_ptr_equal(sample->out.source.run, run_it);
}

static void call_it(void *state, struct tocsin_call *const call[], size_t n)
{
	(void)state, (void)call, (void)n;
}

static void whoever_has_items_must_answer_for_them(void **state)
{
	struct sample *sample = *state;

	sample->it.kind = TOCSIN_SOURCE;
	sample->it.source = &sample->source;
	sample->it.items = TOCSIN_JOBS;
	refused(sample, "lack the function 'call'");
	sample->it.source = &sample->source;
	sample->source.call = call_it;
	accepted(sample);
	assert_int_equal(sample->out.it.items, TOCSIN_JOBS);
	sample->it.items = TOCSIN_CHECKS + 1;
	refused(sample, ".items");
}

static void judges_schedules_and_zones(void **state)
{
	static const enum tocsin_option_type types[] = {TOCSIN_SCHEDULE, TOCSIN_ZONE};
	struct sample *sample = *state;
	struct tocsin_option *option = &sample->options[0];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		option->type = types[i];
		option->offset = 0;
		accepted(sample);
		option->offset = sizeof(struct config) - 1;
		refused(sample, "outside its configuration");
	}
}

static void judges_the_options_of_a_list(void **state)
{
	struct sample *sample = *state;
	struct tocsin_option *list = &sample->options[3];

	list->type = TOCSIN_SECTIONS;
	list->offset = 0;
	list->item_size = sizeof(struct config);
	accepted(sample);
	list->item_size = 0;
	refused(sample, "'deep' has an impossible .item_size");
	list->item_size = sizeof(struct config) + 1;
	refused(sample, "not aligned in every item");
	list->item_size = sizeof(struct config);
	list->offset = sizeof(struct config) - 1;
	refused(sample, "outside its configuration");
}

static void refuses_another_abi_before_anything_else(void **state)
{
	struct sample *sample = *state;

	sample->it.abi = TOCSIN_ABI + 1;
	sample->it.size = 0;
	refused(sample, "ABI 2");
}

static void refuses_impossible_sizes_of_the_descriptor(void **state)
{
	struct sample *sample = *state;

	sample->it.size = 8;
	refused(sample, "impossible size 8");
	sample->it.size = sizeof(struct tocsin_plugin) + 8;
	refused(sample, "impossible size");
	assert_true(verify_descriptor(&sample->it, 4, &sample->out, &sample->err) < 0);
	assert_non_null(strstr(sample->err.text, "TOCSIN_PLUGIN"));
}

static void takes_only_what_it_knows_of_a_newer_plugin(void **state)
{
	struct sample *sample = *state;
	struct {
		struct tocsin_channel_ops known;
		void *unknown[3];
	} newer = {.known = sample->channel};

	newer.known.size = sizeof(newer);
	sample->it.channel = &newer.known;
	accepted(sample);
	assert_int_equal(sample->out.channel.size, sizeof(struct tocsin_channel_ops));
}

static void names_the_missing_function(void **state)
{
	struct sample *sample = *state;

	sample->channel.open = NULL;
	refused(sample, "'open'");
	sample->channel.open = open_it;
	sample->channel.deliver = NULL;
	refused(sample, "'deliver'");
	sample->it.kind = TOCSIN_SOURCE;
	refused(sample, "without .source");
	sample->it.kind = TOCSIN_STORE;
	sample->it.store = &sample->store;
	refused(sample, ".store operations lack the function 'open'");
}

static void refuses_operations_of_impossible_size(void **state)
{
	struct sample *sample = *state;

	sample->channel.size = 0;
	refused(sample, "sizeof(struct tocsin_channel_ops)");
	sample->channel.size = SIZE_MAX;
	refused(sample, "impossible size");
}

static void refuses_bad_names_and_kinds(void **state)
{
	struct sample *sample = *state;

	sample->it.name = "Bell";
	refused(sample, ".name");
	sample->it.name = "../bell";
	refused(sample, ".name");
	sample->it.name = NULL;
	refused(sample, ".name");
	sample->it.name = "bell";
	sample->it.kind = 9;
	refused(sample, ".kind 9");
	sample->it.kind = TOCSIN_CHANNEL;
	sample->it.summary = NULL;
	refused(sample, ".summary");
}

static void refuses_options_outside_the_configuration(void **state)
{
	struct sample *sample = *state;

	sample->it.config_size = offsetof(struct config, port) + 4;
	refused(sample, "'port' lies outside");
	sample->it.config_size = sizeof(struct config) - 8;
	refused(sample, "'names' lies outside");
	sample->it.config_size = sizeof(struct config);
	sample->options[1].offset = SIZE_MAX - 3;
	refused(sample, "'port' lies outside");
	sample->options[1].offset = 4;
	refused(sample, "'port' lies outside");
}

static void refuses_options_that_make_no_sense(void **state)
{
	struct sample *sample = *state;

	sample->options[2].type = 99;
	refused(sample, "'quiet' has the unknown type 99");
	sample->options[2].type = TOCSIN_CHOICE;
	sample->options[2].offset = 8;
	refused(sample, "no .choices");
	sample->options[2].name = "port";
	refused(sample, "'port' is there twice");
	sample->options[1].size = 0;
	refused(sample, "option number 2 is not made with TOCSIN_OPTION");
	sample->options[0].help = NULL;
	refused(sample, "no .help");
	sample->it.option_size = 1;
	refused(sample, ".option_size 1");
}

static void refuses_a_count_without_options(void **state)
{
	struct sample *sample = *state;

	sample->it.options = NULL;
	refused(sample, ".option_count");
	sample->it.option_count = 0;
	accepted(sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(judges_schedules_and_zones, setup),
		cmocka_unit_test_setup(judges_the_options_of_a_list, setup),
		cmocka_unit_test_setup(accepts_a_whole_channel, setup),
		cmocka_unit_test_setup(accepts_a_whole_source, setup),
		cmocka_unit_test_setup(whoever_has_items_must_answer_for_them, setup),
		cmocka_unit_test_setup(refuses_another_abi_before_anything_else, setup),
		cmocka_unit_test_setup(refuses_impossible_sizes_of_the_descriptor, setup),
		cmocka_unit_test_setup(takes_only_what_it_knows_of_a_newer_plugin, setup),
		cmocka_unit_test_setup(names_the_missing_function, setup),
		cmocka_unit_test_setup(refuses_operations_of_impossible_size, setup),
		cmocka_unit_test_setup(refuses_bad_names_and_kinds, setup),
		cmocka_unit_test_setup(refuses_options_outside_the_configuration, setup),
		cmocka_unit_test_setup(refuses_options_that_make_no_sense, setup),
		cmocka_unit_test_setup(refuses_a_count_without_options, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
