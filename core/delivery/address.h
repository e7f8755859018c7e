/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/address: whether an address belongs to the open Internet. Pure.
 *
 * What a name means is known only when it is resolved, so that is judged: not the host in a URL,
 * which can be spelled in many ways and can mean something else a second later.
 */
#ifndef DELIVERY_ADDRESS_H
#define DELIVERY_ADDRESS_H

#include <stdbool.h>

#include <sys/socket.h>

/* False for loopback, private, shared, link-local, unique local, multicast, reserved and
 * documentation addresses, those at which clouds answer their machines, and whatever is no IP
 * address; IPv6 addresses that stand for an IPv4 address are what that is. */
bool address_is_public(const struct sockaddr *address);
/* The same for an address as text, without brackets. */
bool address_text_is_public(const char *text);

#endif
