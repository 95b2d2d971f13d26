/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts by cgroup: what a process does by the cgroup that it is in, a packet and a connection by
 * that of its socket, which is the one whose process made the socket.
 */
#include "modules/cgroups/tables.bpf.h"
#include "modules/cgroups/wire.bpf.h"

enum { TCP_STATE_ESTABLISHED = 1, TCP_STATE_SYN_SENT, TCP_STATE_SYN_RECV, TCP_STATE_CLOSE = 7 };
enum { REFUSED = 111 }; /* ECONNREFUSED */

static __always_inline __u64 id_of(struct task_struct *task)
{
	return task->cgroups->dfl_cgrp->kn->id;
}

/* ---- processes ---------------------------------------------------------------------------- */

static __always_inline int called(void)
{
	struct cgroup_counts *counts = find_counts(id_of(bpf_get_current_task_btf()));

	if (counts)
		counts->calls++;
	return 0;
}

static __always_inline int faulted(void)
{
	struct cgroup_counts *counts = find_counts(id_of(bpf_get_current_task_btf()));

	if (counts)
		counts->faults++;
	return 0;
}

/* Counted for the thread that gives the CPU away; of the idle ones apart from all cgroups. */
static __always_inline int switched(bool preempted, bool waits)
{
	struct task_struct *former = bpf_get_current_task_btf();
	struct cgroup_counts *counts = find_counts(former->pid ? id_of(former) : CGROUP_IDLE);

	if (!counts)
		return 0;
	if (preempted || !waits)
		counts->involuntary++;
	else
		counts->voluntary++;
	return 0;
}

/* ---- packets ------------------------------------------------------------------------------ */

static __always_inline void add(struct traffic *traffic, const struct wire *wire)
{
	__sync_fetch_and_add(&traffic->packets, wire->packets);
	__sync_fetch_and_add(&traffic->bytes, wire->bytes);
}

/* They only look: every packet goes on. */
SEC("cgroup_skb/ingress") int count_in(struct __sk_buff *packet)
{
	struct cgroup_counts *counts = find_counts(bpf_skb_cgroup_id(packet));
	struct wire wire;

	if (!counts)
		return 1;
	look(packet, &wire);
	add(&counts->in[wire.protocol], &wire);
	return 1;
}

SEC("cgroup_skb/egress") int count_out(struct __sk_buff *packet)
{
	struct cgroup_counts *counts = find_counts(bpf_skb_cgroup_id(packet));
	struct wire wire;

	if (!counts)
		return 1;
	look(packet, &wire);
	add(&counts->out[wire.protocol], &wire);
	return 1;
}

static __always_inline int passed(const struct sk_buff *packet, bool known, bool sent)
{
	struct cgroup_counts *counts;
	struct wire wire;

	if (!look_at_interface(packet, known, sent, &wire))
		return 0;
	counts = find_counts(CGROUP_INTERFACES);
	if (counts)
		add(&(sent ? counts->out : counts->in)[wire.protocol % TRAFFIC_PROTOCOLS], &wire);
	return 0;
}

/* ---- connections -------------------------------------------------------------------------- */

static __always_inline void count_end(struct cgroup_counts *counts, int error)
{
	if (error == REFUSED)
		__sync_fetch_and_add(&counts->refused, 1);
	else
		__sync_fetch_and_add(&counts->failed, 1);
}

/* A socket that a listener's became is of the listener's cgroup. */
static __always_inline int changed(struct sock *sock, bool known, int before, int now)
{
	bool ends = before == TCP_STATE_SYN_SENT && now == TCP_STATE_CLOSE;
	struct cgroup_counts *counts;

	if (FIELD(sock, known, sk_protocol) != PROTOCOL_TCP ||
	    (now != TCP_STATE_ESTABLISHED && !ends))
		return 0;
	counts = find_counts(known ? sock->sk_cgrp_data.cgroup->kn->id
				   : BPF_CORE_READ(sock, sk_cgrp_data.cgroup, kn, id));
	if (!counts)
		return 0;
	if (ends)
		count_end(counts, FIELD(sock, known, sk_err));
	else if (before == TCP_STATE_SYN_SENT)
		__sync_fetch_and_add(&counts->made, 1);
	else if (before == TCP_STATE_SYN_RECV)
		__sync_fetch_and_add(&counts->accepted, 1);
	return 0;
}

/* ---- names -------------------------------------------------------------------------------- */

static __always_inline int made(struct cgroup *cgroup, bool known, const char *path)
{
	struct cgroup_made *event;

	if (known ? cgroup->root->hierarchy_id : BPF_CORE_READ(cgroup, root, hierarchy_id))
		return 0; /* of version 1 */
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&unnamed, 1);
		return 0;
	}
	event->header = (struct event_header){ .time = bpf_ktime_get_boot_ns(),
					       .module = EVENT_CGROUPS,
					       .kind = CGROUP_EVENT_MADE,
					       .size = sizeof(*event) };
	event->id = known ? cgroup->kn->id : BPF_CORE_READ(cgroup, kn, id);
	if (bpf_probe_read_kernel_str(event->path, sizeof(event->path), path) < 0)
		event->path[0] = '\0';
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* ---- programs ----------------------------------------------------------------------------- */

/* The same at every hook of a tracepoint; raw ones do not know what their arguments are. */
#define HOOKS_OF(name, event, call)                               \
	SEC("tp_btf/" #event) int name##_btf(__u64 *arguments)    \
	{                                                         \
		const bool known __attribute__((unused)) = true;  \
                                                                  \
		return call;                                      \
	}                                                         \
                                                                  \
	SEC("raw_tp/" #event) int name##_raw(__u64 *arguments)    \
	{                                                         \
		const bool known __attribute__((unused)) = false; \
                                                                  \
		return call;                                      \
	}

HOOKS_OF(call, sys_enter, called())
HOOKS_OF(fault, page_fault_user, faulted())
/* Since Linux 5.18 it says in which state the thread was. */
HOOKS_OF(switch, sched_switch, switched(arguments[0], (__u32)arguments[3]))
HOOKS_OF(connection, inet_sock_set_state,
	 changed((struct sock *)arguments[0], known, (int)arguments[1], (int)arguments[2]))
HOOKS_OF(made, cgroup_mkdir, made((struct cgroup *)arguments[0], known, (const char *)arguments[1]))
HOOKS_OF(took, netif_receive_skb, passed((const struct sk_buff *)arguments[0], known, false))
HOOKS_OF(sent, net_dev_queue, passed((const struct sk_buff *)arguments[0], known, true))

char LICENSE[] SEC("license") = "GPL";
