/* SPDX-License-Identifier: Apache-2.0 */
/* common/headline: the first line of an alert in a chat, "🚨 CRITICAL: disk is full". */
#ifndef COMMON_HEADLINE_H
#define COMMON_HEADLINE_H

#include <tocsin/alert.h>

#include "clip.h"

void headline_put(struct clip *clip, const struct tocsin_alert *alert, enum clip_escape escape);

#endif
