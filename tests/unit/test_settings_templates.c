/* SPDX-License-Identifier: Apache-2.0 */
/* What `templates` of channels and routes make of a configuration, judged by the real jq. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/settings.h"

struct words {
	const struct tocsin_template *title, *message, *url, *body;
};
static const struct tocsin_option words_options[] = {
	TOCSIN_OPTION(TEMPLATE, struct words, title, .text = true, .help = "Title."),
	TOCSIN_OPTION(TEMPLATE, struct words, message, .text = true, .help = "Message."),
	TOCSIN_OPTION(TEMPLATE, struct words, url, .escape = TOCSIN_ESCAPE_URI, .help = "URL."),
	TOCSIN_OPTION(STRUCTURE, struct words, body, .help = "Body."),
};
static const struct plugin plugins[] = {
	{.it = {.kind = TOCSIN_CHANNEL,
		.name = "chat",
		.option_size = sizeof(struct tocsin_option),
		.options = words_options,
		.option_count = TOCSIN_COUNT(words_options),
		.config_size = sizeof(struct words)}},
	{.it = {.kind = TOCSIN_CHANNEL,
		.name = "mute",
		.option_size = sizeof(struct tocsin_option)}},
	{.it = {.kind = TOCSIN_STORE, .name = "db", .option_size = sizeof(struct tocsin_option)}},
};
static const struct plugin *const all[] = {&plugins[0], &plugins[1], &plugins[2]};

const struct plugin *loader_find(const struct loader *loader, enum tocsin_kind kind,
				 const char *name)
{
	(void)loader;
	for (size_t i = 0; i < TOCSIN_COUNT(all); i++) {
		if (all[i]->it.kind == kind && strcmp(all[i]->it.name, name) == 0)
			return all[i];
	}
	return NULL;
}

const struct plugin *const *loader_all(const struct loader *loader, size_t *n)
{
	(void)loader;
	*n = TOCSIN_COUNT(all);
	return all;
}

const char *loader_services(const struct loader *loader)
{
	(void)loader;
	return NULL;
}

const char *loader_kind_name(enum tocsin_kind kind)
{
	return kind == TOCSIN_CHANNEL ? "channel" : "store";
}

struct load {
	char directory[64], path[96], words[96];
	struct problems problems;
	struct settings *settings;
};

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void load(struct load *load, const char *yaml)
{
	if (!*load->directory) {
		snprintf(load->directory, sizeof(load->directory), "/tmp/tocsin-test-XXXXXX");
		assert_non_null(mkdtemp(load->directory));
		snprintf(load->path, sizeof(load->path), "%s/a.yaml", load->directory);
		snprintf(load->words, sizeof(load->words), "%s/words.txt", load->directory);
	}
	settings_free(load->settings);
	problems_done(&load->problems);
	load->problems = (struct problems){0};
	load->settings = NULL;
	if (yaml)
		write_file(load->path, yaml);
	(void)settings_load(load->directory, NULL, NULL, &load->problems, &load->settings);
}

static void done(struct load *load)
{
	settings_free(load->settings);
	problems_done(&load->problems);
	unlink(load->path);
	unlink(load->words);
	rmdir(load->directory);
}

static const struct settings *good(struct load *it, const char *yaml)
{
	load(it, yaml);
	if (!it->settings)
		fail_msg("%s", it->problems.n ? it->problems.text[0] : "no problem, no settings");
	return it->settings;
}

/* Exactly this one problem. */
static void bad(const char *yaml, const char *sentence)
{
	struct load it = {0};
	const char *said;

	load(&it, yaml);
	assert_null(it.settings);
	for (size_t i = 0; i < it.problems.n; i++) {
		said = strstr(it.problems.text[i], "a.yaml:");
		if (it.problems.n != 1 || !said || strcmp(said + 7, sentence) != 0)
			fail_msg("%zu problems, one is: %s", it.problems.n, it.problems.text[i]);
	}
	done(&it);
}

#define STORE "store: {type: db}\n"
#define DEFAULT "default: {channels: [c]}\n"

/* What the channel says for a route, of the template in a field of its configuration. */
static const struct tocsin_template *source(const struct settings *settings, const char *channel,
					    const char *route, size_t field)
{
	const struct channel_settings *found = settings_channel(settings, channel);
	const struct words *config = found->config;
	const struct tocsin_template *const options[] = {config->title, config->message,
							 config->url, config->body};
	const struct template_entry *entry;

	if (!found->templates)
		return NULL;
	entry = template_set_find(template_sets_of(found->templates, route), options[field]);
	return entry ? entry->source : NULL;
}

static void expect(const struct settings *settings, const char *channel, const char *route,
		   size_t field, const char *words)
{
	const struct tocsin_template *found = source(settings, channel, route, field);

	if (!words) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found->text.piece[0].text, words);
}

