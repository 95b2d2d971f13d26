/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <grp.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/cgroup2.h"
#include "core/tracefs.h"
#include "doctor/facts.h"

static struct setting_fact read_setting(const char *path)
{
	CLEANUP_FCLOSE FILE *file = fopen(path, "re");
	struct setting_fact fact = { .error = 0 };

	if (!file)
		fact.error = -errno;
	else if (fscanf(file, "%ld", &fact.value) != 1)
		fact.error = -EIO;
	return fact;
}

void look_at_kernel(struct kernel_facts *ret_facts)
{
	struct utsname name;

	uname(&name);
	snprintf(ret_facts->release, sizeof(ret_facts->release), "%.64s", name.release);
	snprintf(ret_facts->machine, sizeof(ret_facts->machine), "%.64s", name.machine);
	ret_facts->btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	ret_facts->jit = read_setting("/proc/sys/net/core/bpf_jit_enable");
	ret_facts->unprivileged_bpf = read_setting("/proc/sys/kernel/unprivileged_bpf_disabled");
	ret_facts->perf_paranoid = read_setting("/proc/sys/kernel/perf_event_paranoid");
	ret_facts->kptr_restrict = read_setting("/proc/sys/kernel/kptr_restrict");
	ret_facts->lockdown = lockdown_read(&ret_facts->lockdown_error);
}

static bool is_member(gid_t group)
{
	int count = getgroups(0, NULL);
	CLEANUP_FREE gid_t *groups = calloc((size_t)(count > 0 ? count : 1), sizeof(*groups));

	if (getegid() == group)
		return true;
	count = groups ? getgroups(count, groups) : 0;
	for (int i = 0; i < count; i++)
		if (groups[i] == group)
			return true;
	return false;
}

void look_at_permissions(struct permission_facts *ret_facts)
{
	enum { CAP_BPF_NUMBER = 39 };
	struct setting_fact last = read_setting("/proc/sys/kernel/cap_last_cap");
	gid_t group = pins_group();

	ret_facts->held = capabilities_held();
	ret_facts->split = last.error || last.value >= CAP_BPF_NUMBER;
	ret_facts->user_namespace = in_user_namespace();
	ret_facts->seccomp = seccomp_filters();
	ret_facts->root = geteuid() == 0;
	ret_facts->group = group != (gid_t)-1;
	ret_facts->member = ret_facts->group && is_member(group);
}

static bool has_cgroup1(void)
{
	CLEANUP_FCLOSE FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[4096];

	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, " - cgroup "))
			return true;
	return false;
}

void look_at_places(struct place_facts *ret_facts)
{
	const char *tracefs = tracefs_mounted();
	char path[PINS_PATH];
	struct statfs fs;

	ret_facts->bpffs =
		statfs("/sys/fs/bpf", &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
	ret_facts->state_error = pins_directory(false, path, &ret_facts->state_text);
	snprintf(ret_facts->tracefs, sizeof(ret_facts->tracefs), "%s", tracefs ? tracefs : "");
	if (cgroup2_mount(ret_facts->cgroup2) < 0)
		ret_facts->cgroup2[0] = '\0';
	ret_facts->cgroup1 = has_cgroup1();
}

struct facts *facts_free(struct facts *facts)
{
	if (facts)
		free(facts->interfaces);
	free(facts);
	return NULL;
}

struct facts *facts_look(char **interfaces, size_t interface_count)
{
	CLEANUP_FACTS struct facts *facts = calloc(1, sizeof(*facts));

	if (!facts || look_at_interfaces(interfaces, interface_count, facts) < 0)
		return NULL;
	look_at_kernel(&facts->kernel);
	look_at_permissions(&facts->permissions);
	look_at_places(&facts->places);
	for (enum thing thing = 0; thing < THINGS; thing++)
		facts->things[thing].taken = ladder_try(thing, 5, facts->things[thing].results);
	for (size_t i = 0; i < MODULES_MAX && modules[i]; i++)
		if (modules[i]->probe)
			facts->probes[i].error = modules[i]->probe(&facts->probes[i].text);
	return TAKE_PTR(facts);
}
