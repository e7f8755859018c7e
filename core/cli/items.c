/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/items.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/show.h"

void items_path(const struct cli *cli, const char *kind, const char *name, const char *verb,
		struct buffer *path)
{
	buffer_printf(path, "/api/v1/%s", kind);
	if (name) {
		buffer_putc(path, '/');
		client_add_part(path, name);
	}
	if (verb)
		buffer_printf(path, "/%s", verb);
	client_add_parameter(path, "source", cli_get(cli, "source"));
}

int items_list(struct cli *cli, const char *kind, json_t **items)
{
	struct buffer path = {0};
	json_t *answer;
	int status;

	items_path(cli, kind, NULL, NULL, &path);
	status = cli_request(cli, "GET", buffer_text(&path), NULL, &answer);
	buffer_done(&path);
	*items = json_incref(json_object_get(answer, kind));
	json_decref(answer);
	if (status == STATUS_DONE && !json_is_array(*items))
		status = cli_error(STATUS_NO, "the daemon's answer has no list of %s", kind);
	return status;
}

int items_ask(struct cli *cli, const char *kind, const char *name, const char *verb, json_t *body,
	      json_t **answer)
{
	struct buffer path = {0};
	int status;

	*answer = NULL;
	if (!*name) {
		json_decref(body);
		return cli_error(STATUS_USAGE, "the name is empty");
	}
	items_path(cli, kind, name, verb, &path);
	status = cli_request(cli, verb ? "POST" : "GET", buffer_text(&path), body, answer);
	buffer_done(&path);
	return status;
}

/* Whether it is worth a column. */
static bool several_sources(const json_t *items)
{
	const char *first = json_text_of(json_array_get(items, 0), "source");

	for (size_t i = 1; i < json_array_size(items); i++)
		if (strcmp(json_text_of(json_array_get(items, i), "source"), first) != 0)
			return true;
	return false;
}

int items_print(struct cli *cli, const struct items_table *layout)
{
	struct table table;
	json_t *items = NULL, *item;
	bool several;
	size_t i;
	int status = items_list(cli, layout->kind, &items);

	if (status == STATUS_DONE && cli->json) {
		cli_print_json(cli, items);
		return status;
	}
	several = several_sources(items);
	table_init(&table, layout->column, several ? layout->n : layout->n - 1);
	json_array_foreach(items, i, item)
	{
		layout->add(&table, item);
		if (several)
			table_add(&table, STYLE_PLAIN, json_text_of(item, "source"));
	}
	if (status == STATUS_DONE && json_array_size(items) > 0)
		table_print(&table, &cli->out, cli->colour, cli->width);
	else if (status == STATUS_DONE)
		buffer_printf(&cli->out, "%s\n", layout->none);
	table_done(&table);
	json_decref(items);
	return status;
}

int items_show(struct cli *cli, const char *kind, void (*show)(struct cli *cli, const json_t *item))
{
	json_t *item;
	int status = items_ask(cli, kind, cli_operand(cli, 0), NULL, NULL, &item);

	if (status == STATUS_DONE && cli->json)
		cli_print_json(cli, json_incref(item));
	else if (status == STATUS_DONE)
		show(cli, item);
	json_decref(item);
	return status;
}

static int order_one(struct cli *cli, const char *kind, const char *name, const char *verb)
{
	json_t *item;
	int status = items_ask(cli, kind, name, verb, json_object(), &item);
	const char *state = json_text_of(item, "state");

	if (status == STATUS_DONE && cli->json) {
		cli_print_json(cli, json_incref(item));
	} else if (status == STATUS_DONE) {
		output_styled(&cli->out, cli->colour, STYLE_BOLD, name);
		buffer_puts(&cli->out, ": ");
		output_styled(&cli->out, cli->colour, output_state_style(state),
			      *state ? state : "done");
		buffer_putc(&cli->out, '\n');
	}
	json_decref(item);
	return status;
}

/* One that is not there does not keep the others. */
int items_order(struct cli *cli, const char *kind, const char *verb)
{
	int worst = STATUS_DONE;

	for (size_t i = 0; i < cli->arguments.n_operands && worst <= STATUS_NO; i++) {
		int status = order_one(cli, kind, cli_operand(cli, i), verb);

		if (status > worst)
			worst = status;
	}
	return worst;
}

void items_value(struct buffer *text, const json_t *value, const char *unit)
{
	char *number;

	if (!value || json_is_null(value))
		return;
	if (json_is_string(value)) {
		buffer_puts(text, json_string_value(value));
	} else if (json_is_real(value)) {
		buffer_printf(text, "%.10g", json_real_value(value));
	} else {
		number = json_dumps(value, JSON_ENCODE_ANY);
		buffer_puts(text, number ? number : "");
		free(number);
	}
	if (*unit)
		buffer_printf(text, " %s", unit);
}
