/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/address.h"

#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#define OCTETS(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

/* What IANA keeps apart of IPv4, and one address more. */
static const struct range {
	uint32_t first;
	int bits;
} kept[] = {
	{OCTETS(0, 0, 0, 0), 8},        /* this network */
	{OCTETS(10, 0, 0, 0), 8},       /* private */
	{OCTETS(100, 64, 0, 0), 10},    /* shared by carriers */
	{OCTETS(127, 0, 0, 0), 8},      /* loopback */
	{OCTETS(168, 63, 129, 16), 32}, /* Azure answers its machines here */
	{OCTETS(169, 254, 0, 0), 16},   /* link-local, where other clouds do */
	{OCTETS(172, 16, 0, 0), 12},    /* private */
	{OCTETS(192, 0, 0, 0), 24},     /* protocols */
	{OCTETS(192, 0, 2, 0), 24},     /* documentation */
	{OCTETS(192, 88, 99, 0), 24},   /* relays of 6to4 */
	{OCTETS(192, 168, 0, 0), 16},   /* private */
	{OCTETS(198, 18, 0, 0), 15},    /* measurements */
	{OCTETS(198, 51, 100, 0), 24},  /* documentation */
	{OCTETS(203, 0, 113, 0), 24},   /* documentation */
	{OCTETS(224, 0, 0, 0), 3},      /* multicast, reserved, broadcast */
};

static bool is_public4(uint32_t address)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if ((address ^ kept[i].first) >> (32 - kept[i].bits) == 0)
			return false;
	return true;
}

static uint32_t embedded(const uint8_t *octet)
{
	return OCTETS(octet[0], octet[1], octet[2], octet[3]);
}

static bool begins(const uint8_t *octet, const char *prefix, size_t n)
{
	return memcmp(octet, prefix, n) == 0;
}

/* Given out is 2000::/3 only; some of it is kept apart, and elsewhere IPv4 hides. */
static bool is_public6(const uint8_t *octet)
{
	if (begins(octet, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) || /* ::ffff:a.b.c.d */
	    begins(octet, "\0\x64\xff\x9b\0\0\0\0\0\0\0\0", 12)) /* 64:ff9b::a.b.c.d, NAT64 */
		return is_public4(embedded(octet + 12));
	if (begins(octet, "\x20\x02", 2)) /* 2002:aabb:ccdd::, 6to4 */
		return is_public4(embedded(octet + 2));
	if (begins(octet, "\x20\x01\x0d\xb8", 4) ||            /* documentation */
	    (begins(octet, "\x20\x01", 2) && octet[2] < 2) ||  /* protocols, Teredo */
	    (begins(octet, "\x3f\xff", 2) && octet[2] < 0x10)) /* documentation */
		return false;
	return (octet[0] & 0xe0) == 0x20;
}

bool address_is_public(const struct sockaddr *address)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	/* Copied, for what libcurl gives need not lie as the types want it. */
	if (address->sa_family == AF_INET) {
		memcpy(&in, address, sizeof(in));
		return is_public4(ntohl(in.sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6) {
		memcpy(&in6, address, sizeof(in6));
		return is_public6(in6.sin6_addr.s6_addr);
	}
	return false;
}

bool address_text_is_public(const char *text)
{
	struct in_addr in;
	struct in6_addr in6;

	if (inet_pton(AF_INET, text, &in) == 1)
		return is_public4(ntohl(in.s_addr));
	return inet_pton(AF_INET6, text, &in6) == 1 && is_public6(in6.s6_addr);
}
