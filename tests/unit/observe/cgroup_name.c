/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../unit.h"

#include "observe/cgroup_name.h"

/* Ids whose start can be told apart. */
#define ONE    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TWO    "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define POD    "5759a1ae-36ca-48a8-b20a-b0b5c8a90fb8"
#define POD_   "5759a1ae_36ca_48a8_b20a_b0b5c8a90fb8"
#define STATIC "187bff14cccb94f179e943eacce55bb3" /* of a static pod */
#define BURST  "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"
#define USER   "/user.slice/user-1000.slice/user@1000.service"

struct row {
	const char *path, *name;
};

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char name[CGROUP_NAME];

		cgroup_name(rows[i].path, name);
		if (strcmp(name, rows[i].name) != 0)
			fail_msg("'%s': '%s' instead of '%s'", rows[i].path, name, rows[i].name);
	}
}

static void units_of_systemd(void **state)
{
	static const struct row rows[] = {
		{ "/system.slice/nginx.service", "nginx.service" },
		{ "system.slice/nginx.service", "nginx.service" },
		{ "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service" },
		{ "/system.slice/system-postgresql.slice/postgresql@15-main.service",
		  "postgresql@15-main.service" },
		{ "/system.slice/boot-efi.mount", "boot-efi.mount" },
		{ "/system.slice/dev-disk-by\\x2duuid-0.swap", "dev-disk-by-uuid-0.swap" },
		{ "/system.slice/snapd.socket", "snapd.socket" },
		{ "/system.slice/snap.docker.dockerd.service", "snap.docker.dockerd.service" },
		{ "/init.scope", "init.scope" },
		{ "/system.slice", "system.slice" },
		{ "/user.slice/user-1000.slice", "user-1000.slice" },
		{ "/user.slice/user-1000.slice/session-3.scope", "session-3.scope" },
		{ "/mesos_executors.slice/user.slice/user-51629.slice/session-45585.scope",
		  "session-45585.scope" },
		{ USER, "user@1000.service" },
		{ USER "/init.scope", "user@1000.service" },
		{ USER "/app.slice", "user@1000.service" },
		{ USER "/app.slice/foo.service", "foo.service" },
		{ USER "/session.slice/xdg-desktop-portal.service", "xdg-desktop-portal.service" },
		{ USER "/app.slice/app-gnome-org.gnome.Nautilus-1205153.scope",
		  "app-gnome-org.gnome.Nautilus-1205153.scope" },
		{ USER "/app.slice/app-rofi-firefox\\x20\\x2d\\x2dname\\x20firefox-24101.service",
		  "app-rofi-firefox --name firefox-24101.service" },
		{ USER "/session.slice/wayland-wm@Hyprland.service",
		  "wayland-wm@Hyprland.service" },
		/* What a service makes beneath itself is its own. */
		{ "/system.slice/foo.service/worker", "foo.service" },
		{ "/system.slice/containerd.service", "containerd.service" },
		{ "/system.slice/app_name.service/supervisor", "app_name.service" },
		{ "/system.slice/docker.service/docker/buildkit/xyz", "docker.service" },
		{ "/nomad.slice/share.slice/0a1b2c.web.scope", "0a1b2c.web.scope" },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void containers(void **state)
{
	static const struct row rows[] = {
		{ "/docker/" ONE, "docker:0123456789ab" },
		{ "/system.slice/docker-" ONE ".scope", "docker:0123456789ab" },
		{ "/system.slice/system-docker.slice/docker-" ONE ".scope", "docker:0123456789ab" },
		{ "/ecstasks.slice/ecstasks-48cb34f5cd394d599bb989f3c1611afd.slice/docker-" ONE
		  ".scope",
		  "docker:0123456789ab" },
		{ USER "/docker.service/docker-" ONE ".scope", "docker:0123456789ab" },
		{ "/docker/" ONE "/init", "docker:0123456789ab" },
		{ "/system.slice:docker:" ONE, "docker:0123456789ab" },
		{ "/machine.slice/libpod-" ONE ".scope", "podman:0123456789ab" },
		{ "/machine.slice/libpod-" ONE ".scope/container", "podman:0123456789ab" },
		{ "/machine.slice/libpod-conmon-" ONE ".scope", "podman:0123456789ab/conmon" },
		{ USER "/user.slice/libpod-conmon-" ONE ".scope", "podman:0123456789ab/conmon" },
		{ USER "/user.slice/libpod-" ONE ".scope/container", "podman:0123456789ab" },
		{ "/libpod_parent/libpod-" ONE, "podman:0123456789ab" },
		{ "/machine.slice/machine-libpod_pod_" TWO ".slice/libpod-" ONE ".scope",
		  "podman:0123456789ab" },
		{ "/machine.slice/machine-libpod_pod_" TWO ".slice",
		  "machine-libpod_pod_" TWO ".slice" },
		{ "/system.slice/app_name.service/libpod-payload-" ONE, "podman:0123456789ab" },
		{ "/system.slice/nerdctl-" ONE ".scope", "containerd:0123456789ab" },
		{ "/system.slice/cri-containerd-" ONE ".scope", "containerd:0123456789ab" },
		{ "/default/" ONE, "container:0123456789ab" },
		{ "/ecs/48cb34f5-cd39-4d59-9bb9-89f3c1611afd/" ONE, "container:0123456789ab" },
		{ "/" ONE, "container:0123456789ab" },
		{ "/system.slice/crio-" ONE ".scope", "crio:0123456789ab" },
		{ "/system.slice/crio-conmon-" ONE ".scope", "crio:0123456789ab/conmon" },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void pods_of_kubernetes(void **state)
{
	static const struct row rows[] = {
		{ BURST POD_ ".slice/cri-containerd-" ONE ".scope", "k8s:5759a1ae/0123456789ab" },
		{ BURST POD_ ".slice/docker-" ONE ".scope", "k8s:5759a1ae/0123456789ab" },
		{ BURST POD_ ".slice/crio-" ONE ".scope", "k8s:5759a1ae/0123456789ab" },
		{ BURST POD_ ".slice/crio-" ONE ".scope/container", "k8s:5759a1ae/0123456789ab" },
		{ BURST POD_ ".slice/crio-" ONE, "k8s:5759a1ae/0123456789ab" },
		{ BURST POD_ ".slice/crio-conmon-" ONE ".scope",
		  "k8s:5759a1ae/0123456789ab/conmon" },
		{ BURST STATIC ".slice/cri-containerd-" ONE ".scope", "k8s:187bff14/0123456789ab" },
		{ BURST POD_ ".slice", "k8s:5759a1ae" },
		{ "/kubepods.slice/kubepods-pod" POD_ ".slice/cri-containerd-" ONE ".scope",
		  "k8s:5759a1ae/0123456789ab" },
		{ "/kubepods.slice/kubepods-besteffort.slice", "kubepods-besteffort.slice" },
		{ "/kubepods/burstable/pod" POD "/" ONE, "k8s:5759a1ae/0123456789ab" },
		{ "/kubepods/besteffort/pod" POD "/crio-" ONE, "k8s:5759a1ae/0123456789ab" },
		{ "/kubepods/pod" POD "/" ONE, "k8s:5759a1ae/0123456789ab" },
		{ "/kubepods/burstable/pod" STATIC "/" ONE, "k8s:187bff14/0123456789ab" },
		{ "/kubepods/burstable/pod" POD, "k8s:5759a1ae" },
		{ "/kubepods/burstable", "/kubepods/burstable" },
		{ "/kubepods.slice/kubepods-burstable-pod" STATIC ".slice:cri-containerd:" ONE,
		  "k8s:187bff14/0123456789ab" },
		{ "/system.slice/containerd.service/kubepods-burstable-pod" STATIC
		  ".slice:cri-containerd:" ONE,
		  "k8s:187bff14/0123456789ab" },
		/* kind: kubelet and all in a container of docker's, or beneath its own slice */
		{ "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
		  "kubelet-kubepods-besteffort-pod" POD_ ".slice/cri-containerd-" ONE ".scope",
		  "k8s:5759a1ae/0123456789ab" },
		{ "/docker/" TWO "/kubelet/kubepods/besteffort/pod" POD "/" ONE,
		  "k8s:5759a1ae/0123456789ab" },
		{ "/system.slice/docker-" TWO ".scope" BURST POD_ ".slice/crio-" ONE ".scope",
		  "k8s:5759a1ae/0123456789ab" },
		{ "/system.slice/docker-" TWO ".scope/kubelet.slice/kubelet.service",
		  "docker:fedcba987654/kubelet.service" },
		/* docker in a pod */
		{ BURST POD_ ".slice/cri-containerd-" ONE ".scope/docker/" TWO,
		  "docker:fedcba987654" },
		{ "/kubepods/burstable/pod" POD "/" ONE "/docker/" TWO "/init",
		  "docker:fedcba987654" },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void machines(void **state)
{
	static const struct row rows[] = {
		{ "/lxc.payload.web", "lxc:web" },
		{ "/lxc.payload.web/system.slice/nginx.service", "lxc:web/nginx.service" },
		{ "/lxc.payload.web/init.scope", "lxc:web/init.scope" },
		{ "/lxc.payload.web/system.slice", "lxc:web" },
		{ "/lxc.monitor.web", "lxc:web/monitor" },
		{ "/lxc.payload/web", "lxc:web" },
		{ "/lxc.monitor/web", "lxc:web/monitor" },
		{ "/lxc/x1/system.slice/snapd.service", "lxc:x1/snapd.service" },
		{ "/lxc/101/ns/system.slice/ssh.service", "lxc:101/ssh.service" },
		{ "/lxc.pivot", "/lxc.pivot" },
		{ "/lxc", "/lxc" },
		{ "/lxc.payload.web/docker/" ONE, "docker:0123456789ab" },
		{ "/docker/" ONE "/lxc/inner", "lxc:inner" },
		{ "/machine.slice/machine-debian.scope/payload", "machine:debian" },
		{ "/machine.slice/machine-debian.scope/supervisor", "machine:debian" },
		{ "/machine.slice/machine-my\\x2dhost.scope/payload/system.slice/ssh.service",
		  "machine:my-host/ssh.service" },
		{ "/machine.slice/systemd-nspawn@debian.service/payload/init.scope",
		  "nspawn:debian/init.scope" },
		{ "/machine.slice/machine-qemu\\x2d1\\x2dwin10.scope", "qemu:win10" },
		{ "/machine.slice/machine-qemu\\x2d37\\x2dmy\\x2dvm.scope/libvirt/vcpu0",
		  "qemu:my-vm" },
		{ "/machine.slice/machine-qemu\\x2d1\\x2dwin10.scope/emulator", "qemu:win10" },
		{ "/machine.slice/machine-lxc\\x2d1268\\x2dsl.scope", "libvirt-lxc:sl" },
		{ "/machine/vdesk.libvirt-qemu", "qemu:vdesk" },
		{ "/machine/qemu-37-unifi.libvirt-qemu/emulator", "qemu:unifi" },
		{ "/machine/lxc-1268-sl.libvirt-lxc", "libvirt-lxc:sl" },
		{ "/qemu.slice/100.scope", "qemu:100" },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void what_is_none_of_these_is_its_path(void **state)
{
	static const struct row rows[] = {
		{ "/", "/" },
		{ "", "/" },
		{ "/test", "/test" },
		{ "/process_api/097b3a2fa573d84b37c7ca3e4aca8e79",
		  "/process_api/097b3a2fa573d84b37c7ca3e4aca8e79" },
		/* Not the length of an id, or of a UID. */
		{ "/docker/" ONE "0", "/docker/" ONE "0" },
		{ "/docker/0123456789ab", "/docker/0123456789ab" },
		{ "/docker/buildkit", "/docker/buildkit" },
		{ "/x/libpod-" ONE "g", "/x/libpod-" ONE "g" },
		{ "/pod1", "/pod1" },
		{ "/pod" POD "-a", "/pod" POD "-a" },
		{ "/pod5759a1ae--36ca-48a8-b20a-b0b5c8a90fb8",
		  "/pod5759a1ae--36ca-48a8-b20a-b0b5c8a90fb8" },
		{ "/pod5759a1ae-", "/pod5759a1ae-" },
		{ "/pod" STATIC "0", "/pod" STATIC "0" },
		{ "/.service", "/.service" },
		{ "/nginx.service.d", "/nginx.service.d" },
		{ "/cgroup\\x2d", "/cgroup\\x2d" }, /* the path as it is */
		{ "/docker-" ONE ".scope", "docker:0123456789ab" },
		{ "/docker-" ONE ".scopes", "/docker-" ONE ".scopes" },
		{ "/docker-0123.scope", "docker-0123.scope" },
		/* What only looks like an escape. */
		{ "/a\\x2.service", "a\\x2.service" },
		{ "/a\\x00b.service", "a\\x00b.service" },
		{ "/a\\xzz.service", "a\\xzz.service" },
		{ "/a\\x1b.service", "a\x1b.service" }, /* the printer's business */
	};

	check(rows, ARRAY_SIZE(rows));
}

static void what_is_too_long_is_cut(void **state)
{
	char path[CGROUP_PATH], name[CGROUP_NAME];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[CGROUP_NAME - 1] = '\0';
	assert_string_equal(cgroup_name(path, name), path);
	path[CGROUP_NAME - 1] = 'a';
	strcpy(path + 1000, "/end");
	cgroup_name(path, name);
	assert_int_equal(strlen(name), CGROUP_NAME - 1);
	assert_memory_equal(name, "...aa", 5);
	assert_string_equal(name + CGROUP_NAME - 1 - 5, "a/end");
	strcpy(path + 1000, ".service");
	cgroup_name(path, name);
	assert_int_equal(strlen(name), CGROUP_NAME - 1);
	assert_memory_equal(name, "aaa", 3);
}

static void what_a_person_can_mean(void **state)
{
	static const struct {
		const char *path, *text;
		bool meant;
	} rows[] = {
		{ "/system.slice/nginx.service", "nginx.service", true },
		{ "/system.slice/nginx.service/worker", "nginx.service", true },
		{ "/system.slice/nginx.service/worker", "worker", true },
		{ "/system.slice/nginx.service", "nginx", false },
		{ "/system.slice/nginx.service", "", false },
		{ "/app-a\\x2db.scope", "app-a\\x2db.scope", true },
		{ "/app-a\\x2db.scope", "app-a-b.scope", true },
		{ "/docker/" ONE, "docker:0123456789ab", true },
		{ "/docker/" ONE, "0123456789ab", true },
		{ "/docker/" ONE, "0123", true },
		{ "/docker/" ONE, "012", false },
		{ "/docker/" ONE, "123456789ab", false },
		{ "/docker/" ONE, ONE, true },
		{ "/docker/" ONE, ONE "0", false },
		{ "/docker/" ONE, TWO, false },
		{ "/m.slice/libpod-" ONE ".scope", "0123456789ab", true },
		{ "/m.slice/libpod-conmon-" ONE ".scope", "0123456789ab", false },
		{ "/m.slice/libpod-conmon-" ONE ".scope", "podman:0123456789ab/conmon", true },
		{ BURST POD_ ".slice", "k8s:5759a1ae", true },
		{ BURST POD_ ".slice/crio-" ONE ".scope", "k8s:5759a1ae", false },
		{ BURST POD_ ".slice/crio-" ONE ".scope", "k8s:5759a1ae/0123456789ab", true },
		{ "/lxc.payload.web", "lxc:web", true },
		{ "/lxc.payload.web", "lxc.payload.web", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (cgroup_name_matches(rows[i].path, rows[i].text) != rows[i].meant)
			fail_msg("'%s' as '%s'", rows[i].path, rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_of_systemd),
		cmocka_unit_test(containers),
		cmocka_unit_test(pods_of_kubernetes),
		cmocka_unit_test(machines),
		cmocka_unit_test(what_is_none_of_these_is_its_path),
		cmocka_unit_test(what_is_too_long_is_cut),
		cmocka_unit_test(what_a_person_can_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