static void the_route_comes_before_the_channel_and_the_channel_before_a_set(void **state)
{
	struct load it = {0};
	const struct settings *settings;

	(void)state;
	settings = good(&it,
			STORE "templates:\n"
			      "  short: {title: 'set {{ .title }}', message: 'set'}\n"
			      "channels:\n"
			      "  c: {type: chat, templates: short, title: 'own {{ .title }}'}\n"
			      "  d: {type: chat, templates: {message: 'inline {{ .message }}'}}\n"
			      "  e: {type: chat}\n"
			      "  m: {type: mute}\n"
			      "routes:\n"
			      "  - name: r\n"
			      "    templates: {title: 'route {{ .title }}'}\n"
			      "    channels: [c, d, e, m]\n"
			      "    routes:\n"
			      "      - {name: below, match: [a=b]}\n"
			      "      - {name: other, match: [a=c], templates: short}\n" DEFAULT);
	expect(settings, "c", "default", 0, "own ");
	expect(settings, "c", "default", 1, "set");
	expect(settings, "c", "r", 0, "route ");
	expect(settings, "c", "r", 1, "set");
	expect(settings, "c", "below", 0, "route ");
	expect(settings, "c", "other", 0, "set ");
	expect(settings, "d", "default", 0, NULL);
	expect(settings, "d", "default", 1, "inline ");
	expect(settings, "d", "r", 0, "route ");
	expect(settings, "d", "r", 1, "inline ");
	expect(settings, "e", "default", 0, NULL);
	expect(settings, "e", "r", 0, "route ");
	expect(settings, "e", "gone", 0, NULL);
	assert_null(settings_channel(settings, "m")->templates);
	done(&it);
}

static void mistakes_name_their_place_and_what_was_meant(void **state)
{
	(void)state;
	bad(STORE "channels: {c: {type: chat, templates: {titel: x}}}\n" DEFAULT,
	    "2:40: channel 'c': there is no text 'titel'; did you mean 'title'?");
	bad(STORE "channels: {c: {type: chat, templates: {body: x}}}\n" DEFAULT,
	    "2:40: channel 'c': there is no text 'body'; the known ones are title, message");
	bad(STORE "channels: {c: {type: mute, templates: {title: x}}}\n" DEFAULT,
	    "2:40: channel 'c': there is no text 'title'; there are none here, take it out");
	bad(STORE "channels: {c: {type: chat, title: x, templates: {title: y}}}\n" DEFAULT,
	    "2:50: channel 'c': 'title' is there twice, here and as a key of the channel; keep "
	    "one");
	bad(STORE "templates: {short: {title: x}}\n"
		  "channels: {c: {type: chat, templates: shrot}}\n" DEFAULT,
	    "3:39: channel 'c': no templates 'shrot'; did you mean 'short'?");
	bad(STORE "channels: {c: {type: chat, templates: short}}\n" DEFAULT,
	    "2:39: channel 'c': no templates 'short'; define them under templates:");
	bad(STORE "channels: {c: {type: chat, templates: [a]}}\n" DEFAULT,
	    "2:39: channel 'c': templates must be the name of a set, or texts such as {title: "
	    "\"{{ .title }}\"}");
	bad(STORE "templates: {short: {titel: x}}\nchannels: {c: {type: chat}}\n" DEFAULT,
	    "2:21: templates 'short': there is no text 'titel'; did you mean 'title'?");
	bad(STORE "templates: {short: {title: '{{ .a '}}\nchannels: {c: {type: chat}}\n" DEFAULT,
	    "2:35: templates 'short': 'title': in '{{ .a ': there is no closing '}}'; add it, or "
	    "write {{ \"{{\" }} for the two characters themselves");
	bad(STORE "channels: {c: {type: chat}}\nroutes: [{templates: {messge: x}, channels: "
		  "[c]}]\n" DEFAULT,
	    "3:23: route 'routes[0]': there is no text 'messge'; did you mean 'message'?");
}

static void jq_is_asked_and_told_where(void **state)
{
	(void)state;
	bad(STORE "channels: {c: {type: chat, title: 'a {{ .a | f }} {{ .b }}'}}\n" DEFAULT,
	    "2:41: channel 'c': 'title': '{{ .a | f }}' is not a jq expression: f/0 is not "
	    "defined");
	bad(STORE "channels:\n  c:\n    type: chat\n    body:\n      a: [1, '{{ if }}']\n" DEFAULT,
	    "6:18: channel 'c': 'body': '{{ if }}' is not a jq expression: syntax error, "
	    "unexpected ')'");
	/* Two channels of one route, one mistake. */
	bad(STORE "channels: {c: {type: chat}, d: {type: chat}}\n"
		  "routes: [{templates: {title: '{{ f }}'}, channels: [c, d]}]\n" DEFAULT,
	    "3:34: route 'routes[0]': 'title': '{{ f }}' is not a jq expression: f/0 is not "
	    "defined");
}

