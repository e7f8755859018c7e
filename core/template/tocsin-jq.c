/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tocsin-jq: evaluates the jq expressions of templates for the daemon that started it.
 *
 * libjq ends its process when memory is short and cannot be interrupted, and it works on hostile
 * data. So it lives here: without secrets, environment, files or network, with little memory, and
 * whoever waits for an answer kills it when it takes too long.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <jq.h>

#include "template/wire.h"

#define MEMORY (256 * 1024 * 1024)
#define FILES 16
#define DEPTH 32     /* of a document */
#define LONGEST_S 30 /* of any message: should the daemon be gone and nobody kill us */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
/* A sanitizer maps terabytes, so what is resident is limited. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "hard_rss_limit_mb=1536:quarantine_size_mb=16:detect_leaks=0";
}
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "hard_rss_limit_mb=1536";
}
#endif

struct program {
	uint32_t id;
	jq_state *jq;
	struct program *next;
};

/* Bytes that grow; when they cannot, the process ends, and the daemon knows what to do: so it is with
 * everything that goes wrong here. */
struct bytes {
	char *data;
	size_t length, room;
};

static struct program *programs;
static struct wire_progress *progress;

/* Room for at least so many. */
static void widen(struct bytes *bytes, size_t room)
{
	char *larger = realloc(bytes->data, room);

	if (!larger)
		_exit(1);
	bytes->data = larger;
	bytes->room = room;
}

static void add(struct bytes *bytes, const void *data, size_t length)
{
	if (!bytes->data || length > bytes->room - bytes->length)
		widen(bytes, 2 * (bytes->room + length) + 64);
	if (length > 0)
		memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
}

static void add_text(struct bytes *bytes, enum wire_value kind, const char *text, size_t length)
{
	char tag = (char)kind;
	uint32_t size = (uint32_t)length;

	add(bytes, &tag, 1);
	add(bytes, &size, sizeof(size));
	add(bytes, text, length);
}

/* --- messages --- */

static void receive(char *data, size_t length)
{
	while (length > 0) {
		ssize_t n = read(WIRE_SOCKET, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) /* the daemon is gone */
			_exit(0);
		data += n;
		length -= (size_t)n;
	}
}

