/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template/process: tocsin-jq, the process that evaluates expressions: started,
 * asked, and killed when it takes too long. Not locked: the owner does that.
 */
#ifndef TEMPLATE_PROCESS_H
#define TEMPLATE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"
#include "template/wire.h"

struct process {
	pid_t pid;                      /* 0: not running */
	int socket;
	struct wire_progress *progress; /* what it works on; NULL before the first start */
	int memory;                     /* descriptor of that */
	unsigned int generation;        /* counts starts: programs of an earlier one are gone */
};

void process_init(struct process *process);
/* Ends it and frees what it had. */
void process_done(struct process *process);
/* Starts it unless it runs. 0, or a negative errno with the sentence. path: the program. */
int process_start(struct process *process, const char *path, struct error *err);
void process_kill(struct process *process);

/*
 * Sends a message and waits for its answer: the kind of the answer, its content in reply. When the
 * process needs more than so much of its processor time (or eight times as long by the clock) for one of
 * the jobs in it, it is killed: -ETIMEDOUT. When it ended: -EPIPE, or -ECONNRESET when somebody killed it from outside.
 * -ENOMEM: it was killed, too.
 */
int process_ask(struct process *process, enum wire_message kind, const char *content,
		size_t length, int64_t deadline_ms, struct buffer *reply);
/* Sends one that has no answer. */
int process_tell(struct process *process, enum wire_message kind, const char *content,
		 size_t length);

/* Where tocsin-jq is: $TOCSIN_JQ, else where it was installed. */
const char *process_path(void);

#endif
