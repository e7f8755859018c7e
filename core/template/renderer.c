/* SPDX-License-Identifier: Apache-2.0 */
#include "template/renderer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "template/compose.h"
#include "template/document.h"
#include "template/process.h"
#include "template/renderer_parts.h"

#define RESTART_MS 5000      /* pause after a start that failed */
#define ENOUGH (1024 * 1024) /* bytes of a message: what is left has another */

struct renderer *renderer_new(struct log *log, const char *path)
{
	struct renderer *renderer = calloc(1, sizeof(*renderer));

	if (!renderer)
		return NULL;
	renderer->log = log;
	renderer->path = path ? path : process_path();
	process_init(&renderer->process);
	pthread_mutex_init(&renderer->lock, NULL);
	return renderer;
}

void renderer_free(struct renderer *renderer)
{
	if (!renderer)
		return;
	process_done(&renderer->process);
	pthread_mutex_destroy(&renderer->lock);
	free(renderer);
}

/* --- programs --- */

/* Called with the lock held. */
static int compile(struct renderer *renderer, uint32_t id, const char *jq, struct error *err)
{
	struct buffer content = {0}, reply = {0};
	int result = process_start(&renderer->process, renderer->path, err);

	if (result < 0)
		return result;
	buffer_add(&content, &id, sizeof(id));
	buffer_puts(&content, jq);
	if (content.failed)
		result = error_set(err, -ENOMEM, "out of memory");
	else
		result = process_ask(&renderer->process, WIRE_COMPILE, content.data, content.length,
				     RENDERER_COMPILE_MS, &reply);
	if (result == WIRE_REFUSED)
		result = error_set(err, -EINVAL, "%s", buffer_text(&reply));
	else if (result == -EPIPE || result == -ECONNRESET)
		error_set(err, result,
			  "%s ended while it read a program; is it of this version, and "
			  "is there memory?",
			  renderer->path);
	else if (result < 0)
		error_set(err, result, "%s: %s", renderer->path, strerror(-result));
	buffer_done(&content);
	buffer_done(&reply);
	return result < 0 ? result : 0;
}

static void forget(struct renderer *renderer, uint32_t id)
{
	if (renderer->process.pid > 0)
		process_tell(&renderer->process, WIRE_FORGET, (const char *)&id, sizeof(id));
}

int renderer_judge(struct renderer *renderer, const char *jq, struct error *err)
{
	int result;

	pthread_mutex_lock(&renderer->lock);
	result = compile(renderer, 0, jq, err);
	if (result == 0)
		forget(renderer, 0);
	pthread_mutex_unlock(&renderer->lock);
	return result;
}

int renderer_add(struct renderer *renderer, const struct template_set *set, const char *channel,
		 struct renderer_program **added, struct error *err)
{
	struct renderer_program *program =
		calloc(1, sizeof(*program) + set->n * sizeof(atomic_bool));
	int result;

	if (!program)
		return error_set(err, -ENOMEM, "out of memory");
	program->renderer = renderer;
	program->set = set;
	program->channel = channel;
	pthread_mutex_lock(&renderer->lock);
	program->id = ++renderer->last_id;
	result = compile(renderer, program->id, set->program, err);
	program->generation = renderer->process.generation;
	pthread_mutex_unlock(&renderer->lock);
	if (result < 0) {
		free(program);
		return result;
	}
	*added = program;
	return 0;
}

void renderer_remove(struct renderer_program *program)
{
	struct renderer *renderer;

	if (!program)
		return;
	renderer = program->renderer;
	pthread_mutex_lock(&renderer->lock);
	if (program->generation == renderer->process.generation)
		forget(renderer, program->id);
	pthread_mutex_unlock(&renderer->lock);
	free(program);
}

/* --- trouble --- */

static const struct template_entry *entry_of_value(const struct template_set *set, size_t value)
{
	for (size_t i = 0; i < set->n; i++) {
		if (value >= set->entry[i].first &&
		    value < set->entry[i].first + set->entry[i].source->n)
			return &set->entry[i];
	}
	return NULL;
}

void renderer_tell(const struct renderer_program *program, size_t value, const char *text)
{
	const struct template_expression *expression = program->set->value[value];
	const struct template_entry *entry = entry_of_value(program->set, value);

	log_write(program->renderer->log, TOCSIN_LOG_WARNING, program->channel,
		  "%s:%d:%d: template '%s': {{ %.60s }} %s; the built-in text takes its place",
		  expression->place.file, expression->place.line, expression->place.column,
		  entry ? entry->source->name : "", expression->jq, text);
}

