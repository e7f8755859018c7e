# SPDX-License-Identifier: Apache-2.0
"""What a channel remembers of an alert is there for the next one, whatever happened between; and what
a program wrote is kept with the attempt."""

import pytest

from lib.canary import canary
from lib.tocsin import alert

# Writes the note that it recalled into a file, and makes the next one of it.
DIARY = r"""
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tocsin/plugin.h>

struct config { const char *path, *output; bool refuse; };

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(PATH, struct config, path, .required = true, .help = "Where to write."),
	TOCSIN_OPTION(SECRET, struct config, output, .preset = "", .help = "What to put out."),
	TOCSIN_OPTION(BOOL, struct config, refuse, .preset = "false", .help = "Try again for ever."),
};

struct diary { const struct tocsin_host *host; const struct config *config; };

static int diary_open(struct tocsin_self *self, const struct tocsin_host *host,
		      const void *config, void **state)
{
	struct diary *diary = calloc(1, sizeof(*diary));

	(void)self;
	if (!diary)
		return -ENOMEM;
	*diary = (struct diary){.host = host, .config = config};
	*state = diary;
	return 0;
}

static void diary_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	struct diary *diary = state;

	for (size_t i = 0; i < n; i++) {
		char *note = NULL, next[32];
		int result = diary->host->recall(batch[i], &note);
		FILE *out = fopen(diary->config->path, "a");

		fprintf(out, "%d %s\n", result, note ? note : "-");
		fclose(out);
		snprintf(next, sizeof(next), "%d", note ? atoi(note) + 1 : 1);
		free(note);
		diary->host->note(batch[i], next);
		if (*diary->config->output) {
			char text[8192] = "";
			size_t length = (size_t)snprintf(text, sizeof(text), "one\ttwo\n\x1b[31m\xff %s\n",
							 diary->config->output);

			memset(text + length, 'x', sizeof(text) - length);
			diary->host->output(batch[i], text, sizeof(text));
		}
		diary->host->done(batch[i], diary->config->refuse ? TOCSIN_RETRY : TOCSIN_DELIVERED,
				  0, "written down");
	}
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops), .open = diary_open, .deliver = diary_deliver, .close = free,
};

TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "diary", .version = "1", .summary = "remembers",
	      .options = options, .option_count = TOCSIN_COUNT(options),
	      .config_size = sizeof(struct config), .channel = &ops, .blocking = BLOCKING,
	      .concurrency = 1);
"""


@pytest.fixture(params=["true", "false"], ids=["worker", "engine"])
def diary(request, make_tocsin, stage, plugin_kit):
    """A daemon whose channel counts by its notes, and what it wrote down."""
    plugin_kit(DIARY.replace("BLOCKING", request.param), "diary")
    tocsin = make_tocsin(plugins=[stage.plugins, plugin_kit.directory])
    path = tocsin.directory.parent / "diary"
    settings(tocsin)
    return tocsin, lambda: path.read_text("utf-8").splitlines()


def settings(tocsin, **more):
    """Adds to the channel's settings."""
    channel = {"type": "diary", "path": str(tocsin.directory.parent / "diary"), **more}
    tocsin.configure(channels={"diary": channel})


def test_each_delivery_recalls_the_note_of_the_one_before(diary):
    """Also of one that was settled in the same moment, and after a kill."""
    tocsin, written = diary
    tocsin.start()
    tocsin.send(*[alert("one", site="a.example.com") for _ in range(20)])
    tocsin.wait_settled()
    assert written() == ["-2 -"] + [f"0 {n}" for n in range(1, 20)]
    tocsin.kill()
    tocsin.start()
    tocsin.send(alert("one", site="a.example.com"), alert("another", site="b.example.com"))
    tocsin.wait_settled()
    assert written()[20:] == ["0 20", "-2 -"]


def test_a_note_of_a_failed_attempt_is_kept_too(diary):
    tocsin, written = diary
    settings(tocsin, refuse=True,
             retry={"first": "50ms", "max": "50ms", "attempts": 3})
    tocsin.start()
    tocsin.send(alert("one"))
    tocsin.wait_counter("dead", 1)
    assert written() == ["-2 -", "0 1", "0 2"]


def test_what_a_program_wrote_is_kept_with_the_attempt(diary):
    """Cut, without controls, invalid bytes and secrets; shown by the API and by people's commands."""
    tocsin, _ = diary
    secret = canary("output")
    settings(tocsin, output=secret, refuse=True,
             retry={"first": "50ms", "max": "50ms", "attempts": 2})
    tocsin.start()
    tocsin.send(alert("one"))
    tocsin.wait_counter("dead", 1)
    number = tocsin.deliveries()[0]["id"]
    history = tocsin.delivery(number)["history"]
    assert len(history) == 2 and len({each["output"] for each in history}) == 1
    output = history[0]["output"]
    assert output.startswith("one\ttwo\n\\x1b[31m\ufffd ***\nxxx") and len(output.encode()) == 4096
    shown = tocsin.cli("dead", "show", number)
    assert f"output of try 1:\none\ttwo\n\\x1b[31m\ufffd ***\nxxx" in shown.stdout, shown
    assert shown.stdout.count("output of try") == len(history)


def test_attempts_without_output_say_nothing_of_it(diary):
    tocsin, _ = diary
    tocsin.start()
    tocsin.send(alert("one"))
    tocsin.wait_settled()
    number = tocsin.deliveries()[0]["id"]
    assert "output" not in tocsin.delivery(number)["history"][0]
    assert "output" not in tocsin.cli("deliveries", number).stdout
