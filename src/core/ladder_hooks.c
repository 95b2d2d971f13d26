/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attaching to one hook, and saying exactly why that is not possible. */
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "core/capabilities.h"
#include "core/cgroup2.h"
#include "core/kallsyms.h"
#include "core/ladder_hooks.h"
#include "core/tracefs.h"
#include "ladder.skel.h"

enum { ENOTSUPP = 524 }; /* the kernel's own; it should not be seen outside, and is */

#define NEEDS(capability) (1U << CAPABILITY_##capability)

static const uint32_t needed[] = {
	[HOOK_TP_BTF] = NEEDS(BPF) | NEEDS(PERFMON),
	[HOOK_RAW_TP] = NEEDS(BPF) | NEEDS(PERFMON),
	[HOOK_TRACEPOINT] = NEEDS(BPF) | NEEDS(PERFMON),
	[HOOK_FENTRY] = NEEDS(BPF) | NEEDS(PERFMON),
	[HOOK_FEXIT] = NEEDS(BPF) | NEEDS(PERFMON),
	[HOOK_KPROBE] = NEEDS(BPF) | NEEDS(PERFMON),
	[HOOK_PERF_PROGRAM] = NEEDS(BPF) | NEEDS(PERFMON),
	[HOOK_COUNTER] = NEEDS(PERFMON),
	[HOOK_CGROUP] = NEEDS(BPF) | NEEDS(NET_ADMIN),
	[HOOK_XDP_NATIVE] = NEEDS(BPF) | NEEDS(NET_ADMIN),
	[HOOK_XDP_GENERIC] = NEEDS(BPF) | NEEDS(NET_ADMIN),
};
_Static_assert(ARRAY_SIZE(needed) == HOOKS, "what every hook needs");

/* What is not permitted has its cause somewhere else than where it shows, so that is looked for. */
int hook_refused(enum hook hook, const char *step, int error, struct error *ret_reason)
{
	char missing[CAPABILITIES_TEXT];
	enum lockdown lockdown;
	int unread;

	if (error == -ENOTSUPP)
		return error_set(ret_reason, error, "%s: not supported by this kernel (ENOTSUPP)",
				 step);
	if (error != -EPERM && error != -EACCES)
		return error_set(ret_reason, error, "%s: %s (%s)", step, strerror(-error),
				 strerrorname_np(-error));
	if (capabilities_missing(capabilities_held(), needed[hook], missing)[0])
		return error_set(ret_reason, error, "%s missing", missing);
	if (in_user_namespace())
		return error_set(ret_reason, error,
				 "%s: capabilities held in a user namespace do not count", step);
	lockdown = lockdown_read(&unread);
	if (lockdown == LOCKDOWN_INTEGRITY || lockdown == LOCKDOWN_CONFIDENTIALITY)
		return error_set(
			ret_reason, error,
			"%s: %s although nothing is missing; the kernel is locked down (%s)", step,
			strerrorname_np(-error), lockdown_name(lockdown));
	return error_set(ret_reason, error, "%s: %s although nothing is missing; %s forbids it",
			 step, strerrorname_np(-error),
			 seccomp_filters() ? "a seccomp filter, as containers have,"
					   : "a security module");
}

static int keep(struct attachment *attachment, int fd)
{
	attachment->fds[attachment->count++] = fd;
	return 0;
}

void hook_detach(struct attachment *attachment)
{
	while (attachment->count)
		close(attachment->fds[--attachment->count]);
}

/* The instructions of `source`, as another type of program. */
static int load_as(const struct bpf_program *source, enum bpf_prog_type type,
		   struct bpf_prog_load_opts *options)
{
	options->sz = sizeof(*options);
	return bpf_prog_load(type, "sumun_ladder", "GPL", bpf_program__insns(source),
			     bpf_program__insn_cnt(source), options);
}

/* ---- tracepoints and functions known to BTF ------------------------------------------- */

static struct btf *known; /* by the kernel: read once, it is megabytes */

static const struct btf *kernel_btf(void)
{
	if (!known)
		known = btf__load_vmlinux_btf();
	return known;
}

void ladder_forget(void)
{
	btf__free(known);
	known = NULL;
}

static int find_type(const struct rung *rung, const char *target, struct error *error)
{
	bool function = rung->hook == HOOK_FENTRY || rung->hook == HOOK_FEXIT;
	const struct btf *btf = kernel_btf();
	char name[SYMBOL_NAME], symbol[SYMBOL_NAME];
	int id;

	if (!btf)
		return error_set(error, -ENOENT, "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)");
	snprintf(name, sizeof(name), "%s%s", function ? "" : "btf_trace_", target);
	id = btf__find_by_name_kind(btf, name, function ? BTF_KIND_FUNC : BTF_KIND_TYPEDEF);
	if (id > 0)
		return id;
	if (!function)
		return error_set(error, -ENOENT, "this kernel has no tracepoint %s", target);
	if (kallsyms_resolve(target, symbol) == 0)
		return error_set(error, -ENOENT,
				 "the compiler changed it to %s, which BTF leaves out", symbol);
	return error_set(error, -ENOENT, "this kernel has no function %s, or it is inlined",
			 target);
}