static bool is_off(const struct renderer_program *program, int64_t now)
{
	return now < program->off_until_ms;
}

/* The program did not end, or brought the process down. After a rest one more is enough. Called with
 * the lock held. */
static void strike(struct renderer_program *program, size_t value, const char *text)
{
	int64_t now = clock_boot_ms();

	if (now - program->struck_ms > RENDERER_REST_MS + RENDERER_REST_MS / 2)
		program->strikes = 0;
	if (program->strikes == 0)
		program->struck_ms = now;
	program->strikes++;
	if (value < program->set->n_values)
		renderer_tell(program, value, text);
	if (program->strikes < RENDERER_STRIKES)
		return;
	program->strikes = RENDERER_STRIKES - 1;
	program->struck_ms = program->off_until_ms = now + RENDERER_REST_MS;
	log_write(program->renderer->log, TOCSIN_LOG_ERROR, program->channel,
		  "its templates are switched off for a minute, because evaluating them does not "
		  "end well; the built-in texts take their place");
}

/* --- one batch --- */

/* A batch: which jobs are still to be done, and the message that asks for them. */
struct batch {
	struct renderer *renderer;
	struct render_job *job;
	size_t n;   /* becomes less when the first message is full */
	bool *open; /* of each job */
	struct buffer message, reply;
};

static void add_u32(struct buffer *out, size_t number)
{
	uint32_t value = (uint32_t)number;

	buffer_add(out, &value, sizeof(value));
}

static void add_document(struct buffer *out, const struct render_job *job, int64_t now_ms)
{
	const struct template_set *set = job->program->set;
	const struct document_context context = {
		.members = set->members,
		.now_ms = now_ms,
		.options = set->options,
		.options_length = set->options_length,
	};

	document_add(out, job->delivery, &context);
}

static void add_job(struct buffer *out, const struct render_job *job, int64_t now_ms)
{
	size_t begin;
	uint32_t length;

	add_u32(out, job->program->id);
	add_u32(out, job->program->set->n_values);
	add_u32(out, 0);
	begin = out->length;
	add_document(out, job, now_ms);
	length = (uint32_t)(out->length - begin);
	if (!out->failed)
		memcpy(out->data + begin - sizeof(length), &length, sizeof(length));
}

/* Returns how many jobs are in the message. What is too much for one is not of this batch. */
static size_t make_message(struct batch *batch)
{
	int64_t now = clock_boot_ms(), wall = clock_wall_ms();
	size_t n = 0;
	uint32_t count;

	buffer_clear(&batch->message);
	add_u32(&batch->message, 0);
	for (size_t i = 0; i < batch->n; i++) {
		batch->open[i] = batch->open[i] && !is_off(batch->job[i].program, now);
		if (!batch->open[i])
			continue;
		add_job(&batch->message, &batch->job[i], wall);
		n++;
		if (batch->message.length > ENOUGH)
			batch->n = i + 1;
	}
	count = (uint32_t)n;
	if (!batch->message.failed)
		memcpy(batch->message.data, &count, sizeof(count));
	return batch->message.failed ? 0 : n;
}

/* Programs that an earlier process knew are compiled again. Called with the lock held. */
static int make_ready(struct batch *batch)
{
	struct renderer *renderer = batch->renderer;
	struct error err;
	int result = 0;

	if (renderer->process.pid == 0 && clock_boot_ms() < renderer->start_at_ms)
		return -EAGAIN;
	for (size_t i = 0; result == 0 && i < batch->n; i++) {
		struct renderer_program *program = batch->job[i].program;

		if (!batch->open[i] || (renderer->process.pid > 0 &&
					program->generation == renderer->process.generation))
			continue;
		result = compile(renderer, program->id, program->set->program, &err);
		if (result == 0)
			program->generation = renderer->process.generation;
	}
	if (result < 0 && result != -ECONNRESET) { /* killed from outside: try again at once */
		renderer->start_at_ms = clock_boot_ms() + RESTART_MS;
		log_write(renderer->log, TOCSIN_LOG_ERROR, "templates",
			  "%s; the built-in texts take the place of templates", err.text);
	}
	return result;
}

/* The job of the batch that was the nth in the message. */
static size_t nth_open(const struct batch *batch, size_t nth)
{
	for (size_t i = 0; i < batch->n; i++) {
		if (batch->open[i] && nth-- == 0)
			return i;
	}
	return batch->n;
}

