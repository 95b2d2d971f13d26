/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "core/cgroup2.h"
#include "core/privilege.h"
#include "modules/egress/fences.h"
#include "observe/cgroups.h"

enum { RING_SIZE = 1 << 18 };

/* ---- where -------------------------------------------------------------------------------- */

int fences_directory(char ret_path[PINS_PATH], struct error *error)
{
	char parent[PINS_PATH];
	int r = pins_directory(false, parent, error);

	if (r == 0)
		r = pins_path(ret_path, parent, EGRESS_LAYOUT);
	if (r == 0 && access(ret_path, F_OK) < 0)
		r = -errno;
	return r;
}

int fence_find_cgroup(const struct egress_policy *policy, int *ret_fd, uint64_t *ret_id,
		      struct error *error)
{
	CLEANUP_CGROUPS struct cgroups *cgroups = cgroups_new();
	char mount[PINS_PATH], path[CGROUP_PATH], whole[PINS_PATH + CGROUP_PATH];
	CLEANUP_CLOSE int fd = -1;
	struct stat status;
	uint32_t level;
	uint64_t id;
	int r = cgroup_find(policy->path, &id, &level, error);

	if (r < 0)
		return r;
	if (!cgroups || cgroup2_mount(mount) < 0)
		return error_set(error, -ENOMEM, "out of memory");
	snprintf(whole, sizeof(whole), "%s%s", mount, cgroups_path(cgroups, id, path));
	fd = open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0 || status.st_ino != id)
		return error_set(error, -ENOENT, "cgroup %s went away meanwhile", policy->path);
	*ret_fd = TAKE_FD(fd);
	*ret_id = id;
	return 0;
}

/* ---- the ring ----------------------------------------------------------------------------- */

int fences_make_ring(int *ret_fd, struct error *error)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "egress_events", 0, 0, RING_SIZE, NULL);

	if (fd < 0)
		return privilege_explain(
			PRIVILEGE_LOAD,
			error_set(error, fd, "cannot make a ring for events: %s", strerror(-fd)),
			error);
	*ret_fd = fd;
	return 0;
}

/* The directory that a reader locks, so that what is told is told to one. */
static int open_ring(const char *directory, int *ret_fd, struct error *error)
{
	char reader[PINS_PATH];
	int r = pins_path(reader, directory, "reader");

	*ret_fd = pins_open(directory, "events", true);
	if (r < 0 || *ret_fd >= 0)
		return r;
	r = fences_make_ring(ret_fd, error);
	if (r == 0)
		r = pins_make_directory(reader, PINS_GROUP_READS, error);
	return r < 0 ? r : pins_add(*ret_fd, directory, "events", PINS_GROUP_WRITES, error);
}

int fences_take_ring(const char *directory, int *ret_fd, int *ret_lock, struct error *error)
{
	CLEANUP_CLOSE int lock = -1;
	char reader[PINS_PATH];
	int r = pins_path(reader, directory, "reader");

	if (r == 0)
		r = pins_lock(reader, PINS_LOCK_EXCLUSIVE, false, &lock, error);
	if (r == -EWOULDBLOCK)
		return error_set(error, -EBUSY,
				 "another reads the events of cgroups' policies already");
	if (r < 0)
		return r;
	*ret_fd = pins_open(directory, "events", true);
	if (*ret_fd < 0)
		return error_set(error, *ret_fd, "cannot open the events of cgroups' policies: %s",
				 strerror(-*ret_fd));
	*ret_lock = TAKE_FD(lock);
	return 0;
}

/* ---- each --------------------------------------------------------------------------------- */

