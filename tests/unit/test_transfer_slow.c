/* SPDX-License-Identifier: Apache-2.0 */
/* A name that nobody resolves costs its own request the time that it may take, and others none: all
 * requests have one thread. */
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "exchange.h"

#define LONGEST_MS 10000

static atomic_bool asked, over, answered;

/* In place of the C library's, on a thread of libcurl. */
int getaddrinfo(const char *restrict name, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
	(void)name, (void)service, (void)hints, (void)result;
	asked = true;
	for (int i = 0; i < LONGEST_MS && !over; i++)
		usleep(1000);
	answered = true;
	return EAI_AGAIN;
}

static void a_name_that_nobody_resolves_holds_up_no_longer_than_its_request_may(void **state)
{
	const struct tocsin_request request = {
		.size = sizeof(request), .url = "http://slow.example.com/", .timeout_ms = 100};
	struct transfer *transfer = transfer_new();
	struct exchange exchange;
	struct tocsin_reply reply;
	int64_t began_ms = clock_boot_ms();

	(void)state;
	if (LIBCURL_VERSION_NUM < 0x075700) /* it cannot be told */
		skip();
	assert_int_equal(exchange_init(&exchange), 0);
	exchange_run(&exchange, transfer, &request, &reply);
	assert_true(asked);
	assert_false(answered);
	assert_in_range(clock_boot_ms() - began_ms, 90, LONGEST_MS / 2);
	assert_int_equal(reply.status, 0);
	assert_non_null(strstr(reply.error, "timed out"));
	transfer_free(transfer);
	exchange_done(&exchange);
	assert_false(answered);
	over = true;
	for (int i = 0; i < LONGEST_MS && !answered; i++)
		usleep(1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_name_that_nobody_resolves_holds_up_no_longer_than_its_request_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