static int attach_tracing(struct ladder_bpf *programs, const struct rung *rung, const char *target,
			  struct attachment *attachment, struct error *error)
{
	static const enum bpf_attach_type types[HOOKS] = {
		[HOOK_TP_BTF] = BPF_TRACE_RAW_TP,
		[HOOK_FENTRY] = BPF_TRACE_FENTRY,
		[HOOK_FEXIT] = BPF_TRACE_FEXIT,
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = types[rung->hook]);
	int id = find_type(rung, target, error), program, link;

	if (id < 0)
		return id;
	options.attach_btf_id = (uint32_t)id;
	program = load_as(programs->progs.count_task, BPF_PROG_TYPE_TRACING, &options);
	if (program < 0)
		return hook_refused(rung->hook, "loading", program, error);
	keep(attachment, program);
	link = bpf_raw_tracepoint_open(NULL, program);
	if (link < 0)
		return hook_refused(rung->hook, "attaching", link, error);
	return keep(attachment, link);
}

static int attach_raw(struct ladder_bpf *programs, const struct rung *rung, const char *target,
		      struct attachment *attachment, struct error *error)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options);
	int program = load_as(programs->progs.count_task, BPF_PROG_TYPE_RAW_TRACEPOINT, &options);
	int link;

	if (program < 0)
		return hook_refused(rung->hook, "loading", program, error);
	keep(attachment, program);
	link = bpf_raw_tracepoint_open(target, program);
	if (link == -ENOENT)
		return error_set(error, link, "this kernel has no tracepoint %s", target);
	if (link < 0)
		return hook_refused(rung->hook, "attaching", link, error);
	return keep(attachment, link);
}

/* ---- events of perf ------------------------------------------------------------------- */

/* Of this process and its children, on whatever CPU they run. */
static int open_event(struct perf_event_attr *attributes)
{
	int fd;

	attributes->size = sizeof(*attributes);
	fd = (int)syscall(SYS_perf_event_open, attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The event is in `attachment` already; programs on tracepoints and kprobes see every process. */
static int run_on_event(struct ladder_bpf *programs, const struct rung *rung,
			enum bpf_prog_type type, int event, struct attachment *attachment,
			struct error *error)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options);
	int program = load_as(programs->progs.count_event, type, &options);

	if (program < 0)
		return hook_refused(rung->hook, "loading", program, error);
	keep(attachment, program);
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program) < 0)
		return hook_refused(rung->hook, "attaching to the event of perf", -errno, error);
	if (ioctl(event, PERF_EVENT_IOC_ENABLE, 0) < 0)
		return hook_refused(rung->hook, "enabling the event of perf", -errno, error);
	return 0;
}

static int attach_classic(struct ladder_bpf *programs, const struct rung *rung, const char *target,
			  struct attachment *attachment, struct error *error)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_TRACEPOINT, .sample_period = 1 };
	int id, event, r = tracefs_event_id(target, &id, error);

	if (r < 0)
		return r;
	attributes.config = (uint64_t)id;
	event = open_event(&attributes);
	if (event < 0)
		return hook_refused(rung->hook, "perf_event_open", event, error);
	keep(attachment, event);
	return run_on_event(programs, rung, BPF_PROG_TYPE_TRACEPOINT, event, attachment, error);
}

static int attach_kprobe(struct ladder_bpf *programs, const struct rung *rung, const char *target,
			 struct attachment *attachment, struct error *error)
{
	CLEANUP_FCLOSE FILE *file = fopen("/sys/bus/event_source/devices/kprobe/type", "re");
	struct perf_event_attr attributes = { .type = 0 };
	char symbol[SYMBOL_NAME];
	unsigned type;
	int event;

	if (!file || fscanf(file, "%u", &type) != 1)
		return error_set(error, -ENOENT,
				 "this kernel has no kprobes: perf knows no such events "
				 "(CONFIG_KPROBE_EVENTS)");
	if (kallsyms_resolve(target, symbol) < 0)
		return error_set(error, -ENOENT, "this kernel has no function %s, or it is inlined",
				 target);
	attributes.type = type;
	attributes.kprobe_func = (uint64_t)(uintptr_t)symbol;
	event = open_event(&attributes);
	if (event < 0)
		return hook_refused(rung->hook, "perf_event_open", event, error);
	keep(attachment, event);
	return run_on_event(programs, rung, BPF_PROG_TYPE_KPROBE, event, attachment, error);
}

