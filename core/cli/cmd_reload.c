/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

static const struct option_row options[] = {OPTIONS_ONLINE};

static int run(struct cli *cli)
{
	json_t *answer, *problem;
	size_t i;
	int status;

	cli->patience_ms = CLIENT_LONG_MS; /* for deliveries under way */
	status = cli_request(cli, "POST", "/api/v1/reload", NULL, &answer);

	if (cli->json && answer) {
		cli_print_json(cli, json_incref(answer));
	} else if (status == STATUS_DONE) {
		buffer_puts(&cli->out, "the new configuration is in force\n");
	} else {
		json_array_foreach(json_object_get(answer, "problems"), i, problem)
		{
			output_safe(&cli->out, json_string_value(problem));
			buffer_putc(&cli->out, '\n');
		}
	}
	json_decref(answer);
	return status;
}

const struct command command_reload = {
	.name = "reload",
	.operands = "",
	.summary = "read the configuration again",
	.description =
		"Makes the daemon read its configuration again. It is checked whole and taken "
		"over at once, or nothing changes and every mistake is printed. Log files "
		"are opened anew, as after SIGHUP.",
	.examples = "  tocsin reload\n",
	.no = "the configuration is not valid; the old one stays in force",
	OPTIONS(options),
	.run = run,
};
