/* SPDX-License-Identifier: Apache-2.0 */
/* serve/request: reads a request, refuses what is no request of ours, and sends the answer. */
#ifndef SERVE_REQUEST_H
#define SERVE_REQUEST_H

#include "serve/call.h"

/* The headers are there; call->match is set. */
enum MHD_Result request_begin(struct call *call, const char *method, const char *path);
/* More of the body, its end (*upload_size 0), or the call was resumed. */
enum MHD_Result request_continue(struct call *call, const char *upload, size_t *upload_size);

#endif
