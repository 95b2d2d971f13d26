/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "observe/cgroup_name.h"

enum {
	ID_DIGITS = 64,      /* of a container */
	ID_SHOWN = 12,       /* as docker ps does */
	ID_TYPED = 4,        /* fewer are too likely to be another's */
	POD_UID_DIGITS = 32, /* a UUID; of static pods a hash of the same length */
	POD_UID_SHOWN = 8,
};

enum kind {
	KIND_CONTAINER,
	KIND_POD,
	KIND_UNIT,
	KIND_SLICE,
};

/*
 * What parts of a path look like; the first row that fits is taken. '#' is the id of a container,
 * '%' the UID of a pod, '*' one or more characters but '/', of which the last is the name.
 */
static const struct pattern {
	const char *text;
	enum kind kind;
	const char *runtime, *role;
} patterns[] = {
	{ "docker-#.scope", KIND_CONTAINER, "docker", "" },
	{ "docker/#", KIND_CONTAINER, "docker", "" },
	{ "libpod-conmon-#.scope", KIND_CONTAINER, "podman", "/conmon" },
	{ "libpod-conmon-#", KIND_CONTAINER, "podman", "/conmon" },
	{ "libpod-payload-#", KIND_CONTAINER, "podman", "" },
	{ "libpod-#.scope", KIND_CONTAINER, "podman", "" },
	{ "libpod-#", KIND_CONTAINER, "podman", "" },
	{ "cri-containerd-#.scope", KIND_CONTAINER, "containerd", "" },
	{ "nerdctl-#.scope", KIND_CONTAINER, "containerd", "" },
	{ "crio-conmon-#.scope", KIND_CONTAINER, "crio", "/conmon" },
	{ "crio-conmon-#", KIND_CONTAINER, "crio", "/conmon" },
	{ "crio-#.scope", KIND_CONTAINER, "crio", "" },
	{ "crio-#", KIND_CONTAINER, "crio", "" },
	/* What a runtime makes that was meant to ask systemd, and did not: slice, prefix, id. */
	{ "*-pod%.slice:*:#", KIND_CONTAINER, "container", "" },
	{ "*.slice:docker:#", KIND_CONTAINER, "docker", "" },
	{ "*.slice:libpod:#", KIND_CONTAINER, "podman", "" },
	{ "*.slice:cri-containerd:#", KIND_CONTAINER, "containerd", "" },
	{ "*.slice:nerdctl:#", KIND_CONTAINER, "containerd", "" },
	{ "*.slice:crio:#", KIND_CONTAINER, "crio", "" },
	{ "#", KIND_CONTAINER, "container", "" },
	{ "*-pod%.slice", KIND_POD, NULL, NULL },
	{ "pod%", KIND_POD, NULL, NULL },
	{ "lxc.payload.*", KIND_CONTAINER, "lxc", "" },
	{ "lxc.monitor.*", KIND_CONTAINER, "lxc", "/monitor" },
	{ "lxc.payload/*", KIND_CONTAINER, "lxc", "" },
	{ "lxc.monitor/*", KIND_CONTAINER, "lxc", "/monitor" },
	{ "lxc/*", KIND_CONTAINER, "lxc", "" },
	{ "machine-qemu\\x2d*\\x2d*.scope", KIND_CONTAINER, "qemu", "" },
	{ "machine-lxc\\x2d*\\x2d*.scope", KIND_CONTAINER, "libvirt-lxc", "" },
	{ "machine-*.scope", KIND_CONTAINER, "machine", "" },
	{ "systemd-nspawn@*.service", KIND_CONTAINER, "nspawn", "" },
	{ "qemu-*-*.libvirt-qemu", KIND_CONTAINER, "qemu", "" },
	{ "*.libvirt-qemu", KIND_CONTAINER, "qemu", "" },
	{ "lxc-*-*.libvirt-lxc", KIND_CONTAINER, "libvirt-lxc", "" },
	{ "*.libvirt-lxc", KIND_CONTAINER, "libvirt-lxc", "" },
	{ "qemu.slice/*.scope", KIND_CONTAINER, "qemu", "" }, /* Proxmox */
	{ "*.service", KIND_UNIT, NULL, NULL },
	{ "*.scope", KIND_UNIT, NULL, NULL },
	{ "*.socket", KIND_UNIT, NULL, NULL },
	{ "*.mount", KIND_UNIT, NULL, NULL },
	{ "*.swap", KIND_UNIT, NULL, NULL },
	{ "*.slice", KIND_SLICE, NULL, NULL },
};