static void answer(enum wire_message kind, const char *data, size_t length)
{
	char header[WIRE_HEADER] = {(char)kind};
	uint32_t size = (uint32_t)length;
	struct bytes message = {0};
	size_t sent = 0;

	memcpy(header + 1, &size, sizeof(size));
	add(&message, header, sizeof(header));
	add(&message, data, length);
	while (sent < message.length) {
		ssize_t n =
			send(WIRE_SOCKET, message.data + sent, message.length - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(0);
		sent += (size_t)n;
	}
	free(message.data);
}

/* What is left of a message. The daemon makes no mistakes; a damaged message ends the process. */
struct input {
	const char *at, *end;
};

static void take(struct input *input, void *data, size_t length)
{
	if ((size_t)(input->end - input->at) < length)
		_exit(1);
	memcpy(data, input->at, length);
	input->at += length;
}

static uint32_t take_u32(struct input *input)
{
	uint32_t value = 0;

	take(input, &value, sizeof(value));
	return value;
}

static jv take_text(struct input *input)
{
	uint32_t length = take_u32(input);
	jv text;

	if ((size_t)(input->end - input->at) < length)
		_exit(1);
	text = jv_string_sized(input->at, (int)length);
	input->at += length;
	return text;
}

static jv take_value(struct input *input, int depth)
{
	jv value;
	char kind;
	int64_t number;
	uint32_t n;

	if (depth > DEPTH)
		_exit(1);
	take(input, &kind, 1);
	switch ((enum wire_value)kind) {
	case WIRE_TRUE:
		return jv_true();
	case WIRE_FALSE:
		return jv_false();
	case WIRE_NUMBER:
		take(input, &number, sizeof(number));
		return jv_number((double)number);
	case WIRE_TEXT:
		return take_text(input);
	case WIRE_LIST:
		value = jv_array();
		for (n = take_u32(input); n > 0; n--)
			value = jv_array_append(value, take_value(input, depth + 1));
		return value;
	case WIRE_MAP:
		value = jv_object();
		for (n = take_u32(input); n > 0; n--) {
			jv name = take_text(input);

			value = jv_object_set(value, name, take_value(input, depth + 1));
		}
		return value;
	default:
		return jv_null();
	}
}

/* --- programs --- */

static struct program **find(uint32_t id)
{
	struct program **at = &programs;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void forget(uint32_t id)
{
	struct program **at = find(id), *program = *at;

	if (!program)
		return;
	*at = program->next;
	jq_teardown(&program->jq);
	free(program);
}

/* Of the first message what is worth reading: "jq: error: foo/0 is not defined at <top-level>, line
 * 12:" and all that follows would name a line of a program that nobody wrote. */
static void hear(void *data, jv message)
{
	static const char begin[] = "jq: error: ", quoting[] = " (Unix shell quoting issues?)";
	struct bytes *why = data;
	jv plain = jv_get_kind(message) == JV_KIND_STRING ? message : jv_dump_string(message, 0);
	const char *text = jv_string_value(plain), *stop;

	if (why->length == 0) {
		if (strncmp(text, begin, sizeof(begin) - 1) == 0)
			text += sizeof(begin) - 1;
		stop = strstr(text, " at <");
		if (!stop)
			stop = text + strcspn(text, "\n");
		if (strstr(text, quoting) && strstr(text, quoting) < stop)
			stop = strstr(text, quoting);
		add(why, text, (size_t)(stop - text));
	}
	jv_free(plain);
}

static void compile(struct input *input)
{
	uint32_t id = take_u32(input);
	size_t length = (size_t)(input->end - input->at);
	struct program *program = calloc(1, sizeof(*program));
	struct bytes source = {0}, why = {0};

	if (!program)
		_exit(1);
	program->jq = jq_init();
	if (!program->jq)
		_exit(1);
	add(&source, input->at, length);
	add(&source, "", 1);
	jq_set_error_cb(program->jq, hear, &why);
	if (jq_compile(program->jq, source.data)) {
		forget(id);
		program->id = id;
		program->next = programs;
		programs = program;
		answer(WIRE_DONE, "", 0);
		jq_set_error_cb(program->jq, NULL, NULL);
	} else {
		answer(WIRE_REFUSED, why.data ? why.data : "", why.length);
		jq_teardown(&program->jq);
		free(program);
	}
	free(source.data);
	free(why.data);
}

/* --- rendering --- */

static void add_error(struct bytes *out, jv error)
{
	jv text = jv_get_kind(error) == JV_KIND_STRING ? error : jv_dump_string(error, 0);
	size_t length = (size_t)jv_string_length_bytes(jv_copy(text));

	add_text(out, WIRE_ERROR, jv_string_value(text), length < 300 ? length : 300);
	jv_free(text);
}

/* A program gives [value] or [] for each expression, {"e": error} when it failed. */
static void add_result(struct bytes *out, jv result, size_t limit)
{
	jv value;

	if (jv_get_kind(result) != JV_KIND_ARRAY) {
		add_error(out, jv_get_kind(result) == JV_KIND_OBJECT
				       ? jv_object_get(result, jv_string("e"))
				       : (jv_free(result), jv_string("it gave nothing")));
		return;
	}
	value = jv_array_get(result, 0);
	if (jv_get_kind(value) == JV_KIND_INVALID || jv_get_kind(value) == JV_KIND_NULL) {
		char tag = WIRE_NULL;

		add(out, &tag, 1);
		jv_free(value);
		return;
	}
	enum wire_value kind = jv_get_kind(value) == JV_KIND_STRING ? WIRE_TEXT : WIRE_JSON;
	jv text = kind == WIRE_TEXT ? value : jv_dump_string(value, 0);
	size_t length = (size_t)jv_string_length_bytes(jv_copy(text));

	if (length > limit)
		add_error(out, jv_string("it gives too much text"));
	else
		add_text(out, kind, jv_string_value(text), length);
	jv_free(text);
}

static void run(jq_state *jq, jv document, uint32_t n, struct bytes *out)
{
	size_t begin = out->length;
	bool over = false;

	jq_start(jq, document, 0);
	for (uint32_t i = 0; i < n; i++) {
		jv result = jv_invalid();

		progress->value = i;
		if (!over)
			result = jq_next(jq);
		if (!jv_is_valid(result)) {
			over = true;
			jv error = jv_invalid_get_msg(result);

			add_error(out, jv_get_kind(error) == JV_KIND_NULL
					       ? (jv_free(error), jv_string("it gave nothing"))
					       : error);
			continue;
		}
		size_t used = out->length - begin;

		add_result(out, result, used < WIRE_OUTPUT ? WIRE_OUTPUT - used : 0);
	}
}

static void render(struct input *input, struct bytes *out)
{
	uint32_t jobs = take_u32(input);

	out->length = 0;
	for (uint32_t i = 0; i < jobs; i++) {
		uint32_t id = take_u32(input), n = take_u32(input), length = take_u32(input);
		struct program *program = *find(id);
		struct input document = {input->at, input->at + length};

		if ((size_t)(input->end - input->at) < length || !program)
			_exit(1);
		progress->job = i;
		progress->value = 0;
		run(program->jq, take_value(&document, 0), n, out);
		input->at += length;
	}
	answer(WIRE_DONE, out->data, out->length);
}

/* --- the process --- */

static void limit(int resource, rlim_t most)
{
	const struct rlimit limits = {most, most};

	if (setrlimit((__rlimit_resource_t)resource, &limits) != 0)
		_exit(1);
}

static void shut_in(void)
{
#ifdef SYS_close_range
	(void)syscall(SYS_close_range, WIRE_PROGRESS + 1, ~0U, 0);
#endif
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, FILES);
#ifndef SANITIZED
	limit(RLIMIT_AS, MEMORY);
#endif
}

static void serve(void)
{
	struct bytes message = {0}, out = {0};
	char header[WIRE_HEADER];
	uint32_t length;

	for (;;) {
		struct input input;

		receive(header, sizeof(header));
		memcpy(&length, header + 1, sizeof(length));
		if (length > WIRE_MESSAGE)
			_exit(1);
		if (!message.data || length > message.room)
			widen(&message, (size_t)length + 1);
		receive(message.data, length);
		input = (struct input){message.data, message.data + length};
		alarm(LONGEST_S);
		if (header[0] == WIRE_COMPILE)
			compile(&input);
		else if (header[0] == WIRE_FORGET)
			forget(take_u32(&input));
		else if (header[0] == WIRE_RENDER)
			render(&input, &out);
		else
			_exit(1);
		alarm(0);
	}
}

int main(void)
{
	int kind = 0;
	socklen_t size = sizeof(kind);

	if (getsockopt(WIRE_SOCKET, SOL_SOCKET, SO_TYPE, &kind, &size) == 0)
		progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED,
				WIRE_PROGRESS, 0);
	if (!progress || progress == MAP_FAILED) {
		fputs("tocsin-jq: tocsind starts this program to evaluate templates; it is of no "
		      "use to people\n",
		      stderr);
		return 2;
	}
	shut_in();
	serve();
}
