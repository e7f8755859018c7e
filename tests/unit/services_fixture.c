/* SPDX-License-Identifier: Apache-2.0 */
#include "services_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "config/service.h"

extern const struct tocsin_plugin tocsin_plugin;

/* --- in place of the loader --- */

struct db_config {
	const char *path;
};
static const struct tocsin_option db_options[] = {
	TOCSIN_OPTION(PATH, struct db_config, path, .help = "File."),
};
static struct plugin webhook;
static const struct plugin db = {.it = {.kind = TOCSIN_STORE,
					.name = "db",
					.option_size = sizeof(struct tocsin_option),
					.options = db_options,
					.option_count = 1,
					.config_size = sizeof(struct db_config)}};
static const struct plugin *const plugins[] = {&webhook, &db};
static char services_directory[512], tests_directory[512];

const struct plugin *loader_find(const struct loader *loader, enum tocsin_kind kind,
				 const char *name)
{
	(void)loader;
	for (size_t i = 0; i < 2; i++)
		if (plugins[i]->it.kind == kind && strcmp(plugins[i]->it.name, name) == 0)
			return plugins[i];
	return NULL;
}

const struct plugin *const *loader_all(const struct loader *loader, size_t *n)
{
	(void)loader;
	*n = 2;
	return plugins;
}

const char *loader_services(const struct loader *loader)
{
	(void)loader;
	return services_directory;
}

const char *loader_kind_name(enum tocsin_kind kind)
{
	return kind == TOCSIN_CHANNEL ? "channel" : kind == TOCSIN_SOURCE ? "source" : "store";
}

/* --- a channel of every service --- */

static char scratch[] = "/tmp/tocsin-services-XXXXXX";
static char config_directory[64], credentials[64];
static struct settings *settings;
static struct log *silent;
static struct renderer *renderer;

static void write_file(const char *directory, const char *name, const char *text)
{
	char path[192];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* What the example refers to: a credential with a value that one can recognise. */
static void give_credential(const struct tocsin_option *option)
{
	const char *at = strstr(option->example, "${cred:");
	char name[96], value[160];

	if (!at)
		return;
	at += strlen("${cred:");
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, "}"), at);
	snprintf(value, sizeof(value), "%sS3cret+%s",
		 option->type == TOCSIN_SECRET_URL ? "https://hooks.example.com/" : "", name);
	write_file(credentials, name, value);
}

static void add_channel(struct buffer *conf, const struct service *service)
{
	buffer_printf(conf, "  %s:\n    type: %s\n", service->name, service->name);
	for (size_t i = 0; i < service->n_options; i++) {
		const struct tocsin_option *option = &service->option[i];

		if (!option->required)
			continue;
		give_credential(option);
		buffer_printf(conf, "    %s: %s\n", option->name, option->example);
	}
	if (service->recipients)
		buffer_puts(conf, "    to: [\"+15550100\"]\n");
}

static void write_configuration(void)
{
	struct problems problems = {0};
	struct options_context context = {.problems = &problems, .arena = arena_new()};
	struct services services = {0};
	struct buffer conf = {0};

	services_scan(&services, &context, services_directory);
	for (size_t i = 0; i < problems.n; i++)
		print_error("%s\n", problems.text[i]);
	assert_int_equal(problems.n, 0);
	assert_true(services.n >= 40);
	buffer_puts(&conf, "store: {type: db}\nchannels:\n");
	for (size_t i = 0; i < services.n; i++)
		add_channel(&conf, services.item[i]);
	buffer_puts(&conf, "default: {channels: []}\n");
	write_file(config_directory, "a.yaml", buffer_text(&conf));
	buffer_done(&conf);
	services_done(&services);
	arena_free(context.arena);
	problems_done(&problems);
}

int services_set_up(void **state)
{
	const char *top = getenv("srcdir");
	struct problems problems = {0};

	(void)state;
	top = top ? top : ".";
	snprintf(services_directory, sizeof(services_directory),
		 "%s/plugins/channels/webhook/services", top);
	snprintf(tests_directory, sizeof(tests_directory), "%s/tests/services", top);
	webhook.it = tocsin_plugin;
	webhook.channel = *tocsin_plugin.channel;
	if (!mkdtemp(scratch))
		return -1;
	snprintf(config_directory, sizeof(config_directory), "%s/conf.d", scratch);
	snprintf(credentials, sizeof(credentials), "%s/credentials", scratch);
	if (mkdir(config_directory, 0700) < 0 || mkdir(credentials, 0700) < 0 ||
	    setenv("CREDENTIALS_DIRECTORY", credentials, 1) < 0 ||
	    log_new(&silent, -1, LOG_TEXT, TOCSIN_LOG_DEBUG) < 0)
		return -1;
	write_configuration();
	settings_load(config_directory, NULL, silent, &problems, &settings);
	for (size_t i = 0; i < problems.n; i++)
		print_error("%s\n", problems.text[i]);
	problems_done(&problems);
	renderer = renderer_new(silent, NULL);
	return settings && renderer ? 0 : -1;
}

int services_tear_down(void **state)
{
	char command[128];

	(void)state;
	renderer_free(renderer);
	settings_free(settings);
	log_free(silent);
	snprintf(command, sizeof(command), "rm -r %s", scratch);
	return system(command);
}

const struct settings *services_settings(void)
{
	return settings;
}

void services_path(char path[640], const char *name)
{
	snprintf(path, 640, "%s/%s", tests_directory, name);
}

/* --- one channel --- */

static const struct template_set *rendered_set;
static const struct rendering *rendered;

static const char *text_of(struct tocsin_delivery *delivery, const struct tocsin_template *template)
{
	(void)delivery;
	return rendering_text(rendered_set, rendered, template);
}

void service_trial_begin(struct service_trial *trial, const struct channel_settings *channel)
{
	static const struct tocsin_host host = {.size = sizeof(host), .text = text_of};
	struct error err;

	*trial = (struct service_trial){.channel = channel};
	if (channel->templates->own->program &&
	    renderer_add(renderer, channel->templates->own, channel->name, &trial->program, &err) <
		    0)
		fail_msg("%s: %s", channel->name, err.text);
	assert_int_equal(webhook_assembly_init(&trial->assembly, &host, channel->config), 0);
}

void service_trial_end(struct service_trial *trial)
{
	webhook_assembly_done(&trial->assembly);
	rendering_free(trial->rendering);
	if (trial->program)
		renderer_remove(trial->program);
}

void service_trial_request(struct service_trial *trial, struct tocsin_delivery *delivery,
			   struct tocsin_request *request)
{
	struct render_job job = {.program = trial->program, .delivery = delivery};
	struct refusal refusal = {0};

	rendering_free(trial->rendering);
	/* On a machine that is very busy, the process may not get its share in time. */
	for (int tries = 0; trial->program && tries < 3 && (tries == 0 || job.errors > 0);
	     tries++) {
		rendering_free(job.rendering);
		renderer_render(renderer, &job, 1);
	}
	trial->rendering = job.rendering;
	rendered_set = trial->channel->templates->own;
	rendered = job.rendering;
	if (job.errors > 0)
		fail_msg("%s: %zu templates failed", trial->channel->name, job.errors);
	if (!webhook_request(&trial->assembly, delivery, SERVICES_NOW_MS, request, &refusal))
		fail_msg("%s: %s", trial->channel->name, refusal.why);
}