struct span {
	const char *start;
	size_t length;
};

struct match {
	struct span whole, id, pod, name;
};

/* What a path says, as far as it was read. */
struct parts {
	const struct pattern *container;
	struct span id, name; /* of the container: one of them */
	struct span pod;      /* that the container is directly in */
	struct span unit, slice;
};

static size_t id_length(const char *text)
{
	return strspn(text, "0123456789abcdef") == ID_DIGITS ? ID_DIGITS : 0;
}

/* systemd's slices have '_' where a UUID has '-', because '-' means nesting to them. */
static size_t pod_uid_length(const char *text)
{
	size_t length = 0, digits = 0, run;

	do {
		run = strspn(text + length, "0123456789abcdef");
		digits += run;
		length += run;
		if (digits == POD_UID_DIGITS)
			return length;
	} while (run && (text[length] == '_' || text[length] == '-') && text[++length]);
	return 0;
}

/* Whether one or more whole parts of a path, which begin at `text`, look like `pattern`. */
static bool match(const char *pattern, const char *text, struct match *match_so_far)
{
	for (;; pattern++, text++) {
		if (strchr("#%*", *pattern))
			break;
		if (*pattern != *text)
			return false;
	}
	if (*pattern == '\0') {
		match_so_far->whole.length = (size_t)(text - match_so_far->whole.start);
		return *text == '\0' || *text == '/';
	}
	if (*pattern == '*') {
		for (size_t length = 1; text[length - 1] && text[length - 1] != '/'; length++) {
			match_so_far->name = (struct span){ text, length };
			if (match(pattern + 1, text + length, match_so_far))
				return true;
		}
		return false;
	}
	if (*pattern == '#') {
		match_so_far->id = (struct span){ text, id_length(text) };
		text += match_so_far->id.length;
		return match_so_far->id.length && match(pattern + 1, text, match_so_far);
	}
	match_so_far->pod = (struct span){ text, pod_uid_length(text) };
	text += match_so_far->pod.length;
	return match_so_far->pod.length && match(pattern + 1, text, match_so_far);
}

static const struct pattern *find_pattern(const char *text, struct match *ret_match)
{
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		*ret_match = (struct match){ .whole.start = text };
		if (match(patterns[i].text, text, ret_match))
			return &patterns[i];
	}
	return NULL;
}

/* A service that is a manager has an init.scope for itself. */
static bool is_own_scope(const struct parts *parts, const struct span *unit)
{
	static const char name[] = "init.scope";

	return parts->unit.length && unit->length == strlen(name) &&
	       memcmp(unit->start, name, unit->length) == 0;
}

static void take(struct parts *parts, const struct pattern *pattern, const struct match *found)
{
	struct span pod = found->pod;

	switch (pattern->kind) {
	case KIND_POD:
		*parts = (struct parts){ .pod = pod };
		break;
	case KIND_CONTAINER:
		if (!pod.length && !parts->container)
			pod = parts->pod;
		*parts = (struct parts){ .container = pattern, .id = found->id, .pod = pod };
		if (!found->id.length)
			parts->name = found->name;
		break;
	case KIND_UNIT:
		if (!is_own_scope(parts, &found->whole))
			parts->unit = found->whole;
		break;
	case KIND_SLICE:
		parts->slice = found->whole;
		break;
	}
}

