/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are of the open Internet: both ends of every range that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "delivery/address.h"

static const char *const closed[] = {
	"0.0.0.0",
	"0.255.255.255",
	"10.0.0.0",
	"10.255.255.255",
	"100.64.0.0",
	"100.127.255.255",
	"127.0.0.1",
	"127.255.255.255",
	"168.63.129.16",
	"169.254.0.0",
	"169.254.169.254",
	"169.254.255.255",
	"172.16.0.0",
	"172.31.255.255",
	"192.0.0.1",
	"192.0.2.255",
	"192.88.99.1",
	"192.168.0.0",
	"192.168.255.255",
	"198.18.0.0",
	"198.19.255.255",
	"198.51.100.7",
	"203.0.113.7",
	"224.0.0.1",
	"239.255.255.255",
	"240.0.0.1",
	"255.255.255.255",
	"::",
	"::1",
	"::7f00:1", /* IPv4-compatible, long abolished */
	"::ffff:127.0.0.1",
	"::ffff:10.1.2.3",
	"::ffff:169.254.169.254",
	"::ffff:0:127.0.0.1", /* IPv4-translated */
	"64:ff9b::127.0.0.1",
	"64:ff9b::a9fe:a9fe",
	"64:ff9b:1::1",
	"100::1",
	"2001::1", /* Teredo */
	"2001:1ff:ffff::1",
	"2001:db8::1",
	"2002:7f00:1::1",
	"2002:c0a8:101::1",
	"3fff:fff::1",
	"4000::1",
	"fc00::1",
	"fd00:ec2::254",
	"fdff:ffff::1",
	"fe80::1",
	"febf:ffff::1",
	"fec0::1",
	"ff02::1",
	"ffff::1",
};

static const char *const open_ones[] = {
	"1.0.0.0",          "9.255.255.255",   "11.0.0.0",        "100.63.255.255",
	"100.128.0.0",      "126.255.255.255", "128.0.0.0",       "168.63.129.15",
	"168.63.129.17",    "169.253.255.255", "169.255.0.0",     "172.15.255.255",
	"172.32.0.0",       "191.255.255.255", "192.0.1.0",       "192.0.3.0",
	"192.88.98.255",    "192.88.100.0",    "192.167.255.255", "192.169.0.0",
	"198.17.255.255",   "198.20.0.0",      "223.255.255.255", "::ffff:8.8.8.8",
	"64:ff9b::8.8.8.8", "2000::1",         "2001:200::1",     "2001:4860:4860::8888",
	"2002:808:808::1",  "2a00:1450::1",    "3fff:1000::1",    "3ffe:ffff::1",
};

static bool judge(const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return address_is_public((const struct sockaddr *)&in);
	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return address_is_public((const struct sockaddr *)&in6);
}

static void what_is_not_of_the_open_internet_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		if (judge(closed[i]) || address_text_is_public(closed[i]))
			fail_msg("%s counts as public", closed[i]);
	}
}

static void their_neighbours_are_public(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(open_ones) / sizeof(open_ones[0]); i++) {
		if (!judge(open_ones[i]) || !address_text_is_public(open_ones[i]))
			fail_msg("%s does not count as public", open_ones[i]);
	}
}

static void what_is_no_address_is_not_public(void **state)
{
	struct sockaddr local = {.sa_family = AF_UNIX};

	(void)state;
	assert_false(address_is_public(&local));
	assert_false(address_text_is_public(""));
	assert_false(address_text_is_public("example.com"));
	assert_false(address_text_is_public("8.8.8"));
	assert_false(address_text_is_public("fe80::1%eth0"));
	assert_false(address_text_is_public("2000::1%eth0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_of_the_open_internet_is_told),
		cmocka_unit_test(their_neighbours_are_public),
		cmocka_unit_test(what_is_no_address_is_not_public),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