static void secrets_stay_out_of_expressions_and_of_what_people_read(void **state)
{
	struct load it = {0};
	const struct settings *settings;

	(void)state;
	assert_int_equal(setenv("TEMPLATE_SECRET", "hunter2{{ .x }}\\(.y)", 1), 0);
	bad(STORE "channels: {c: {type: chat, title: 'a ${env:TEMPLATE_SECRET}'}}\n" DEFAULT,
	    "2:35: channel 'c': 'title': people read this text, so it cannot hold ${...}");
	bad(STORE "channels: {c: {type: chat, url: '{{ \"${env:TEMPLATE_SECRET}\" }}'}}\n" DEFAULT,
	    "2:34: channel 'c': 'url': in '{{ \"${env:TEMPLATE_SECRET}\" }}': '${' stands for a "
	    "secret; it stays outside of the braces");
	/* What a secret holds is no template. */
	settings =
		good(&it, STORE
		     "channels: {c: {type: chat, url: 'x/${env:TEMPLATE_SECRET}/{{ .id }}', title: "
		     "'{{ .title }}'}}\n" DEFAULT);
	assert_string_equal(source(settings, "c", "", 2)->text.piece[0].text,
			    "x/hunter2{{ .x }}\\(.y)/");
	assert_int_equal(source(settings, "c", "", 2)->n, 1);
	assert_null(strstr(settings_channel(settings, "c")->templates->own->program, "hunter2"));
	done(&it);
}

static const char *digest_again(struct load *it, const char *yaml, const char *channel)
{
	static char digest[8][64];
	static int turn;

	turn = (turn + 1) % 8;
	snprintf(digest[turn], sizeof(digest[turn]), "%s",
		 settings_channel(good(it, yaml), channel)->digest);
	return digest[turn];
}

static void a_reload_sees_every_change_of_words(void **state)
{
	struct load it = {0};
	char yaml[512];
	const char *first;

	(void)state;
	load(&it, STORE); /* makes the directory */
	write_file(it.words, "one {{ .title }}\n");
	snprintf(yaml, sizeof(yaml),
		 STORE "templates: {t: {title: {file: %s}}}\nchannels: {c: {type: chat, "
		       "templates: t}, d: {type: chat}}\n" DEFAULT,
		 it.words);
	first = digest_again(&it, yaml, "c");
	assert_string_equal(first, digest_again(&it, NULL, "c"));
	write_file(it.words, "two {{ .title }}\n");
	assert_string_not_equal(first, digest_again(&it, NULL, "c"));
	first = digest_again(&it,
			     STORE "templates: {t: {title: a}}\nchannels: {c: {type: chat, "
				   "templates: t}, d: {type: chat}}\n" DEFAULT,
			     "c");
	assert_string_not_equal(
		first, digest_again(&it,
				    STORE "templates: {t: {title: b}}\nchannels: {c: {type: "
					  "chat, templates: t}, d: {type: chat}}\n" DEFAULT,
				    "c"));
	first = digest_again(&it,
			     STORE "channels: {c: {type: chat}, d: {type: chat}}\nroutes: "
				   "[{templates: {title: a}, channels: [c]}]\n" DEFAULT,
			     "c");
	assert_string_not_equal(first,
				digest_again(&it,
					     STORE "channels: {c: {type: chat}, d: {type: chat}}\n"
						   "routes: [{templates: {title: b}, channels: "
						   "[c]}]\n" DEFAULT,
					     "c"));
	first = digest_again(&it, NULL, "d");
	assert_string_equal(first, digest_again(&it,
						STORE "channels: {c: {type: chat}, d: {type: "
						      "chat}}\n" DEFAULT,
						"d"));
	done(&it);
}

static void without_the_program_that_evaluates_it_says_so(void **state)
{
	struct load it = {0};
	char kept[512];

	(void)state;
	snprintf(kept, sizeof(kept), "%s", getenv("TOCSIN_JQ") ? getenv("TOCSIN_JQ") : "");
	assert_int_equal(setenv("TOCSIN_JQ", "/nonexistent/tocsin-jq", 1), 0);
	load(&it, STORE "channels: {c: {type: chat, title: '{{ .title }}'}}\n" DEFAULT);
	assert_null(it.settings);
	assert_int_equal(it.problems.n, 1);
	assert_non_null(strstr(it.problems.text[0], "/nonexistent/tocsin-jq"));
	/* Nobody needs it for words without expressions. */
	good(&it, STORE "channels: {c: {type: chat, title: 'constant'}}\n" DEFAULT);
	assert_int_equal(setenv("TOCSIN_JQ", kept, 1), 0);
	done(&it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_route_comes_before_the_channel_and_the_channel_before_a_set),
		cmocka_unit_test(mistakes_name_their_place_and_what_was_meant),
		cmocka_unit_test(jq_is_asked_and_told_where),
		cmocka_unit_test(secrets_stay_out_of_expressions_and_of_what_people_read),
		cmocka_unit_test(a_reload_sees_every_change_of_words),
		cmocka_unit_test(without_the_program_that_evaluates_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
