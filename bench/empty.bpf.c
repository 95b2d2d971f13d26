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

char LICENSE[] SEC("license") = "GPL";
