/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <endian.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "maps.h"
#include "peers.skel.h"

/* ---- memory ---------------------------------------------------------------------- */

static double memory_of(int map)
{
	CLEANUP_FCLOSE FILE *file = NULL;
	char path[64], line[128];
	double bytes;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "memlock: %lf", &bytes) == 1)
			return bytes;
	return 0;
}

static double pinned;

static int add_pinned(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	CLEANUP_CLOSE int map = kind == FTW_F ? bpf_obj_get(path) : -1;

	pinned += map < 0 ? 0 : memory_of(map);
	return 0;
}

double maps_pinned_memory(const char *directory)
{
	pinned = 0;
	nftw(directory, add_pinned, 8, FTW_PHYS);
	return pinned;
}

/* ---- the peers' maps ------------------------------------------------------------- */

struct key6 {
	uint32_t length;
	uint64_t address[2];
} __attribute__((packed));

/* The keys of a list as the map has them, one behind the other. */
static void *keys_of(const struct corpus *list, bool trie)
{
	bool v6 = list->kind == CORPUS_PREFIXES6;
	uint32_t *keys = calloc(list->count + 1, sizeof(struct key6));
	struct key6 *keys6 = (struct key6 *)keys;

	for (size_t i = 0; keys && i < list->count; i++) {
		const struct corpus_prefix *at = &list->prefixes[i];

		if (v6) {
			keys6[i] = (struct key6){ at->length,
						  { htobe64(at->high), htobe64(at->low) } };
		} else if (trie) {
			keys[2 * i] = at->length;
			keys[2 * i + 1] = htobe32((uint32_t)at->low);
		} else {
			keys[i] = htobe32((uint32_t)at->low);
		}
	}
	return keys;
}

static int fill(int map, const struct corpus *list, bool trie, struct error *error)
{
	CLEANUP_FREE void *keys = keys_of(list, trie);
	CLEANUP_FREE uint8_t *values = calloc(list->count + 1, 1);
	__u32 count = (__u32)list->count;
	int r;

	if (!keys || !values)
		return -ENOMEM;
	r = count ? bpf_map_update_batch(map, keys, values, &count, NULL) : 0;
	return r < 0 ? error_set(error, r, "cannot fill the map: %s", strerror(-r)) : 0;
}

static struct bpf_map *map_for(const struct peers_bpf *peers, const struct corpus *list, bool trie)
{
	if (!trie)
		return peers->maps.hash4;
	return list->kind == CORPUS_PREFIXES6 ? peers->maps.trie6 : peers->maps.trie4;
}

static int load(struct peers_bpf *peers, bool tries, const struct corpus *const *lists,
		struct error *error)
{
	int r;

	for (size_t i = 0; lists[i]; i++)
		if (lists[i]->count)
			bpf_map__set_max_entries(map_for(peers, lists[i], tries),
						 (__u32)lists[i]->count);
	r = peers_bpf__load(peers);
	if (r < 0)
		return error_set(error, r, "cannot load the peers' programs: %s", strerror(-r));
	for (size_t i = 0; r == 0 && lists[i]; i++)
		r = fill(bpf_map__fd(map_for(peers, lists[i], tries)), lists[i], tries, error);
	if (r < 0)
		return r;
	return dup(bpf_program__fd(tries ? peers->progs.trie : peers->progs.hash));
}

int maps_load(bool tries, const struct corpus *const *lists, struct error *error)
{
	struct peers_bpf *peers = peers_bpf__open();
	int fd;

	if (!peers)
		return error_set(error, -errno, "cannot open the peers' programs");
	fd = load(peers, tries, lists, error);
	peers_bpf__destroy(peers);
	return fd;
}

/* ---- xdp-filter ------------------------------------------------------------------ */

static int copy_first(const struct corpus *list, int map, struct error *error)
{
	CLEANUP_FREE uint64_t *value = calloc((size_t)libbpf_num_possible_cpus(), sizeof(*value));
	CLEANUP_FREE uint32_t *keys = keys_of(list, false);
	int r;

	if (!value || !keys)
		return -ENOMEM;
	r = bpf_map_lookup_elem(map, &keys[0], value);
	for (size_t i = 1; r == 0 && i < list->count; i++)
		r = bpf_map_update_elem(map, &keys[i], value, BPF_ANY);
	return r < 0 ? error_set(error, r, "cannot fill xdp-filter's map: %s", strerror(-r)) : 0;
}

int maps_fill_xdp_filter(const struct corpus *list, struct error *error)
{
	uint32_t first = htobe32((uint32_t)list->prefixes[0].low);
	char text[INET_ADDRSTRLEN];
	const char *const ban[] = { "xdp-filter", "ip", "-m", "src", text, NULL };
	CLEANUP_CLOSE int map = -1;
	int r;

	inet_ntop(AF_INET, &first, text, sizeof(text));
	r = lab_run(ban, NULL, error);
	if (r < 0)
		return r;
	map = bpf_obj_get("/sys/fs/bpf/xdp-filter/filter_ipv4");
	if (map < 0)
		return error_set(error, -errno, "xdp-filter has pinned no map: %s",
				 strerror(errno));
	return copy_first(list, map, error);
}

int site_program(const struct site *site, struct error *error)
{
	__u32 id = 0;
	int fd, r = bpf_xdp_query_id((int)site->lab.receiver_index, 0, &id);

	if (r < 0 || !id)
		return error_set(error, r < 0 ? r : -ESRCH, "no program is attached");
	fd = bpf_prog_get_fd_by_id(id);
	return fd < 0 ? error_set(error, -errno, "cannot open the program: %s", strerror(errno))
		      : fd;
}
