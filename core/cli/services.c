/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/services.h"

#include "cli/output.h"
#include "config/describe.h"

#define OPTION_SIZE sizeof(struct tocsin_option)

static const struct ability {
	const char *name;
	size_t offset;
	const char *words;
} abilities[] = {
	{"threads", offsetof(struct service_supports, threads), "threads"},
	{"update", offsetof(struct service_supports, update), "changes when an alert is over"},
	{"rich_text", offsetof(struct service_supports, rich_text), "rich text"},
	{"links", offsetof(struct service_supports, links), "links"},
	{"idempotency", offsetof(struct service_supports, idempotency),
	 "repetitions that show once"},
};
#define N_ABILITIES (sizeof(abilities) / sizeof(abilities[0]))

static bool is_able(const struct service *service, size_t i)
{
	return *(const bool *)((const char *)&service->supports + abilities[i].offset);
}

static json_t *supports_json(const struct service *service)
{
	json_t *object = json_object();

	for (size_t i = 0; i < N_ABILITIES; i++)
		json_object_set_new(object, abilities[i].name, json_boolean(is_able(service, i)));
	return object;
}

/* A key of the definition that is one text, or NULL. */
static const char *channel_text(const struct service *service, const char *key)
{
	const struct node *node = node_get(service->channel, key);

	return node && node->kind == NODE_SCALAR ? node->text : NULL;
}

json_t *service_json(const struct service *service)
{
	return json_pack("{ss ss ss ss* ss* sb ss* so}", "name", service->name, "kind", "service",
			 "plugin", service->plugin, "summary", service->summary, "documentation",
			 service->documentation, "recipients", (int)service->recipients, "rate",
			 channel_text(service, "rate"), "supports", supports_json(service));
}

/* "rich text, links"; nothing when there is nothing. */
static void add_abilities(struct buffer *out, const struct service *service)
{
	bool first = true;

	for (size_t i = 0; i < N_ABILITIES; i++) {
		if (!is_able(service, i))
			continue;
		buffer_printf(out, "%s%s", first ? "" : ", ", abilities[i].words);
		first = false;
	}
	if (first)
		buffer_puts(out, "nothing special");
}

static void print_text(struct cli *cli, const struct service *service)
{
	output_styled(&cli->out, cli->colour, STYLE_BOLD, service->name);
	buffer_printf(&cli->out, " (service of the channel %s)\n", service->plugin);
	output_safe(&cli->out, service->summary);
	buffer_puts(&cli->out, "\nSupports: ");
	add_abilities(&cli->out, service);
	if (service->documentation) {
		buffer_puts(&cli->out, "\n");
		output_safe(&cli->out, service->documentation);
	}
	buffer_puts(&cli->out, "\n");
	output_safe(&cli->out, service->place.file);
	buffer_puts(&cli->out, "\n\nOptions:\n");
	describe_text(&cli->out, service->option, OPTION_SIZE, service->n_options,
		      cli->width ? (int)cli->width : 78);
	buffer_printf(&cli->out,
		      "\nFurther options: those of every channel, see tocsin.yaml(5), and of %s.\n",
		      service->plugin);
}

static void add_example(struct buffer *out, const struct service *service)
{
	buffer_printf(out, "# EXAMPLE\n\n    channels:\n      my-%s:\n        type: %s\n",
		      service->name, service->name);
	for (size_t i = 0; i < service->n_options; i++)
		if (service->option[i].required)
			buffer_printf(out, "        %s: %s\n", service->option[i].name,
				      service->option[i].example);
	if (service->recipients)
		buffer_puts(out, "        to: [...]\n");
	buffer_puts(out, "\n");
}

/* A manual page of section 7, as plugins have it. */
static void print_markdown(struct cli *cli, const struct service *service)
{
	struct buffer *out = &cli->out;
	const char *rate = channel_text(service, "rate");

	buffer_printf(out, "# NAME\n\ntocsin-%s - %s\n\n# DESCRIPTION\n\n", service->name,
		      service->summary);
	buffer_printf(out,
		      "A service of the channel **%s**: tocsin-%s(7) says how requests are "
		      "made and answers understood.\n\nIt supports: ",
		      service->plugin, service->plugin);
	add_abilities(out, service);
	buffer_puts(out, ".");
	if (rate)
		buffer_printf(out, " Its rate is %s when the channel does not say otherwise.",
			      rate);
	if (service->documentation)
		buffer_printf(out, "\n\nThe vendor's documentation: <%s>", service->documentation);
	buffer_puts(out, "\n\n");
	add_example(out, service);
	buffer_puts(out, "# OPTIONS\n\n");
	describe_markdown(out, service->option, OPTION_SIZE, service->n_options);
	buffer_printf(out,
		      "\nThe options that every channel has are in tocsin.yaml(5); those of %s may "
		      "be written here, too.\n\n# SEE ALSO\n\ntocsin(1), tocsin.yaml(5), "
		      "tocsin-services(5), tocsin-%s(7)\n",
		      service->plugin, service->plugin);
}

int service_print(struct cli *cli, const struct service *service)
{
	json_t *json;

	if (cli_has(cli, "markdown")) {
		print_markdown(cli, service);
	} else if (cli_has(cli, "schema")) {
		cli_print_json(cli,
			       describe_schema(service->option, OPTION_SIZE, service->n_options));
	} else if (cli->json) {
		json = service_json(service);
		json_object_set_new(
			json, "options",
			describe_json(service->option, OPTION_SIZE, service->n_options));
		cli_print_json(cli, json);
	} else {
		print_text(cli, service);
	}
	return STATUS_DONE;
}
