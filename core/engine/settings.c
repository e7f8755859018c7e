/* SPDX-License-Identifier: Apache-2.0 */
/* engine/settings: a directory of YAML files becomes one checked configuration. */
#include "engine/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "engine/settings_parts.h"
#include "policy/route_config.h"

#define SOCKET_PATH (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

void *loading_alloc(struct loading *loading, size_t n, size_t size)
{
	size_t bytes = n * size;
	void *memory = arena_alloc(loading->context.arena, bytes ? bytes : 1);

	if (!memory)
		problems_add(loading->context.problems, NULL, "memory is short");
	return memory;
}

char *loading_strdup(struct loading *loading, const char *text)
{
	char *copy = arena_strdup(loading->context.arena, text);

	if (!copy)
		problems_add(loading->context.problems, NULL, "memory is short");
	return copy;
}

/* A secret that cannot be masked must not be used. */
static void hear_secret(const char *secret, void *data)
{
	struct loading *loading = data;

	if (loading->log && log_secret(loading->log, secret) < 0)
		problems_add(loading->context.problems, NULL, "memory is short");
}

/* A section of the core; without it its presets apply. */
static int fill_section(struct loading *loading, const struct entry *entry, const char *what,
			const struct table *table, void *into)
{
	struct options_table filled = {
		.option = table->option,
		.n = table->n,
		.option_size = sizeof(struct tocsin_option),
		.into = into,
	};

	return options_fill(&loading->context, entry->value,
			    entry->value ? &entry->place : &loading->whole, what, &filled, 1, NULL);
}

/* "0660": three octal digits, perhaps behind a zero. */
static int parse_mode(const char *text, int64_t *mode)
{
	const char *digit = *text == '0' ? text + 1 : text;

	if (strlen(digit) != 3 || strspn(digit, "01234567") != 3)
		return -EINVAL;
	*mode = (digit[0] - '0') * 64 + (digit[1] - '0') * 8 + (digit[2] - '0');
	return 0;
}

static const struct place *place_of(const struct entry *entry, const char *key)
{
	const struct node *value = node_get(entry->value, key);

	return value ? &value->place : &entry->place;
}

static void read_api(struct loading *loading, const struct entry *entry)
{
	struct settings *settings = loading->settings;
	struct api_keys keys = {0};

	if (fill_section(loading, entry, "api", &table_api, &keys) < 0)
		return;
	if (!keys.socket)
		keys.socket = "";
	settings->api.socket = keys.socket;
	if (*keys.socket != '\0' && *keys.socket != '/')
		problems_add(loading->context.problems, place_of(entry, "socket"),
			     "api: socket must be an absolute path, or empty for none");
	if (strlen(keys.socket) > SOCKET_PATH)
		problems_add(loading->context.problems, place_of(entry, "socket"),
			     "api: the path of the socket has %zu bytes; %zu is the most",
			     strlen(keys.socket), SOCKET_PATH);
	settings->api.spool = keys.spool ? keys.spool : "";
	if (*settings->api.spool && *settings->api.spool != '/')
		problems_add(loading->context.problems, place_of(entry, "spool"),
			     "api: spool must be an absolute path, or empty for none");
	if (parse_mode(keys.mode, &settings->api.socket_mode) < 0)
		problems_add(loading->context.problems, place_of(entry, "mode"),
			     "api: mode must be permissions in octal, such as \"0660\"");
}

static void read_alias(struct loading *loading, const struct entry *entry)
{
	struct severity_aliases *aliases = &loading->settings->aliases;
	struct problems *problems = loading->context.problems;
	enum tocsin_severity severity;

	for (int i = 0; i < SEVERITY_COUNT; i++) {
		if (strcasecmp(entry->name, severity_name((enum tocsin_severity)i)) == 0) {
			problems_add(
				problems, &entry->place,
				"severities: '%s' is a severity and cannot be an alias; choose "
				"another name",
				entry->name);
			return;
		}
	}
	if (*entry->name == '\0' || strlen(entry->name) >= 64 || strpbrk(entry->name, ",+ \t\n")) {
		problems_add(problems, &entry->place,
			     "severities: an alias has 1 to 63 bytes and no comma, plus or space");
		return;
	}
	if (entry->value->kind != NODE_SCALAR ||
	    severity_parse(entry->value->text, NULL, &severity) < 0) {
		problems_add(problems, &entry->value->place,
			     "severities: alias '%s' must stand for debug, info, notice, warning, "
			     "error, critical or emergency",
			     entry->name);
		return;
	}
	aliases->alias[aliases->n].name = loading_strdup(loading, entry->name);
	aliases->alias[aliases->n].severity = severity;
	if (aliases->alias[aliases->n].name)
		aliases->n++;
}

