/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the doctor sees, before anything is concluded from it. What could not be looked at
 * says so, and why; nothing is guessed.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/attach.h"
#include "core/capabilities.h"
#include "core/ladder.h"
#include "core/module.h"
#include "core/pins.h"

/* A setting of the kernel. */
struct setting_fact {
	int error; /* negative errno: it could not be read */
	long value;
};

struct kernel_facts {
	char release[65], machine[65];
	bool btf;
	struct setting_fact jit, unprivileged_bpf, perf_paranoid, kptr_restrict;
	enum lockdown lockdown;
	int lockdown_error; /* of LOCKDOWN_UNKNOWN */
};

struct permission_facts {
	uint32_t held;       /* bits by enum capability */
	bool split;          /* the kernel has CAP_BPF and CAP_PERFMON (5.8) */
	bool user_namespace; /* what is held does not count for the host */
	bool seccomp;
	bool root;
	bool group;  /* there is a group sumun */
	bool member; /* and this process is in it */
};

struct place_facts {
	bool bpffs;      /* on /sys/fs/bpf */
	int state_error; /* of looking for our pins: 0 there are some, -ENOENT there are none */
	struct error state_text; /* of others */
	char tracefs[PINS_PATH]; /* "" when it is not mounted */
	char cgroup2[PINS_PATH];
	bool cgroup1; /* beside it */
};

/* What an offload of a card is; those that it does not have are off. */
struct offload_facts {
	int error; /* negative errno: they could not be read */
	bool lro, gro, gro_hw, vlan;
	bool gro_hw_fixed; /* on, and cannot be turned off */
};

enum peer_state {
	PEER_IS_NONE,      /* no veth */
	PEER_IS_HERE,      /* in this network namespace */
	PEER_IS_ELSEWHERE, /* in another, where it was not looked */
};

struct interface_facts {
	char name[IF_NAMESIZE];
	unsigned index; /* 0: there is none of this name */
	bool up, loopback;
	bool headless;   /* its packets have no Ethernet header, as those of a tunnel */
	char driver[32]; /* "" when it has none that tells its name */
	unsigned mtu, receive_queues, transmit_queues;
	int features_error; /* negative errno: the kernel does not tell xdp-features */
	uint64_t features;
	struct offload_facts offloads;
	int program_error; /* negative errno: what is attached could not be asked */
	enum attach_mode program_mode;
	uint32_t program;      /* its id; 0: none */
	char program_name[32]; /* "" when it is not ours to read */
	bool program_known;    /* `program_ours` could be found out */
	bool program_ours;
	enum peer_state peer;
	char peer_name[IF_NAMESIZE];
	bool peer_gro, peer_program;
};

struct thing_facts {
	int taken; /* number of the rung, or -1 */
	struct rung_result results[RUNGS_MAX];
};

/* What the probe of a module said. */
struct probe_facts {
	int error;
	struct error text;
};

enum { MODULES_MAX = 16 };

struct facts {
	struct kernel_facts kernel;
	struct permission_facts permissions;
	struct place_facts places;
	struct interface_facts *interfaces;
	size_t interface_count;
	struct thing_facts things[THINGS];
	struct probe_facts probes[MODULES_MAX]; /* by the rows of modules[] */
};

/*
 * Looks at everything; at all interfaces that are up, or those named. NULL when out of memory.
 * Takes a second: every hook is tried.
 */
struct facts *facts_look(char **interfaces, size_t interface_count);
struct facts *facts_free(struct facts *facts); /* NULL is fine; returns NULL */

static inline void cleanup_facts(struct facts **facts)
{
	facts_free(*facts);
}
#define CLEANUP_FACTS __attribute__((cleanup(cleanup_facts)))

/* ---- the parts ------------------------------------------------------------------------ */

void look_at_kernel(struct kernel_facts *ret_facts);
void look_at_permissions(struct permission_facts *ret_facts);
void look_at_places(struct place_facts *ret_facts);
int look_at_interfaces(char **names, size_t count, struct facts *facts);
/* `name` is an interface of this network namespace. */
void look_at_offloads(const char *name, struct offload_facts *ret_facts);
void look_at_driver(const char *name, struct interface_facts *facts);
/* What its driver says of XDP, in the kernel's bits. Linux 6.3; -ENOENT before. */
int look_at_features(unsigned index, uint64_t *ret_features);
/* Is this program one that sumun has pinned? Negative errno where that cannot be told. */
int is_pinned(uint32_t program);

/* Bits of `features` (include/uapi/linux/netdev.h), which Debian 12's headers do not have. */
enum {
	FEATURE_BASIC = 1 << 0, /* native XDP */
	FEATURE_RX_SG = 1 << 5, /* frames of several buffers */
};

enum { FEATURES_TEXT = 160 };

/* "basic redirect rx-sg"; "none". Unknown bits as numbers. */
const char *features_format(uint64_t features, char buffer[FEATURES_TEXT]);
