/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people call a cgroup, from its path alone: no runtime is asked, nothing is read.
 *
 * Whoever may make a cgroup chooses its name, and systemd's escapes are undone here, so a name
 * can hold any byte but NUL: it goes through text_escape() before it is shown.
 */
#pragma once

#include <stdbool.h>

enum {
	CGROUP_PATH = 4096, /* a path as the kernel gives it is no longer */
	CGROUP_NAME = 256,
};

/*
 * The innermost container, and in it the innermost unit of systemd; without a container the
 * unit, without that the slice. Else the path; of a long one the end, behind "...".
 *
 *   nginx.service, session-3.scope, user-1000.slice
 *   docker:0123456789ab, podman:..., containerd:..., crio:..., container:... (of whom is unknown)
 *   podman:0123456789ab/conmon       what watches over the container
 *   k8s:01234567/0123456789ab        the pod's UID and the container; a pod alone is k8s:01234567
 *   lxc:NAME, machine:NAME, nspawn:NAME, qemu:NAME, libvirt-lxc:NAME
 *   lxc:NAME/nginx.service
 *
 * What lies beneath a container or a unit and is neither has its name. Returns `buffer`.
 */
const char *cgroup_name(const char *path, char buffer[CGROUP_NAME]);

/*
 * Whether a person who types `text` can mean this cgroup, or one that it lies beneath: by its
 * name as above, by the last part of its path as it is or without systemd's escapes, or by four
 * or more of the first digits of a container's id.
 */
bool cgroup_name_matches(const char *path, const char *text);