static int attach_perf(struct ladder_bpf *programs, const struct rung *rung, const char *target,
		       struct attachment *attachment, struct error *error)
{
	bool program = rung->hook == HOOK_PERF_PROGRAM;
	struct perf_event_attr attributes = { .type = rung->type,
					      .config = rung->config,
					      .sample_period = program ? 1 : 0,
					      .exclude_hv = 1 };
	int event = open_event(&attributes);

	if (event == -ENOENT && rung->type == PERF_TYPE_HARDWARE)
		return error_set(error, event,
				 "this CPU, or its hypervisor, offers no counter of cycles (PMU)");
	if (event < 0)
		return hook_refused(rung->hook, "perf_event_open", event, error);
	keep(attachment, event);
	if (program)
		return run_on_event(programs, rung, BPF_PROG_TYPE_PERF_EVENT, event, attachment,
				    error);
	attachment->counter = event;
	return 0;
}

/* ---- cgroups and packets -------------------------------------------------------------- */

static int attach_cgroup(struct ladder_bpf *programs, const struct rung *rung, const char *target,
			 struct attachment *attachment, struct error *error)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = rung->type);
	bool socket =
		rung->type == BPF_CGROUP_INET4_CONNECT || rung->type == BPF_CGROUP_INET6_CONNECT;
	CLEANUP_CLOSE int directory = -1;
	char path[PINS_PATH];
	int program, link;

	if (cgroup2_own(path) < 0)
		return error_set(error, -ENOENT, "cgroup2 is not mounted here");
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return error_set(error, -errno, "cannot open %s: %s", path, strerror(errno));
	program = load_as(programs->progs.count_socket,
			  socket ? BPF_PROG_TYPE_CGROUP_SOCK_ADDR : BPF_PROG_TYPE_CGROUP_SKB,
			  &options);
	if (program < 0)
		return hook_refused(rung->hook, "loading", program, error);
	keep(attachment, program);
	link = bpf_link_create(program, directory, rung->type, NULL);
	if (link == -EPERM &&
	    !capabilities_missing(capabilities_held(), needed[rung->hook], path)[0])
		return error_set(error, link,
				 "another program was attached to this cgroup, or one above it, "
				 "so that it stays alone");
	if (link < 0)
		return hook_refused(rung->hook, "attaching", link, error);
	return keep(attachment, link);
}

static int attach_frames(struct ladder_bpf *programs, const struct rung *rung, unsigned ifindex,
			 struct attachment *attachment, struct error *error)
{
	LIBBPF_OPTS(bpf_prog_load_opts, load_options);
	LIBBPF_OPTS(bpf_link_create_opts, options,
		    .flags = rung->hook == HOOK_XDP_NATIVE ? XDP_FLAGS_DRV_MODE
							   : XDP_FLAGS_SKB_MODE);
	int program = load_as(programs->progs.count_frame, BPF_PROG_TYPE_XDP, &load_options), link;

	if (program < 0)
		return hook_refused(rung->hook, "loading", program, error);
	keep(attachment, program);
	link = bpf_link_create(program, (int)ifindex, BPF_XDP, &options);
	if (link < 0)
		return hook_refused(rung->hook, "attaching", link, error);
	return keep(attachment, link);
}

typedef int attach_target(struct ladder_bpf *programs, const struct rung *rung, const char *target,
			  struct attachment *attachment, struct error *error);

int hook_attach(struct ladder_bpf *programs, const struct rung *rung, unsigned ifindex,
		struct attachment *ret_attachment, struct error *error)
{
	static attach_target *const ways[HOOKS] = {
		[HOOK_TP_BTF] = attach_tracing,     [HOOK_RAW_TP] = attach_raw,
		[HOOK_TRACEPOINT] = attach_classic, [HOOK_FENTRY] = attach_tracing,
		[HOOK_FEXIT] = attach_tracing,      [HOOK_KPROBE] = attach_kprobe,
		[HOOK_PERF_PROGRAM] = attach_perf,  [HOOK_COUNTER] = attach_perf,
		[HOOK_CGROUP] = attach_cgroup,
	};
	int r;

	if (!ways[rung->hook])
		return attach_frames(programs, rung, ifindex, ret_attachment, error);
	r = ways[rung->hook](programs, rung, rung->target, ret_attachment, error);
	if (r == 0 && rung->pair)
		r = ways[rung->hook](programs, rung, rung->pair, ret_attachment, error);
	return r;
}