static int is_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int fences_each(const char *directory, bool writable,
		int (*visit)(void *context, const char *name, struct fence *fence), void *context)
{
	char policies[PINS_PATH], path[PINS_PATH];
	struct dirent **entries;
	int r = pins_path(policies, directory, "policies"), count;

	if (r < 0)
		return r;
	count = scandir(policies, &entries, is_name, alphasort);
	if (count < 0)
		return errno == ENOENT ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		CLEANUP_FENCE struct fence fence = FENCE_NONE;

		if (r == 0)
			r = pins_path(path, policies, entries[i]->d_name);
		if (r == 0)
			r = fence_open(path, writable, &fence);
		if (r == 0)
			r = visit(context, entries[i]->d_name, &fence);
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* ---- up ----------------------------------------------------------------------------------- */

struct raising {
	const struct egress_config *config;
	char directory[PINS_PATH], policies[PINS_PATH];
	int events;
	struct fences_report report;
};

static int make_directories(struct raising *raising, const char *parent, struct error *error)
{
	int r = pins_path(raising->directory, parent, EGRESS_LAYOUT);

	if (r == 0)
		r = pins_path(raising->policies, raising->directory, "policies");
	if (r == 0)
		r = pins_make_directory(raising->directory, PINS_GROUP_READS, error);
	if (r == 0)
		r = pins_make_directory(raising->policies, PINS_GROUP_READS, error);
	return r < 0 ? r : open_ring(raising->directory, &raising->events, error);
}

/* Pins a new one in the place of what has its name, which goes on until the new one stands. */
static int raise_one(struct raising *raising, const struct egress_policy *policy, int cgroup,
		     uint64_t id, const struct egress_rules *rules, struct error *error)
{
	char making[PINS_PATH], path[PINS_PATH], former[PINS_PATH];
	CLEANUP_FENCE struct fence fence = FENCE_NONE;
	int r = pins_path(making, raising->directory, "making");

	if (r == 0)
		r = pins_path(former, raising->directory, "former");
	if (r == 0)
		r = pins_path(path, raising->policies, policy->name);
	if (r == 0)
		r = fence_raise(policy->name, cgroup, id, raising->events, rules, &fence, error);
	if (r < 0)
		return r;
	pins_remove(former);
	if (rename(path, former) < 0 && errno != ENOENT)
		return error_set(error, -errno, "cannot rename '%s': %s", path, strerror(errno));
	r = fence_pin(&fence, making, path, error);
	if (r < 0)
		rename(former, path);
	else
		pins_remove(former);
	raising->report.raised += r == 0;
	return r;
}

static int put(struct raising *raising, const struct egress_policy *policy,
	       const struct egress_rules *rules, struct error *error)
{
	CLEANUP_FENCE struct fence fence = FENCE_NONE;
	CLEANUP_CLOSE int cgroup = -1;
	char path[PINS_PATH];
	uint64_t id;
	int r = fence_find_cgroup(policy, &cgroup, &id, error);

	if (r < 0) {
		log_warning("[cgroup %s] holds for nobody, ignoring: %s", policy->name,
			    error->text);
		raising->report.missing++;
		return 0;
	}
	r = pins_path(path, raising->policies, policy->name);
	if (r < 0)
		return r;
	/* Another cgroup of that name, or pins that are not whole: it is made anew. */
	if (fence_open(path, true, &fence) < 0 || fence.state->cgroup != id)
		return raise_one(raising, policy, cgroup, id, rules, error);
	r = fence_change(&fence, rules, error);
	raising->report.changed += r > 0;
	raising->report.unchanged += r == 0;
	return r < 0 ? r : 0;
}

static const struct egress_policy *find_policy(const struct egress_config *config, const char *name)
{
	for (size_t i = 0; i < config->count; i++)
		if (strcmp(config->policies[i]->name, name) == 0)
			return config->policies[i];
	return NULL;
}

static int remove_others(struct raising *raising, struct error *error)
{
	CLEANUP_CLOSEDIR DIR *directory = opendir(raising->policies);
	const struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		char path[PINS_PATH];
		int r;

		if (!is_name(entry) || find_policy(raising->config, entry->d_name))
			continue;
		r = pins_path(path, raising->policies, entry->d_name);
		if (r == 0)
			r = pins_remove(path);
		if (r < 0)
			return error_set(error, r, "cannot remove the policy %s: %s", entry->d_name,
					 strerror(-r));
		raising->report.removed++;
	}
	return 0;
}

static int put_all(struct raising *raising, struct error *error)
{
	CLEANUP_FREE struct egress_rules *rules = malloc(sizeof(*rules));
	int r = rules ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < raising->config->count; i++) {
		const struct egress_policy *policy = raising->config->policies[i];

		r = egress_compile(policy, rules, error);
		if (r == 0)
			r = put(raising, policy, rules, error);
		if (r < 0)
			error_prefix(error, r, "[cgroup %s]", policy->name);
	}
	return r < 0 ? r : remove_others(raising, error);
}

int fences_up(const struct egress_config *config, struct fences_report *ret_report,
	      struct error *error)
{
	struct raising raising = { .config = config, .events = -1 };
	CLEANUP_CLOSE int lock = -1;
	char parent[PINS_PATH];
	int r;

	*ret_report = (struct fences_report){ 0 };
	if (!config->count)
		return fences_down(&ret_report->removed, error);
	r = pins_lock_directory(parent, &lock, error);
	if (r == 0)
		r = make_directories(&raising, parent, error);
	if (r == 0)
		r = put_all(&raising, error);
	cleanup_close(&raising.events);
	*ret_report = raising.report;
	return r;
}

/* ---- down --------------------------------------------------------------------------------- */

static int count_one(void *context, const char *name, struct fence *fence)
{
	(*(size_t *)context)++;
	return 0;
}

int fences_down(size_t *ret_count, struct error *error)
{
	CLEANUP_CLOSE int lock = -1;
	char parent[PINS_PATH], directory[PINS_PATH];
	int r = pins_directory(false, parent, error);

	*ret_count = 0;
	if (r == 0)
		r = pins_path(directory, parent, EGRESS_LAYOUT);
	if (r == 0 && access(directory, F_OK) < 0)
		r = -errno;
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = pins_lock(parent, PINS_LOCK_EXCLUSIVE, true, &lock, error);
	if (r < 0)
		return r;
	fences_each(directory, false, count_one, ret_count);
	r = pins_remove(directory);
	if (r < 0)
		return error_set(error, r, "cannot remove '%s': %s", directory, strerror(-r));
	pins_remove_empty(parent);
	return 0;
}
