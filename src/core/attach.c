/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "core/attach.h"
#include "core/privilege.h"

const char *attach_mode_name(enum attach_mode mode)
{
	static const char *const names[] = {
		[ATTACH_NONE] = "none",
		[ATTACH_NATIVE] = "native",
		[ATTACH_GENERIC] = "generic",
		[ATTACH_OFFLOAD] = "offload",
	};
	_Static_assert(ARRAY_SIZE(names) == ATTACH_OFFLOAD + 1, "a name for every mode");

	return names[mode];
}

int attach_query(unsigned ifindex, enum attach_mode *ret_mode, uint32_t *ret_program_id)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, info);
	int r = bpf_xdp_query((int)ifindex, 0, &info);

	if (r < 0)
		return r;
	*ret_program_id = info.prog_id;
	switch (info.attach_mode) {
	case XDP_ATTACHED_DRV:
		*ret_mode = ATTACH_NATIVE;
		*ret_program_id = info.drv_prog_id ? info.drv_prog_id : info.prog_id;
		break;
	case XDP_ATTACHED_SKB:
		*ret_mode = ATTACH_GENERIC;
		*ret_program_id = info.skb_prog_id ? info.skb_prog_id : info.prog_id;
		break;
	case XDP_ATTACHED_HW:
		*ret_mode = ATTACH_OFFLOAD;
		break;
	case XDP_ATTACHED_MULTI:
		*ret_mode = info.drv_prog_id ? ATTACH_NATIVE : ATTACH_GENERIC;
		*ret_program_id = info.drv_prog_id ? info.drv_prog_id : info.skb_prog_id;
		break;
	default:
		*ret_mode = ATTACH_NONE;
	}
	return 0;
}

/* Says which program is in the way; its name only where permissions allow. */
static int say_busy(unsigned ifindex, const char *name, struct error *error)
{
	enum attach_mode mode = ATTACH_NONE;
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info), id = 0;
	CLEANUP_CLOSE int fd = -1;

	attach_query(ifindex, &mode, &id);
	if (!id)
		return error_set(error, -EBUSY,
				 "another XDP program is attached to %s; remove it first", name);
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return error_set(error, -EBUSY,
				 "another XDP program is attached to %s: id %u (%s mode; to tell "
				 "its name takes CAP_SYS_ADMIN); sumun never replaces it, remove "
				 "it first",
				 name, id, attach_mode_name(mode));
	return error_set(
		error, -EBUSY,
		"another XDP program is attached to %s: '%s', id %u (%s mode); sumun never "
		"replaces it, remove it first",
		name, info.name, id, attach_mode_name(mode));
}

static int make_link(int program_fd, unsigned ifindex, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);

	return bpf_link_create(program_fd, (int)ifindex, BPF_XDP, &options);
}

int attach_xdp(int program_fd, unsigned ifindex, int *ret_link_fd, enum attach_mode *ret_mode,
	       struct error *ret_why_generic, struct error *error)
{
	char name[IF_NAMESIZE] = "?";
	uint32_t id = 0;
	int fd;

	if_indextoname(ifindex, name);
	/* Asked first, because one mode may be free while the other is taken. */
	if (attach_query(ifindex, ret_mode, &id) == 0 && id)
		return say_busy(ifindex, name, error);

	fd = make_link(program_fd, ifindex, XDP_FLAGS_DRV_MODE);
	*ret_mode = ATTACH_NATIVE;
	if (fd == -EBUSY || fd == -EEXIST)
		return say_busy(ifindex, name, error);
	if (fd < 0 && fd != -EPERM && !ret_why_generic)
		return error_set(error, -EOPNOTSUPP,
				 "cannot attach to %s natively, and 'require-native' is on; the "
				 "driver says: %s",
				 name, strerror(-fd));
	if (fd < 0 && ret_why_generic) {
		error_set(ret_why_generic, fd, "the driver of %s says: %s", name, strerror(-fd));
		fd = make_link(program_fd, ifindex, XDP_FLAGS_SKB_MODE);
		*ret_mode = ATTACH_GENERIC;
	}
	if (fd == -EBUSY || fd == -EEXIST)
		return say_busy(ifindex, name, error);
	if (fd < 0) {
		error_set(error, fd, "cannot attach to %s: %s", name, strerror(-fd));
		return privilege_explain(PRIVILEGE_LOAD, fd, error);
	}
	*ret_link_fd = fd;
	return 0;
}

int attach_link_info(int link_fd, unsigned *ret_ifindex, uint32_t *ret_program_id)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(link_fd, &info, &size) < 0)
		return -errno;
	*ret_ifindex = info.xdp.ifindex;
	*ret_program_id = info.prog_id;
	return 0;
}
