/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/timestamp.h"
#include "core/grace.h"
#include "core/privilege.h"
#include "egress.skel.h"
#include "modules/egress/fence.h"

static const char *const link_pins[FENCE_LINKS] = { "connect4", "connect6", "sendmsg4", "sendmsg6",
						    "packet" };

static size_t state_size(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (sizeof(struct egress_state) + page - 1) / page * page;
}

/* ---- raising ------------------------------------------------------------------------------ */

static int map_state(struct fence *fence)
{
	void *memory =
		mmap(NULL, state_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fence->counters, 0);

	if (memory == MAP_FAILED)
		return -errno;
	fence->state = memory;
	fence->mapped = true;
	return 0;
}

/* The kernel maps nothing for who may only read it. */
static int copy_state(struct fence *fence)
{
	const uint32_t zero = 0;

	fence->state = calloc(1, sizeof(*fence->state));
	return fence->state ? bpf_map_lookup_elem(fence->counters, &zero, fence->state) : -ENOMEM;
}

static int write_rules(int map, uint32_t slot, const struct egress_rules *rules,
		       uint32_t generation)
{
	CLEANUP_FREE struct egress_rules *copy = malloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *rules;
	copy->generation = generation;
	return bpf_map_update_elem(map, &slot, copy, BPF_ANY);
}

static int attach(const struct egress_bpf *kernel, int cgroup, struct fence *fence,
		  struct error *error)
{
	const struct bpf_program *const programs[FENCE_LINKS] = {
		kernel->progs.judge_connect4, kernel->progs.judge_connect6,
		kernel->progs.judge_sendmsg4, kernel->progs.judge_sendmsg6,
		kernel->progs.judge_packet,
	};

	for (size_t i = 0; i < FENCE_LINKS; i++) {
		fence->links[i] =
			bpf_link_create(bpf_program__fd(programs[i]), cgroup,
					bpf_program__expected_attach_type(programs[i]), NULL);
		if (fence->links[i] < 0)
			return error_set(error, fence->links[i], "cannot attach to %s: %s",
					 bpf_program__section_name(programs[i]),
					 strerror(-fence->links[i]));
	}
	return 0;
}

static int fill(const struct egress_bpf *kernel, const char *name, uint64_t id,
		const struct egress_rules *rules, struct fence *fence)
{
	int r;

	fence->counters = fcntl(bpf_map__fd(kernel->maps.state), F_DUPFD_CLOEXEC, 0);
	r = fence->counters < 0 ? -errno : map_state(fence);
	if (r < 0)
		return r;
	fence->state->cgroup = id;
	fence->state->since = timestamp_now();
	snprintf(fence->state->name, EGRESS_NAME, "%s", name);
	fence->rules = fcntl(bpf_map__fd(kernel->maps.rules), F_DUPFD_CLOEXEC, 0);
	if (fence->rules < 0)
		return -errno;
	return write_rules(fence->rules, 0, rules, 1);
}

static int load(struct egress_bpf *kernel, int events, struct error *error)
{
	int r = bpf_map__reuse_fd(kernel->maps.events, events);

	if (r == 0)
		r = egress_bpf__load(kernel);
	if (r < 0)
		error_set(error, r, "cannot load the policy's programs: %s", strerror(-r));
	return r;
}

int fence_raise(const char *name, int cgroup, uint64_t id, int events,
		const struct egress_rules *rules, struct fence *ret_fence, struct error *error)
{
	CLEANUP_FENCE struct fence fence = FENCE_NONE;
	struct egress_bpf *kernel = egress_bpf__open();
	int r;

	if (!kernel)
		return error_set(error, -errno, "cannot open the policy's programs: %s",
				 strerror(errno));
	r = load(kernel, events, error);
	if (r == 0) {
		r = fill(kernel, name, id, rules, &fence);
		if (r < 0)
			error_set(error, r, "cannot write the policy: %s", strerror(-r));
	}
	/* Once it is whole. */
	if (r == 0)
		r = attach(kernel, cgroup, &fence, error);
	egress_bpf__destroy(kernel);
	if (r < 0)
		return privilege_explain(PRIVILEGE_LOAD, r, error);
	*ret_fence = fence;
	fence = (struct fence)FENCE_NONE;
	return 0;
}

void fence_release(struct fence *fence)
{
	cleanup_close(&fence->rules);
	cleanup_close(&fence->counters);
	for (size_t i = 0; i < FENCE_LINKS; i++)
		cleanup_close(&fence->links[i]);
	if (fence->mapped)
		munmap(fence->state, state_size());
	else
		free(fence->state);
	*fence = (struct fence)FENCE_NONE;
}

/* ---- pins --------------------------------------------------------------------------------- */

static int pin(const struct fence *fence, const char *directory, struct error *error)
{
	int r = pins_add(fence->rules, directory, "rules", PINS_GROUP_READS, error);

	if (r == 0)
		r = pins_add(fence->counters, directory, "state", PINS_GROUP_READS, error);
	for (size_t i = 0; r == 0 && i < FENCE_LINKS; i++)
		r = pins_add(fence->links[i], directory, link_pins[i], PINS_OWNER, error);
	return r;
}

int fence_pin(const struct fence *fence, const char *making, const char *path, struct error *error)
{
	int r;

	/* What a command left that was killed. */
	pins_remove(making);
	r = pins_make_directory(making, PINS_GROUP_READS, error);
	if (r == 0)
		r = pin(fence, making, error);
	if (r == 0 && rename(making, path) < 0)
		r = error_set(error, -errno, "cannot rename '%s': %s", making, strerror(errno));
	if (r < 0)
		pins_remove(making);
	return r;
}

int fence_open(const char *path, bool writable, struct fence *ret_fence)
{
	CLEANUP_FENCE struct fence fence = FENCE_NONE;
	int r;

	fence.rules = pins_open(path, "rules", writable);
	fence.counters = fence.rules < 0 ? fence.rules : pins_open(path, "state", writable);
	if (fence.counters < 0)
		return fence.counters;
	r = writable ? map_state(&fence) : copy_state(&fence);
	if (r < 0)
		return r;
	*ret_fence = fence;
	fence = (struct fence)FENCE_NONE;
	return 0;
}

int fence_rules(const struct fence *fence, struct egress_rules *ret_rules)
{
	uint32_t slot = __atomic_load_n(&fence->state->slot, __ATOMIC_ACQUIRE) & 1;

	return bpf_map_lookup_elem(fence->rules, &slot, ret_rules);
}

int fence_change(struct fence *fence, const struct egress_rules *rules, struct error *error)
{
	CLEANUP_FREE struct egress_rules *now = malloc(sizeof(*now));
	uint32_t generation, slot = fence->state->slot & 1;
	int r = now ? fence_rules(fence, now) : -ENOMEM;

	if (r < 0)
		return error_set(error, r, "cannot read the policy: %s", strerror(-r));
	generation = now->generation;
	now->generation = rules->generation;
	if (memcmp(now, rules, sizeof(*now)) == 0)
		return 0;
	/* Until nobody looks at what was in force before. */
	grace_period();
	r = write_rules(fence->rules, !slot, rules, generation + 1);
	if (r < 0)
		return error_set(error, r, "cannot write the policy: %s", strerror(-r));
	__atomic_store_n(&fence->state->slot, !slot, __ATOMIC_RELEASE);
	fence->state->since = timestamp_now();
	return 1;
}
