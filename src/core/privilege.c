/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <cap-ng.h>
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "core/privilege.h"

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

/* ---- capabilities ----------------------------------------------------------------- */

/*
 * CAP_PERFMON because without it the verifier refuses to add a variable to a pointer into the
 * packet, and to look into kernel structures by their BTF.
 */
const struct privilege_need privilege_needs[PRIVILEGES] = {
	[PRIVILEGE_READ] = { "reading",
			     "status, stats, bans, events, list, run beside up",
			     { -1 } },
	[PRIVILEGE_CHANGE] = { "changing what one owns",
			       "ban, unban, list add, list del, confirm, down",
			       { -1 } },
	[PRIVILEGE_LISTS] = { "loading a list", "up, list add, list del", { CAP_BPF, -1 } },
	[PRIVILEGE_LOAD] = { "loading the filter",
			     "up, run, cgroups",
			     { CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, -1 } },
	[PRIVILEGE_OBSERVE] = { "looking at all processes",
				"syscalls, opens",
				{ CAP_BPF, CAP_PERFMON, -1 } },
	[PRIVILEGE_SHARE] = { "giving the filter to the group sumun to read",
			      "up, run",
			      { CAP_CHOWN, -1 } },
	[PRIVILEGE_MOUNT] = { "mounting bpffs", "up, run", { CAP_SYS_ADMIN, -1 } },
	[PRIVILEGE_LOOK_AROUND] = { "looking for bpffs in other mount namespaces",
				    "all",
				    { CAP_SYS_PTRACE, -1 } },
	[PRIVILEGE_NAME_PROGRAM] = { "naming another's XDP program",
				     "up, run",
				     { CAP_SYS_ADMIN, -1 } },
};

/* Whether our user ids are the system's own. */
static bool in_initial_user_namespace(void)
{
	CLEANUP_FCLOSE FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned inside, outside, count;

	return !map || (fscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && !inside &&
			!outside && count == UINT32_MAX);
}

static void add_name(char text[PRIVILEGE_TEXT], int capability)
{
	const char *name = capng_capability_to_name((unsigned)capability);
	size_t length = strlen(text);

	snprintf(text + length, PRIVILEGE_TEXT - length, "%sCAP_%s", length ? ", " : "",
		 name ? name : "?");
	for (char *c = text + length; *c; c++)
		*c = (char)toupper((unsigned char)*c);
}

/* The kernel takes CAP_SYS_ADMIN for those two, which were split from it. */
static bool has(int capability)
{
	if (capng_have_capability(CAPNG_EFFECTIVE, (unsigned)capability))
		return true;
	return (capability == CAP_BPF || capability == CAP_PERFMON) &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN);
}

size_t privilege_missing(enum privilege privilege, char ret_text[PRIVILEGE_TEXT])
{
	const int *capability = privilege_needs[privilege].capabilities;
	bool counts = in_initial_user_namespace() && capng_get_caps_process() == 0;
	char text[PRIVILEGE_TEXT] = "";
	size_t missing = 0;

	for (; *capability >= 0; capability++) {
		if (counts && has(*capability))
			continue;
		add_name(text, *capability);
		missing++;
	}
	if (ret_text)
		memcpy(ret_text, text, sizeof(text));
	return missing;
}

int privilege_refused(enum privilege privilege, struct error *error)
{
	const char *advice = geteuid() ? "be root, or see PRIVILEGES in sumun(1)"
				       : "root is without it here, as in a container";
	char names[PRIVILEGE_TEXT];

	privilege_missing(privilege, names);
	return error_set(error, -EPERM, "%s takes %s, missing here; %s",
			 privilege_needs[privilege].what, names, advice);
}

int privilege_explain(enum privilege privilege, int code, struct error *error)
{
	if ((code != -EPERM && code != -EACCES) || !privilege_missing(privilege, NULL))
		return code;
	return privilege_refused(privilege, error);
}

/* ---- files ------------------------------------------------------------------------ */

enum {
	FILE_RIGHTS = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE,
	APPEND_RIGHTS = FILE_RIGHTS | LANDLOCK_ACCESS_FS_MAKE_REG,
	REPLACE_RIGHTS = APPEND_RIGHTS | LANDLOCK_ACCESS_FS_REMOVE_FILE,
	REMOVE_RIGHTS = LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR,
	ALL_RIGHTS = REPLACE_RIGHTS | REMOVE_RIGHTS | LANDLOCK_ACCESS_FS_MAKE_CHAR |
		     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK |
		     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
		     LANDLOCK_ACCESS_FS_MAKE_SYM,
};

