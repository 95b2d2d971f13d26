/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "core/capabilities.h"
#include "core/kernelfs.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF     39
#endif

static const struct {
	const char *name;
	unsigned number;
} known[] = {
	[CAPABILITY_BPF] = { "CAP_BPF", CAP_BPF },
	[CAPABILITY_NET_ADMIN] = { "CAP_NET_ADMIN", CAP_NET_ADMIN },
	[CAPABILITY_PERFMON] = { "CAP_PERFMON", CAP_PERFMON },
	[CAPABILITY_SYS_PTRACE] = { "CAP_SYS_PTRACE", CAP_SYS_PTRACE },
	[CAPABILITY_SYSLOG] = { "CAP_SYSLOG", CAP_SYSLOG },
	[CAPABILITY_DAC_READ_SEARCH] = { "CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH },
	[CAPABILITY_SYS_ADMIN] = { "CAP_SYS_ADMIN", CAP_SYS_ADMIN },
};
_Static_assert(ARRAY_SIZE(known) == CAPABILITIES, "a name for every capability");

const char *capability_name(enum capability capability)
{
	return known[capability].name;
}

uint32_t capabilities_held(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	uint32_t held = 0;

	if (syscall(SYS_capget, &head, data) < 0)
		return 0;
	for (enum capability i = 0; i < CAPABILITIES; i++)
		if (data[known[i].number / 32].effective & 1U << known[i].number % 32)
			held |= 1U << i;
	return held;
}

bool capability_counts(uint32_t held, enum capability capability)
{
	uint32_t enough = 1U << capability;

	if (capability == CAPABILITY_BPF || capability == CAPABILITY_PERFMON)
		enough |= 1U << CAPABILITY_SYS_ADMIN;
	return held & enough;
}

const char *capabilities_missing(uint32_t held, uint32_t needed, char buffer[CAPABILITIES_TEXT])
{
	const char *missing[CAPABILITIES];
	size_t count = 0, length = 0;

	for (enum capability i = 0; i < CAPABILITIES; i++)
		if (needed & 1U << i && !capability_counts(held, i))
			missing[count++] = known[i].name;
	buffer[0] = '\0';
	for (size_t i = 0; i < count; i++)
		length += (size_t)snprintf(buffer + length, CAPABILITIES_TEXT - length, "%s%s",
					   i == 0           ? ""
					   : i == count - 1 ? " and "
							    : ", ",
					   missing[i]);
	return buffer;
}

/* The beginning of a small file as a string; false when it cannot be read. */
static bool read_text(int directory, const char *path, char *text, size_t size)
{
	CLEANUP_CLOSE int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);

	if (length < 0)
		return false;
	text[length] = '\0';
	return true;
}

bool is_initial_uid_map(const char *text)
{
	unsigned inside, outside, count;

	return sscanf(text, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == UINT32_MAX;
}

bool in_user_namespace(void)
{
	char text[512];

	return read_text(AT_FDCWD, "/proc/self/uid_map", text, sizeof(text)) &&
	       !is_initial_uid_map(text);
}

bool seccomp_filters(void)
{
	char text[4096];
	const char *line;
	int mode = 0;

	if (!read_text(AT_FDCWD, "/proc/self/status", text, sizeof(text)))
		return false;
	line = strstr(text, "\nSeccomp:");
	return line && sscanf(line, "\nSeccomp: %d", &mode) == 1 && mode == 2;
}

/* ---- lockdown ------------------------------------------------------------------------- */

static const char *const lockdown_names[] = {
	[LOCKDOWN_UNKNOWN] = "unknown",
	[LOCKDOWN_NONE] = "none",
	[LOCKDOWN_INTEGRITY] = "integrity",
	[LOCKDOWN_CONFIDENTIALITY] = "confidentiality",
};
_Static_assert(ARRAY_SIZE(lockdown_names) == LOCKDOWN_CONFIDENTIALITY + 1, "a name for each");

const char *lockdown_name(enum lockdown lockdown)
{
	return lockdown_names[lockdown];
}

enum lockdown lockdown_parse(const char *text)
{
	const char *begin = strchr(text, '['), *end = begin ? strchr(begin, ']') : NULL;

	for (enum lockdown i = LOCKDOWN_NONE; end && i <= LOCKDOWN_CONFIDENTIALITY; i++)
		if (strlen(lockdown_names[i]) == (size_t)(end - begin - 1) &&
		    strncmp(begin + 1, lockdown_names[i], (size_t)(end - begin - 1)) == 0)
			return i;
	return LOCKDOWN_UNKNOWN;
}

enum lockdown lockdown_read(int *ret_error)
{
	CLEANUP_CLOSE int root = -1;
	char text[128];

	if (read_text(AT_FDCWD, "/sys/kernel/security/lockdown", text, sizeof(text)))
		return lockdown_parse(text);
	root = kernelfs_open("securityfs");
	if (root >= 0 && read_text(root, "lockdown", text, sizeof(text)))
		return lockdown_parse(text);
	*ret_error = root < 0 ? root : -errno;
	return LOCKDOWN_UNKNOWN;
}
