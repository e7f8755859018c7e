/* SPDX-License-Identifier: Apache-2.0 */
/* The tocsin command. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"

static void look_at_terminal(struct cli *cli)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize size = {0};

	cli->terminal = isatty(STDOUT_FILENO);
	cli->colour = cli->terminal && !(no_color && *no_color) &&
		      !(term && strcmp(term, "dumb") == 0);
	if (cli->terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		cli->width = size.ws_col;
}

static int finish(struct cli *cli, int status)
{
	if (cli_flush(cli) < 0 && status == STATUS_DONE)
		status = cli_error(STATUS_NO, "cannot write the output: %s", strerror(errno));
	client_free(cli->client);
	arguments_done(&cli->arguments);
	buffer_done(&cli->out);
	return status;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Of a group such as `dead`, or of all commands. */
static int overview(struct cli *cli, const char *group)
{
	if (arguments_overview(&cli->out, cli_commands, cli_n_commands, group) > 0)
		return finish(cli, STATUS_DONE);
	buffer_done(&cli->out);
	return cli_error(STATUS_USAGE, "there is no command '%.40s'; see 'tocsin --help'", group);
}

/* `tocsin help COMMAND` is `tocsin COMMAND --help`. */
static int help(struct cli *cli, int argc, char *const argv[])
{
	struct error err;
	int used;

	if (argc == 0)
		return overview(cli, NULL);
	cli->command = arguments_command(cli_commands, cli_n_commands, argc, argv, &used, &err);
	if (!cli->command)
		return overview(cli, argv[0]);
	arguments_help(&cli->out, cli->command);
	return finish(cli, STATUS_DONE);
}

static int run(struct cli *cli, int argc, char *const argv[])
{
	struct error err;
	int used;

	cli->command = arguments_command(cli_commands, cli_n_commands, argc, argv, &used, &err);
	if (!cli->command && argc > 1 && is_help(argv[1]))
		return overview(cli, argv[0]);
	if (!cli->command ||
	    arguments_parse(cli->command, argc - used, argv + used, &cli->arguments, &err) < 0)
		return cli_error(STATUS_USAGE, "%s", err.text);
	cli->json = cli_has(cli, "json");
	if (cli_has(cli, "help")) {
		arguments_help(&cli->out, cli->command);
		return finish(cli, STATUS_DONE);
	}
	return finish(cli, cli->command->run(cli));
}

int main(int argc, char *argv[])
{
	static char version[] = "version";
	struct cli cli = {0};

	look_at_terminal(&cli);
	if (argc < 2) {
		struct buffer text = {0};

		arguments_overview(&text, cli_commands, cli_n_commands, NULL);
		fputs(buffer_text(&text), stderr);
		buffer_done(&text);
		return STATUS_USAGE;
	}
	if (is_help(argv[1]))
		return overview(&cli, NULL);
	if (strcmp(argv[1], "help") == 0)
		return help(&cli, argc - 2, argv + 2);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		argv[1] = version;
	return run(&cli, argc - 1, argv + 1);
}
