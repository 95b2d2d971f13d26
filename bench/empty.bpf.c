/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that do nothing, at the hooks where observers stand: what having one costs. */
#include "bpf/helpers.h"

SEC("tp_btf/sys_enter") int tp_btf_enter(void *ctx)
{
	return 0;
}

SEC("tp_btf/sys_exit") int tp_btf_exit(void *ctx)
{
	return 0;
}

SEC("raw_tp/sys_enter") int raw_tp_enter(void *ctx)
{
	return 0;
}

SEC("raw_tp/sys_exit") int raw_tp_exit(void *ctx)
{
	return 0;
}

SEC("tracepoint/raw_syscalls/sys_enter") int tracepoint_enter(void *ctx)
{
	return 0;
}

SEC("tracepoint/raw_syscalls/sys_exit") int tracepoint_exit(void *ctx)
{
	return 0;
}

SEC("tp_btf/page_fault_user") int fault(void *ctx)
{
	return 0;
}

SEC("tp_btf/sched_switch") int switched(void *ctx)
{
	return 0;
}

SEC("tp_btf/sched_wakeup") int woken(void *ctx)
{
	return 0;
}

SEC("tp_btf/sched_wakeup_new") int woken_new(void *ctx)
{
	return 0;
}

SEC("tp_btf/inet_sock_set_state") int connection(void *ctx)
{
	return 0;
}

SEC("tp_btf/cgroup_mkdir") int made(void *ctx)
{
	return 0;
}

SEC("tp_btf/netif_receive_skb") int took(void *ctx)
{
	return 0;
}

SEC("tp_btf/net_dev_queue") int sent(void *ctx)
{
	return 0;
}

/* Of cgroups: all goes on. */
SEC("cgroup_skb/ingress") int skb_ingress(void *ctx)
{
	return 1;
}

SEC("cgroup_skb/egress") int skb_egress(void *ctx)
{
	return 1;
}

SEC("cgroup/connect4") int connect4(void *ctx)
{
	return 1;
}

SEC("cgroup/connect6") int connect6(void *ctx)
{
	return 1;
}

SEC("cgroup/sendmsg4") int sendmsg4(void *ctx)
{
	return 1;
}

SEC("cgroup/sendmsg6") int sendmsg6(void *ctx)
{
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