/* What was being worked on goes without, the rest is tried again. Called with the lock held. */
static void blame(struct batch *batch, int result)
{
	const struct wire_progress *progress = batch->renderer->process.progress;
	size_t guilty = nth_open(batch, progress->job);

	if (result == -ECONNRESET || guilty == batch->n)
		return; /* somebody killed the process: try again */
	batch->open[guilty] = false;
	batch->job[guilty].errors = batch->job[guilty].program->set->n;
	strike(batch->job[guilty].program, progress->value,
	       result == -ETIMEDOUT ? "takes too long" : "needs too much memory, or libjq failed");
}

/* Asks until there is an answer. 0: it is in reply. Called with the lock held. */
static int ask(struct batch *batch)
{
	/* each turn closes a job, unless the process is killed from outside again and again */
	for (int turn = 0; turn < 2 * RENDERER_STRIKES; turn++) {
		int result;

		if (make_message(batch) == 0)
			return -ENODATA;
		result = make_ready(batch);
		if (result == -ECONNRESET)
			continue;
		if (result < 0)
			return result;
		result = process_ask(&batch->renderer->process, WIRE_RENDER, batch->message.data,
				     batch->message.length, RENDERER_DEADLINE_MS, &batch->reply);
		if (result == WIRE_DONE)
			return 0;
		if (result == -ENOMEM)
			return result;
		blame(batch, result);
	}
	return -EIO;
}

static void read_reply(struct batch *batch)
{
	const char *at = buffer_text(&batch->reply), *end = at + batch->reply.length;

	for (size_t i = 0; i < batch->n; i++) {
		if (batch->open[i] && rendering_make(&batch->job[i], &at, end) < 0)
			return; /* what follows cannot be read either */
	}
}

/* The first of the jobs, as many as one message takes. Returns how many that are. */
static size_t render_some(struct batch *batch)
{
	int result;

	pthread_mutex_lock(&batch->renderer->lock);
	result = ask(batch);
	pthread_mutex_unlock(&batch->renderer->lock);
	if (result == 0)
		read_reply(batch);
	return batch->n;
}

/* All jobs that have no rendering yet. */
static void render_with_jq(struct renderer *renderer, struct render_job *jobs, size_t n)
{
	struct batch batch = {.renderer = renderer, .open = calloc(n, sizeof(bool))};
	size_t done = batch.open ? 0 : n;

	while (done < n) {
		batch.job = jobs + done;
		batch.n = n - done;
		for (size_t i = 0; i < batch.n; i++)
			batch.open[i] = !batch.job[i].rendering;
		done += render_some(&batch);
	}
	free(batch.open);
	buffer_done(&batch.message);
	buffer_done(&batch.reply);
}

/* --- without the process --- */

struct scratch {
	struct buffer document, answer;
};

static void render_plain(struct render_job *job, int64_t now_ms, struct scratch *scratch)
{
	const struct template_set *set = job->program->set;
	struct buffer *answer = &scratch->answer;
	const char *at;

	buffer_clear(&scratch->document);
	buffer_clear(answer);
	add_document(&scratch->document, job, now_ms);
	if (scratch->document.failed)
		return;
	for (size_t i = 0; i < set->n_values; i++) {
		if (!plain_value(answer, &set->plain[i], scratch->document.data) ||
		    answer->length > WIRE_OUTPUT)
			return;
	}
	at = buffer_text(answer);
	if (!answer->failed)
		(void)rendering_make(job, &at, at + answer->length);
}

/* Those that can be; whatever is unusual is left to jq. Returns how many are left. */
static size_t render_plain_ones(struct render_job *jobs, size_t n)
{
	int64_t now_ms = clock_wall_ms();
	struct scratch scratch = {0};
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		if (jobs[i].program->set->plain)
			render_plain(&jobs[i], now_ms, &scratch);
		left += !jobs[i].rendering;
	}
	buffer_done(&scratch.document);
	buffer_done(&scratch.answer);
	return left;
}

void renderer_render(struct renderer *renderer, struct render_job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		jobs[i].rendering = NULL;
		jobs[i].errors = 0;
	}
	if (render_plain_ones(jobs, n) > 0)
		render_with_jq(renderer, jobs, n);
	for (size_t i = 0; i < n; i++) {
		if (!jobs[i].rendering)
			jobs[i].errors = jobs[i].program->set->n;
	}
}
