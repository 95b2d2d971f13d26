/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules that every filter is given: 100 banned IPv4 and 100 banned IPv6
 * addresses, each in a network of its own, and one blocked port, TCP and UDP.
 * sumun has an allow entry and three guarded peers on top.
 */
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "lab.h"
#include "modules/filter/store.h"

enum { RULES_BANS = 100, RULES_PORT = 8080, RULES_OPEN_PORT = 9000 };

struct address rules_here(bool v6);     /* what all frames are sent to */
struct address rules_stranger(bool v6); /* in no list */
struct address rules_resolver(bool v6); /* guarded by sumun */
struct address rules_banned(bool v6, size_t which);
struct address rules_neighbour(bool v6); /* of rules_banned(v6, 0) */

/* sumun's filter with all of this, in enforce mode. */
int rules_sumun(struct store *ret_store, struct error *error);

/*
 * Loads xdp-filter on the receiver of the lab, gives it the rules, takes the program
 * that it attached, and detaches that. The descriptor keeps the program alive; its pins
 * keep what it calls. -ENOENT when xdp-filter is not installed.
 */
int rules_xdp_filter(const struct lab *lab, int *ret_fd, struct error *error);

/* Puts the rules in force in nftables, or takes them out. Run in the receiver's namespace. */
enum nft_hook { NFT_NETDEV, NFT_INET };
int rules_nft(enum nft_hook hook, struct error *error);
int rules_nft_flush(struct error *error);
