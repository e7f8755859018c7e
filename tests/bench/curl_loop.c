/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The yardstick of delivery over HTTP: libcurl and nothing else. Posts bodies of
 * one size, so many at a time, from memory and without a thought for what
 * happens when the power goes.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "common.h"

struct loop {
	const char *url;
	size_t requests, at_once, size, first;
	size_t begun, done;
	CURLM *multi;
	struct curl_slist *headers;
};

struct post {
	CURL *easy;
	char *body;
};

static size_t swallow(char *data, size_t size, size_t n, void *unused)
{
	(void)data;
	(void)unused;
	return size * n;
}

static void begin(struct loop *loop, struct post *post)
{
	char token[TOKEN_LENGTH + 1];

	(void)snprintf(token, sizeof(token), TOKEN, loop->first + loop->begun++);
	memcpy(post->body + 7, token, TOKEN_LENGTH);
	(void)curl_multi_add_handle(loop->multi, post->easy);
}

static void prepare(struct loop *loop, struct post *post)
{
	post->body = malloc(loop->size + 1);
	post->easy = curl_easy_init();
	if (!post->body || !post->easy)
		die("out of memory");
	memset(post->body, 'x', loop->size);
	memcpy(post->body, "{\"id\":\"", 7);
	memcpy(post->body + loop->size - 2, "\"}", 3);
	(void)curl_easy_setopt(post->easy, CURLOPT_URL, loop->url);
	(void)curl_easy_setopt(post->easy, CURLOPT_POSTFIELDS, post->body);
	(void)curl_easy_setopt(post->easy, CURLOPT_POSTFIELDSIZE, (long)loop->size);
	(void)curl_easy_setopt(post->easy, CURLOPT_HTTPHEADER, loop->headers);
	(void)curl_easy_setopt(post->easy, CURLOPT_WRITEFUNCTION, swallow);
	(void)curl_easy_setopt(post->easy, CURLOPT_PRIVATE, post);
	(void)curl_easy_setopt(post->easy, CURLOPT_NOSIGNAL, 1L);
}

static void collect(struct loop *loop)
{
	struct CURLMsg *message;
	struct post *post;
	int left;

	while ((message = curl_multi_info_read(loop->multi, &left))) {
		if (message->data.result != CURLE_OK)
			die("a request failed: %s", curl_easy_strerror(message->data.result));
		loop->done++;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &post);
		(void)curl_multi_remove_handle(loop->multi, post->easy);
		if (loop->begun < loop->requests)
			begin(loop, post);
	}
}

static void run(struct loop *loop)
{
	struct post *posts = calloc(loop->at_once, sizeof(*posts));
	int64_t began = now_ns();
	double seconds;
	int running;

	if (!posts)
		die("out of memory");
	for (size_t i = 0; i < loop->at_once && loop->begun < loop->requests; i++) {
		prepare(loop, &posts[i]);
		begin(loop, &posts[i]);
	}
	while (loop->done < loop->requests) {
		(void)curl_multi_perform(loop->multi, &running);
		collect(loop);
		if (loop->done < loop->requests)
			(void)curl_multi_poll(loop->multi, NULL, 0, 1000, NULL);
	}
	seconds = (double)(now_ns() - began) / 1e9;
	(void)printf("{\"seconds\":%.4f}\n", seconds);
}

static const struct option known[] = {{"requests", required_argument, NULL, 'r'},
				      {"at-once", required_argument, NULL, 'a'},
				      {"size", required_argument, NULL, 's'},
				      {"first", required_argument, NULL, 'f'},
				      {0}};

int main(int argc, char *argv[])
{
	struct loop loop = {.requests = 1000, .at_once = 64, .size = 300};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (option == 'r')
			loop.requests = number_of(optarg, "--requests");
		else if (option == 'a')
			loop.at_once = number_of(optarg, "--at-once");
		else if (option == 's')
			loop.size = number_of(optarg, "--size");
		else if (option == 'f')
			loop.first = number_of(optarg, "--first");
		else
			return 2;
	}
	if (optind + 1 != argc || loop.size < TOKEN_LENGTH + 10 || !loop.at_once)
		die("usage: curl_loop [--OPTION N]... URL");
	loop.url = argv[optind];
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		die("libcurl does not start");
	loop.multi = curl_multi_init();
	loop.headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (!loop.multi || !loop.headers)
		die("out of memory");
	run(&loop);
	return 0;
}
