/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions of ELF files: of this program, and of what is made of it by breaking it. */
#include "../../unit.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "modules/profile/elf_symbols.h"

enum { ROUNDS = 400, LOOKS = 64 };

static unsigned char *whole;
static size_t size;

static int read_this(void **state)
{
	CLEANUP_FCLOSE FILE *file = fopen("/proc/self/exe", "re");

	fseek(file, 0, SEEK_END);
	size = (size_t)ftell(file);
	rewind(file);
	whole = malloc(size);
	return whole && fread(whole, 1, size, file) == size ? 0 : -1;
}

static int free_this(void **state)
{
	free(whole);
	return 0;
}

static int file_of(const void *bytes, size_t length)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	return fd;
}

__attribute__((noinline)) static uint64_t offset_of(const void *function)
{
	CLEANUP_FCLOSE FILE *file = fopen("/proc/self/maps", "re");
	unsigned long long start, end, offset;
	char line[512];

	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%llx-%llx %*s %llx", &start, &end, &offset) == 3 &&
		    (uintptr_t)function >= start && (uintptr_t)function < end)
			return (uintptr_t)function - start + offset;
	fail();
	return 0;
}

static void this_program(void **state)
{
	CLEANUP_CLOSE int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct elf_symbols *symbols = elf_symbols_read(fd);
	uint64_t offset = offset_of((const void *)offset_of);

	assert_string_equal(elf_symbols_find(symbols, offset), "offset_of");
	assert_string_equal(elf_symbols_find(symbols, offset + 8), "offset_of");
	assert_string_equal(elf_symbols_find(symbols, offset_of((const void *)read_this)),
			    "read_this");
	assert_null(elf_symbols_find(symbols, 1ULL << 60));
	assert_int_equal(elf_symbols_start(symbols, offset + 8), offset);
	assert_int_equal(elf_symbols_start(symbols, 1ULL << 60), 1ULL << 60);
	elf_symbols_free(symbols);
	assert_null(elf_symbols_free(NULL));
}

static void look_everywhere(int fd, uint64_t *random)
{
	struct elf_symbols *symbols = elf_symbols_read(fd);

	assert_non_null(symbols);
	for (size_t i = 0; i < LOOKS; i++) {
		uint64_t offset = i % 8 ? random_next(random) % (2 * size) : random_next(random);
		const char *name = elf_symbols_find(symbols, offset);

		if (name)
			assert_true(strlen(name) > 0);
		elf_symbols_start(symbols, offset);
	}
	elf_symbols_free(symbols);
}

static void what_is_none(void **state)
{
	static const char *const texts[] = { "", "\177ELF", "#!/bin/sh\n", "!<arch>\n" };
	uint64_t random = 1;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP_CLOSE int fd = file_of(texts[i], strlen(texts[i]));

		look_everywhere(fd, &random);
	}
	look_everywhere(-1, &random);
}

static void cut_anywhere(void **state)
{
	uint64_t random = 2;

	for (size_t i = 0; i < ROUNDS; i++) {
		size_t length = i < 130 ? i : random_next(&random) % size;
		CLEANUP_CLOSE int fd = file_of(whole, length);

		look_everywhere(fd, &random);
	}
}

/* Where a byte says most: the header, the headers of segments and of sections. */
static size_t telling_place(uint64_t *random)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)whole;
	size_t begins[] = { 16, header->e_phoff, header->e_shoff, 0 };
	size_t lengths[] = { sizeof(*header) - 16, (size_t)header->e_phnum * header->e_phentsize,
			     (size_t)header->e_shnum * header->e_shentsize, size };
	size_t i = random_next(random) % 4;

	return begins[i] + random_next(random) % lengths[i];
}

static void wrong_anywhere(void **state)
{
	uint64_t random = 3;

	for (size_t i = 0; i < ROUNDS; i++) {
		CLEANUP_FREE unsigned char *broken = malloc(size);
		CLEANUP_CLOSE int fd = -1;

		memcpy(broken, whole, size);
		for (size_t j = 0; j <= i % 8; j++)
			broken[telling_place(&random)] =
				i % 3 ? (unsigned char)random_next(&random) : 0xff;
		fd = file_of(broken, size);
		look_everywhere(fd, &random);
	}
}

/* By whoever can write to a library that programs have mapped. */
static void shorter_while_open(void **state)
{
	uint64_t random = 4;
	int fd = file_of(whole, size);
	struct elf_symbols *symbols = elf_symbols_read(fd);
	uint64_t offset = offset_of((const void *)offset_of);

	assert_int_equal(ftruncate(fd, 100), 0);
	elf_symbols_start(symbols, offset);
	look_everywhere(fd, &random);
	assert_string_equal(elf_symbols_find(symbols, offset), "offset_of");
	elf_symbols_free(symbols);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(this_program),       cmocka_unit_test(what_is_none),
		cmocka_unit_test(cut_anywhere),       cmocka_unit_test(wrong_anywhere),
		cmocka_unit_test(shorter_while_open),
	};

	return cmocka_run_group_tests(tests, read_this, free_this);
}