static struct parts read_path(const char *path)
{
	struct parts parts = { .container = NULL };

	while (*(path += strspn(path, "/"))) {
		struct match found;
		const struct pattern *pattern = find_pattern(path, &found);

		if (pattern)
			take(&parts, pattern, &found);
		path += pattern ? found.whole.length : strcspn(path, "/");
	}
	return parts;
}

/* Undoes "\x2d"; what is no such escape stays, and so does NUL. */
static void unescape(const struct span *span, char buffer[CGROUP_NAME])
{
	const char *from = span->start, *end = from + span->length;
	size_t used = 0;

	while (from < end && used < CGROUP_NAME - 1) {
		unsigned int code;

		if (end - from >= 4 && from[0] == '\\' && from[1] == 'x' &&
		    strspn(from + 2, "0123456789abcdefABCDEF") >= 2 &&
		    sscanf(from + 2, "%2x", &code) == 1 && code != 0) {
			buffer[used++] = (char)code;
			from += 4;
		} else {
			buffer[used++] = *from++;
		}
	}
	buffer[used] = '\0';
}

__attribute__((format(printf, 2, 3))) static void append(char buffer[CGROUP_NAME],
							 const char *format, ...)
{
	size_t used = strlen(buffer);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(buffer + used, CGROUP_NAME - used, format, arguments);
	va_end(arguments);
}

static void append_unescaped(char buffer[CGROUP_NAME], const struct span *span)
{
	char text[CGROUP_NAME];

	unescape(span, text);
	append(buffer, "%s", text);
}

static void append_container(char buffer[CGROUP_NAME], const struct parts *parts)
{
	if (parts->id.length && parts->pod.length)
		append(buffer, "k8s:%.*s/%.*s", POD_UID_SHOWN, parts->pod.start, ID_SHOWN,
		       parts->id.start);
	else
		append(buffer, "%s:%.*s", parts->container->runtime,
		       parts->id.length ? ID_SHOWN : 0, parts->id.length ? parts->id.start : "");
	if (parts->name.length)
		append_unescaped(buffer, &parts->name);
	append(buffer, "%s", parts->container->role);
}

static void append_path(char buffer[CGROUP_NAME], const char *path)
{
	static const char cut[] = "...";
	size_t length = strlen(path), room = CGROUP_NAME - sizeof(cut);

	if (length < CGROUP_NAME)
		append(buffer, "%s", length ? path : "/");
	else
		append(buffer, "%s%s", cut, path + length - room);
}

const char *cgroup_name(const char *path, char buffer[CGROUP_NAME])
{
	struct parts parts = read_path(path);
	bool inside = parts.container || parts.pod.length;

	buffer[0] = '\0';
	if (parts.container)
		append_container(buffer, &parts);
	else if (parts.pod.length)
		append(buffer, "k8s:%.*s", POD_UID_SHOWN, parts.pod.start);
	if (parts.unit.length) {
		append(buffer, "%s", inside ? "/" : "");
		append_unescaped(buffer, &parts.unit);
	} else if (!inside && parts.slice.length) {
		append_unescaped(buffer, &parts.slice);
	} else if (!inside) {
		append_path(buffer, path);
	}
	return buffer;
}

static bool is_id_of(const struct parts *parts, const char *text)
{
	size_t length = strlen(text);

	return length >= ID_TYPED && length <= parts->id.length && !parts->container->role[0] &&
	       memcmp(parts->id.start, text, length) == 0;
}

bool cgroup_name_matches(const char *path, const char *text)
{
	const char *last = strrchr(path, '/');
	struct parts parts = read_path(path);
	char name[CGROUP_NAME];

	last = last ? last + 1 : path;
	if (strcmp(last, text) == 0 || strcmp(cgroup_name(path, name), text) == 0 ||
	    is_id_of(&parts, text))
		return true;
	unescape(&(struct span){ last, strlen(last) }, name);
	return strcmp(name, text) == 0;
}
