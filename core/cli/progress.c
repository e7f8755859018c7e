/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"

#define REDRAW_MS 100
#define WIDEST 50

struct progress {
	int fd;
	pthread_mutex_t lock;
	int64_t started_ms, drawn_ms;
	bool shown;
};

int progress_new(struct progress **result, int fd)
{
	struct progress *progress = calloc(1, sizeof(*progress));

	if (!progress)
		return -ENOMEM;
	progress->fd = fd;
	progress->started_ms = clock_boot_ms();
	pthread_mutex_init(&progress->lock, NULL);
	*result = progress;
	return 0;
}

static void put(const struct progress *progress, const char *text)
{
	if (write(progress->fd, text, strlen(text)) < 0)
		return; /* the terminal went away: the work goes on */
}

static void draw(struct progress *progress, int64_t done, int64_t of, int64_t now)
{
	struct winsize size = {.ws_col = 80};
	char line[256], bar[WIDEST + 1], left[UNITS_TEXT] = "-";
	int width, filled;

	ioctl(progress->fd, TIOCGWINSZ, &size);
	width = size.ws_col > 50 + WIDEST ? WIDEST : size.ws_col > 60 ? size.ws_col - 50 : 10;
	filled = (int)(done * width / of);
	memset(bar, '.', sizeof(bar));
	memset(bar, '#', (size_t)filled);
	bar[width] = '\0';
	if (done > 0)
		units_format_elapsed((now - progress->started_ms) * (of - done) / done, left);
	snprintf(line, sizeof(line), "\r[%s] %3d%%  %lld/%lld  %s left\x1b[K", bar,
		 (int)(done * 100 / of), (long long)done, (long long)of, left);
	put(progress, line);
}

bool progress_show(struct progress *progress, int64_t done, int64_t of)
{
	int64_t now = clock_boot_ms();

	if (of < PROGRESS_LEAST)
		return false;
	pthread_mutex_lock(&progress->lock);
	if (now - progress->drawn_ms >= REDRAW_MS || done >= of) {
		progress->drawn_ms = now;
		progress->shown = true;
		draw(progress, done > of ? of : done, of, now);
	}
	pthread_mutex_unlock(&progress->lock);
	return true;
}

void progress_free(struct progress *progress)
{
	if (!progress)
		return;
	if (progress->shown)
		put(progress, "\r\x1b[K");
	pthread_mutex_destroy(&progress->lock);
	free(progress);
}
