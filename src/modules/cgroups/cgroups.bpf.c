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

SEC("tp_btf/sys_enter") int count_call(__u64 *arguments)
{
	struct cgroup_counts *counts = find_counts(id_of(bpf_get_current_task_btf()));

	if (counts)
		counts->calls++;
	return 0;
}

SEC("tp_btf/page_fault_user") int count_fault(__u64 *arguments)
{
	struct cgroup_counts *counts = find_counts(id_of(bpf_get_current_task_btf()));

	if (counts)
		counts->faults++;
	return 0;
}

/* Counted for the thread that gives the CPU away; of the idle ones apart from all cgroups. */
SEC("tp_btf/sched_switch") int count_switch(__u64 *arguments)
{
	struct task_struct *former = (struct task_struct *)arguments[1];
	struct cgroup_counts *counts = find_counts(former->pid ? id_of(former) : CGROUP_IDLE);
	bool preempted = arguments[0], waits = (__u32)arguments[3]; /* Linux 5.18 */

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

/* ---- connections -------------------------------------------------------------------------- */

static __always_inline void count_end(struct cgroup_counts *counts, int error)
{
	if (error == REFUSED)
		__sync_fetch_and_add(&counts->refused, 1);
	else
		__sync_fetch_and_add(&counts->failed, 1);
}

/* A socket that a listener's became is of the listener's cgroup. */
SEC("tp_btf/inet_sock_set_state") int count_connection(__u64 *arguments)
{
	struct sock *sock = (struct sock *)arguments[0];
	int before = (int)arguments[1], now = (int)arguments[2];
	bool ends = before == TCP_STATE_SYN_SENT && now == TCP_STATE_CLOSE;
	struct cgroup_counts *counts;

	if (sock->sk_protocol != PROTOCOL_TCP || (now != TCP_STATE_ESTABLISHED && !ends))
		return 0;
	counts = find_counts(sock->sk_cgrp_data.cgroup->kn->id);
	if (!counts)
		return 0;
	if (ends)
		count_end(counts, sock->sk_err);
	else if (before == TCP_STATE_SYN_SENT)
		__sync_fetch_and_add(&counts->made, 1);
	else if (before == TCP_STATE_SYN_RECV)
		__sync_fetch_and_add(&counts->accepted, 1);
	return 0;
}

/* ---- names -------------------------------------------------------------------------------- */

SEC("tp_btf/cgroup_mkdir") int tell_made(__u64 *arguments)
{
	struct cgroup *cgroup = (struct cgroup *)arguments[0];
	struct cgroup_made *event;

	if (cgroup->root->hierarchy_id)
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
	event->id = cgroup->kn->id;
	if (bpf_probe_read_kernel_str(event->path, sizeof(event->path), (void *)arguments[1]) < 0)
		event->path[0] = '\0';
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
