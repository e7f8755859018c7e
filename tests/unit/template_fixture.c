/* SPDX-License-Identifier: Apache-2.0 */
#include "template_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "config/yaml.h"

void fixture_init(struct template_fixture *fixture)
{
	*fixture = (struct template_fixture){.arena = arena_new()};
	fixture->alert = (struct tocsin_alert){
		.size = sizeof(fixture->alert),
		.id = "0123456789abcdef0123456789abcdef",
		.source = "site-alerts",
		.fingerprint = "0123456789abcdef",
		.severity = TOCSIN_CRITICAL,
		.starts_at_ms = INT64_C(1763476245123), /* 2025-11-18T14:30:45.123Z */
		.labels = {fixture->labels, 0},
		.annotations = {fixture->annotations, 0},
	};
	fixture->delivery = (struct tocsin_delivery){
		.size = sizeof(fixture->delivery),
		.id = 7,
		.key = "fedcba9876543210fedcba9876543210",
		.recipient = "",
		.channel = "chat",
		.route = "default",
		.attempt = 1,
		.alert = &fixture->alert,
	};
	fixture_label(fixture, "site", "www.example.com");
	fixture_annotate(fixture, "summary", "disk is full");
}

void fixture_done(struct template_fixture *fixture)
{
	arena_free(fixture->arena);
	problems_done(&fixture->problems);
}

const struct tocsin_template *fixture_add(struct template_fixture *fixture, const char *name,
					  enum tocsin_option_type type, enum tocsin_escape escape,
					  const char *yaml)
{
	const struct tocsin_option option = {
		.size = sizeof(option), .type = type, .name = name, .escape = escape};
	const struct options_context context = {.arena = fixture->arena,
						.problems = &fixture->problems};
	const struct tocsin_template *template = NULL;
	struct node *root = NULL;

	if (yaml_read("t.yaml", yaml, strlen(yaml), &fixture->problems, &root) == 0)
		template = template_read(&context, "channel 'chat'", &option, root);
	node_free(root);
	if (template)
		fixture->entry[fixture->n++] = (struct template_entry){template, template, 0};
	return template;
}

const struct template_set *fixture_set(struct template_fixture *fixture)
{
	return template_set_make(fixture->arena, fixture->entry, fixture->n, NULL);
}

void fixture_label(struct template_fixture *fixture, const char *name, const char *value)
{
	assert_true(fixture->alert.labels.n < 8);
	fixture->labels[fixture->alert.labels.n++] = (struct tocsin_pair){name, value};
}

void fixture_annotate(struct template_fixture *fixture, const char *name, const char *value)
{
	assert_true(fixture->alert.annotations.n < 8);
	fixture->annotations[fixture->alert.annotations.n++] = (struct tocsin_pair){name, value};
}
