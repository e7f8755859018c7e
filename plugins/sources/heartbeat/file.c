/* SPDX-License-Identifier: Apache-2.0 */
/* Heartbeats that are the time of a file: `touch` is the ping. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "heartbeat.h"

static struct sighting look(const char *path, char sentence[BEAT_TEXT])
{
	struct stat st;
	struct sighting sighting = {.there = stat(path, &st) == 0};

	if (sighting.there) {
		sighting.value_ms =
			(int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
		/* 0 is none, and so old that it makes no difference */
		sighting.value_ms = sighting.value_ms > 0 ? sighting.value_ms : 1;
		return sighting;
	}
	snprintf(sentence, BEAT_TEXT, "%s",
		 errno == ENOENT ? "its file does not exist" : "its file cannot be looked at");
	sighting.text = sentence;
	return sighting;
}

void files_look(struct heartbeat *h, const struct moment *now)
{
	struct reading reading = {now->wall_ms, now->own_ms};
	char sentence[BEAT_TEXT];

	h->files_at_ms = now->own_ms + h->config->poll;
	for (size_t i = 0; h->has_files && i < h->n; i++) {
		struct beat *beat = h->beat[i];
		struct beat_state before = beat->state;
		struct sighting sighting;
		unsigned news;

		if (beat->feed != FEED_FILE)
			continue;
		sighting = look(beat->config->file, sentence);
		news = beat_sighting(&beat->state, &beat->expect, h->host, &sighting, &h->wall,
				     &reading, now);
		if (news)
			commit_change(h, beat, &before, news, NULL, now);
		else
			beats_replan(h, beat);
	}
	h->wall = reading;
}
