// SPDX-License-Identifier: GPL-2.0-or-later
/* Putting bans alone: no packet can be made to do it in the middle of what others do. */
#include "bpf/helpers.h"
#include "modules/filter/ban_put.bpf.h"

#include "ban_put.h"

static __always_inline int put_once(const struct put_request *request, __u32 end)
{
	if (request->length == 64)
		return put_ban6(request->key.high, end);
	if (request->length == 128)
		return put_ban4(request->key.low, end);
	return put_ban_wide(request->key.high, request->key.low, request->length, end);
}

SEC("syscall")
int put_bans(struct put_request *request)
{
	__u32 times = request->times, end = request->end;

	for (__u32 i = 0; i < PUT_TIMES && i < times; i++)
		request->result = put_once(request, end + i);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
