/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzzers share: an input cut into texts, an alert made of them, and
 * judges of what comes out.
 *
 * Each fuzz_NAME.c is one function that libFuzzer, AFL++ or replay.c calls with an
 * input; a judge that does not hold ends the process. Its seeds and the inputs of
 * mistakes that were mended are the files of corpus/NAME, which `make check`
 * replays on every build.
 */
#ifndef FUZZ_H
#define FUZZ_H

#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/plugin.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of an input. */
struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

/* The next text, up to a NUL or the end; NULL when nothing is left. For the caller to free(); its
 * memory is not a byte longer than the text, so that the address sanitizer sees who reads on. */
char *fuzz_text(struct fuzz_input *input);
/* All that is left as one text: what stands behind a NUL in it is not seen by those who take
 * strings. */
char *fuzz_rest(struct fuzz_input *input);

/* A directory of this process, made by the first call and removed at its end. */
const char *fuzz_directory(void);

/* Valid UTF-8, judged apart from the code under test. */
bool fuzz_is_utf8(const char *text, size_t length);
/* Valid UTF-8 without controls: no C0 but those in `but`, no DEL, no C1, no line separators and
 * nothing that turns the direction of reading. */
bool fuzz_is_clean(const char *text, size_t length, const char *but);

/*
 * An alert from the texts that are left, each of which begins with what it is:
 *	lNAME=VALUE label, aNAME=VALUE annotation, rADDRESS recipient, sNAME severity by its
 *	name, S0...S6 by its number, t0...t2 status, Lhttps://... link, bMS and eMS times
 */
#define FUZZ_PAIRS 80
struct fuzz_alert {
	struct tocsin_alert alert;
	struct tocsin_pair label[FUZZ_PAIRS], annotation[FUZZ_PAIRS];
	const char *recipient[FUZZ_PAIRS];
	char *text[4 * FUZZ_PAIRS]; /* what all of that points into */
	size_t n_texts;
};
void fuzz_alert_read(struct fuzz_alert *fuzz, struct fuzz_input *input);
void fuzz_alert_done(struct fuzz_alert *fuzz);

/* The same as a channel gets it: completed and checked by the core, in a delivery. NULL when the
 * core refuses it. */
struct fuzz_delivery {
	struct tocsin_delivery pub;
	struct alert *alert;
};
bool fuzz_delivery_read(struct fuzz_delivery *delivery, struct fuzz_input *input);
void fuzz_delivery_done(struct fuzz_delivery *delivery);

#endif