/* Of what a rule may hold, what this kernel knows: to shorten files came with version 3. */
static uint64_t known_rights(uint64_t rights)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version < 3 ? rights & ~LANDLOCK_ACCESS_FS_TRUNCATE : rights;
}

static void allow(const struct confinement *confinement, const char *path, uint64_t rights)
{
	CLEANUP_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = { .parent_fd = fd,
						   .allowed_access = known_rights(rights) };

	if (confinement->ruleset >= 0 && fd >= 0)
		syscall(SYS_landlock_add_rule, confinement->ruleset, LANDLOCK_RULE_PATH_BENEATH,
			&rule, 0);
}

void confine_begin(struct confinement *confinement)
{
	struct landlock_ruleset_attr all = { .handled_access_fs = known_rights(ALL_RIGHTS) };

	confinement->ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	allow(confinement, "/dev/null", FILE_RIGHTS);
}

void confine_allow(const struct confinement *confinement, const char *directory,
		   enum confine_use use)
{
	static const uint64_t rights[] = {
		[CONFINE_APPEND] = APPEND_RIGHTS,
		[CONFINE_REPLACE] = REPLACE_RIGHTS,
		[CONFINE_REMOVE] = REMOVE_RIGHTS,
	};

	allow(confinement, directory, rights[use]);
}

static void allow_directory_of(const struct confinement *confinement, const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');

	snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");
	confine_allow(confinement, directory, CONFINE_APPEND);
}

void confine_allow_log(const struct confinement *confinement, const char *path)
{
	CLEANUP_FREE char *real = NULL;
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		allow(confinement, path, FILE_RIGHTS);
		return;
	}
	/* Where a symlink leads to is where the file is made anew. */
	real = realpath(path, NULL);
	allow_directory_of(confinement, path);
	if (real)
		allow_directory_of(confinement, real);
}

/* ---- for good --------------------------------------------------------------------- */

/* Linux 5.18 lets nobody use a map's descriptor without CAP_BPF; later ones do. */
static bool bpf_takes_a_capability(void)
{
	struct bpf_map_info info;
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(-1, &info, &size) < 0 && errno == EPERM;
}

static int set_capabilities(bool permit_bpf, bool use_bpf)
{
	capng_clear(CAPNG_SELECT_CAPS);
	if (permit_bpf)
		capng_update(CAPNG_ADD, CAPNG_PERMITTED, CAP_BPF);
	if (use_bpf)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, CAP_BPF);
	return capng_apply(CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}

static int drop_capabilities(void)
{
	bool had_bpf =
		capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF);
	int r = set_capabilities(had_bpf, false);

	if (r == 0 && had_bpf)
		r = set_capabilities(bpf_takes_a_capability(), bpf_takes_a_capability());
	return r;
}

int confine_looking(struct error *error)
{
	static const unsigned looking[] = { CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
					    CAP_CHECKPOINT_RESTORE, CAP_BPF };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(error, -errno, "cannot give up privileges for good: %s",
				 strerror(errno));
	if (capng_get_caps_process() < 0)
		return error_set(error, -EPERM, "cannot tell which capabilities there are");
	for (unsigned capability = 0; capability <= CAP_LAST_CAP; capability++) {
		bool kept = false;

		for (size_t i = 0; i < ARRAY_SIZE(looking); i++)
			kept = kept || looking[i] == capability;
		if (!kept)
			capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED, capability);
	}
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return error_set(error, -EPERM, "cannot give up capabilities");
	return 0;
}

int confine_enter(struct confinement *confinement, bool *ret_files, struct error *error)
{
	CLEANUP_CLOSE int ruleset = TAKE_FD(confinement->ruleset);
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(error, -errno, "cannot give up privileges for good: %s",
				 strerror(errno));
	r = drop_capabilities();
	if (r < 0)
		return error_set(error, r, "cannot give up capabilities");
	if (ruleset >= 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return error_set(error, -errno, "cannot confine the writing of files: %s",
				 strerror(errno));
	*ret_files = ruleset >= 0;
	return 0;
}
