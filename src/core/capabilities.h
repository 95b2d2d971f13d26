/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this process is permitted: capabilities by name, and what takes them away. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum capability {
	CAPABILITY_BPF,
	CAPABILITY_NET_ADMIN,
	CAPABILITY_PERFMON,
	CAPABILITY_SYS_PTRACE,
	CAPABILITY_SYSLOG,
	CAPABILITY_DAC_READ_SEARCH,
	CAPABILITY_SYS_ADMIN,
	CAPABILITIES,
};

const char *capability_name(enum capability capability); /* "CAP_BPF" */

/* Bits by enum capability, of the effective set of this thread. */
uint32_t capabilities_held(void);

/* CAP_SYS_ADMIN stands for CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN stays its own. */
bool capability_counts(uint32_t held, enum capability capability);

enum { CAPABILITIES_TEXT = 160 };

/* "CAP_BPF and CAP_PERFMON": those of `needed` that `held` lacks; "" when it lacks none. */
const char *capabilities_missing(uint32_t held, uint32_t needed, char buffer[CAPABILITIES_TEXT]);

/* Whether a user namespace stands between us and the host: its capabilities are not the host's. */
bool in_user_namespace(void);
/* The same, of the text of /proc/self/uid_map; for tests. */
bool is_initial_uid_map(const char *text);
/* A seccomp filter is in force. */
bool seccomp_filters(void);

enum lockdown {
	LOCKDOWN_UNKNOWN,
	LOCKDOWN_NONE,
	LOCKDOWN_INTEGRITY,
	LOCKDOWN_CONFIDENTIALITY,
};

const char *lockdown_name(enum lockdown lockdown); /* "none", ...; "unknown" */
enum lockdown lockdown_parse(const char *text);    /* "[none] integrity confidentiality" */
/*
 * Also where securityfs is not mounted. LOCKDOWN_UNKNOWN with a negative errno in *ret_error
 * where it cannot be read: -ENOENT when the kernel knows no lockdown.
 */
enum lockdown lockdown_read(int *ret_error);
