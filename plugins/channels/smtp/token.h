/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access tokens for xoauth2 and oauthbearer, which a program of the user's gives. One is kept until
 * it expires or a server refuses it. What the program prints is a secret: it is in no log and in no
 * sentence.
 */
#ifndef SMTP_TOKEN_H
#define SMTP_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/plugin.h>

#define SMTP_TOKEN_MAX 16384 /* bytes of a token */

/* All zero: there is none. */
struct smtp_token {
	char *text;
	int64_t until_ms; /* on the clock of now_ms; 0: not told */
	bool fresh;       /* no server has taken or refused it yet */
};

/* Makes sure that there is one that has not expired. 0, or negative errno and a sentence. */
int smtp_token_get(struct smtp_token *token, const struct tocsin_strings *command,
		   int64_t timeout_ms, int64_t now_ms, char *why, size_t why_size);
void smtp_token_forget(struct smtp_token *token);
/* Reads what a program has printed: a token, or JSON with one. wall_s: the time of day, for one that
 * says when it expires. 0 or -EINVAL. */
int smtp_token_read(struct smtp_token *token, char *text, size_t length, int64_t now_ms,
		    int64_t wall_s);

/* command.c: runs the command, which begins with the path of a program; its output into out. 0 and
 * the status of waitpid; negative errno: status is -1 when it did not even start. -ETIMEDOUT and
 * -E2BIG: it was ended. */
int smtp_command_output(const struct tocsin_strings *command, int64_t timeout_ms, char *out,
			size_t size, size_t *length, int *status);

#endif