static void read_aliases(struct loading *loading, const struct entries *entries)
{
	struct severity_aliases *aliases = &loading->settings->aliases;

	aliases->alias = loading_alloc(loading, entries->n, sizeof(*aliases->alias));
	if (!aliases->alias)
		return;
	for (size_t i = 0; i < entries->n; i++)
		read_alias(loading, &entries->entry[i]);
}

/* Routes may name every channel that is written, also one that has mistakes of its own. */
static void read_routes(struct loading *loading, const struct sections *sections)
{
	const struct entries *channels = &sections->channels;
	const char **name = loading_alloc(loading, channels->n, sizeof(*name));
	struct route_config config = {
		.options = &loading->context,
		.aliases = &loading->settings->aliases,
		.channel = name,
		.n_channels = channels->n,
		.place = &loading->whole,
		.complete = loading->complete,
		.templates = settings_note_route_templates,
		.data = loading,
	};

	if (!name)
		return;
	for (size_t i = 0; i < channels->n; i++)
		name[i] = channels->entry[i].name;
	route_config_read(&config, sections->routes, sections->n_routes, sections->fallback.value,
			  &loading->settings->routes);
}

static void read_sections(struct loading *loading, struct sections *sections)
{
	struct settings *settings = loading->settings;

	fill_section(loading, &sections->log, "log", &table_log, settings);
	fill_section(loading, &sections->history, "history", &table_history, settings);
	fill_section(loading, &sections->dead_alerts, "dead_alerts", &table_dead_alerts, settings);
	read_api(loading, &sections->api);
	read_aliases(loading, &sections->aliases);
	loading->templates = &sections->templates;
	loading->template_used =
		loading_alloc(loading, sections->templates.n, sizeof(*loading->template_used));
	if (!loading->template_used)
		return;
	settings_read_store(loading, &sections->store);
	settings_read_services(loading, &sections->services);
	settings_read_channels(loading, &sections->channels);
	settings_check_fallbacks(loading, &sections->channels);
	settings_read_sources(loading, &sections->sources);
	read_routes(loading, sections);
	settings_finish_templates(loading);
}

static struct settings *settings_new(void)
{
	struct settings *settings = calloc(1, sizeof(*settings));

	if (!settings)
		return NULL;
	settings->arena = arena_new();
	if (!settings->arena) {
		free(settings);
		return NULL;
	}
	return settings;
}

static void load(struct loading *loading, const char *directory, const struct documents *documents)
{
	struct sections sections = {0};

	loading->settings->directory = loading_strdup(loading, directory);
	sections_collect(loading, documents, &sections);
	read_sections(loading, &sections);
	loading->templates = NULL; /* it points into the sections */
	sections_done(&sections);
}

int settings_load(const char *directory, const struct loader *loader, struct log *log,
		  struct problems *problems, struct settings **settings)
{
	size_t before = problems->added;
	struct documents documents;
	int rc = documents_read(directory, problems, &documents);
	struct loading loading = {
		.loader = loader,
		.log = log,
		.settings = settings_new(),
		.whole = {.file = directory},
		.complete = rc == 0,
	};

	loading.context = (struct options_context){
		.problems = problems,
		.secret = hear_secret,
		.secret_data = &loading,
	};
	if (!loading.settings)
		problems_add(problems, NULL, "memory is short");
	else
		loading.context.arena = loading.settings->arena;
	/* Without any file there is nothing else to say than why. */
	if (loading.settings && (rc == 0 || documents.n > 0)) {
		load(&loading, directory, &documents);
		rc = 0;
	}
	services_done(&loading.services);
	documents_done(&documents);
	if (problems->added == before) {
		*settings = loading.settings;
		return 0;
	}
	/* Names and matchers, too, may be made of ${...}, and are quoted by those who do not know. */
	for (size_t i = before; log && i < problems->n; i++)
		log_mask(log, problems->text[i]);
	problems_sort(problems);
	settings_free(loading.settings);
	return rc < 0 ? rc : -EINVAL;
}

void settings_free(struct settings *settings)
{
	if (!settings)
		return;
	if (settings->routes.root)
		route_done(settings->routes.root);
	for (size_t i = 0; i < settings->n_channels; i++)
		json_decref(settings->channel[i].options);
	arena_free(settings->arena);
	free(settings);
}

const struct channel_settings *settings_channel(const struct settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->n_channels; i++) {
		/* A name for which memory was short is a problem already. */
		if (settings->channel[i].name && strcmp(settings->channel[i].name, name) == 0)
			return &settings->channel[i];
	}
	return NULL;
}
