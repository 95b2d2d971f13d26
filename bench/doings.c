/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "doings.h"

enum { PAGES = 256 };

void loop_fault(long count, const char *path)
{
	long page = sysconf(_SC_PAGESIZE);
	size_t size = (size_t)(PAGES * page);
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		exit(EXIT_FAILURE);
	madvise(memory, size, MADV_NOHUGEPAGE);
	for (; count > 0; count -= PAGES) {
		for (long i = 0; i < PAGES && i < count; i++)
			((volatile char *)memory)[i * page] = 1;
		madvise(memory, size, MADV_DONTNEED);
	}
	munmap(memory, size);
}

struct game {
	int to[2], back[2];
	long rounds;
};

static void *answer(void *argument)
{
	struct game *game = argument;
	char byte;

	for (long i = 0; i < game->rounds; i++)
		if (read(game->to[0], &byte, 1) != 1 || write(game->back[1], &byte, 1) != 1)
			exit(EXIT_FAILURE);
	return NULL;
}

void loop_switch(long count, const char *path)
{
	struct game game = { .rounds = count / 2 };
	pthread_t other;
	char byte = 0;

	if (pipe(game.to) < 0 || pipe(game.back) < 0 ||
	    pthread_create(&other, NULL, answer, &game) != 0)
		exit(EXIT_FAILURE);
	for (long i = 0; i < game.rounds; i++)
		if (write(game.to[1], &byte, 1) != 1 || read(game.back[0], &byte, 1) != 1)
			exit(EXIT_FAILURE);
	pthread_join(other, NULL);
	for (int i = 0; i < 2; i++) {
		close(game.to[i]);
		close(game.back[i]);
	}
}
