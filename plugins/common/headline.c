/* SPDX-License-Identifier: Apache-2.0 */
#include "headline.h"

#include "notice.h"

void headline_put(struct clip *clip, const struct tocsin_alert *alert, enum clip_escape escape)
{
	const char *own = notice_headline(alert);

	if (own) {
		clip_line(clip, own, escape);
		return;
	}
	clip_mark(clip, notice_emoji(alert));
	clip_mark(clip, " ");
	clip_mark(clip, notice_heading(alert));
	clip_mark(clip, ": ");
	clip_line(clip, notice_title(alert), escape);
}
