/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of which it is known where their time goes. Built with frame pointers.
 *   burn MS        CPU time, three parts of four in one function; names of C++ and Rust
 *   kernel MS      CPU time, nearly all of it in the kernel
 *   jit MS         CPU time in code that it makes, named in /tmp/perf-PID.map
 *   wait N MS      N sleeps; prints the nanoseconds that they took by the clock
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
/* What calls nothing has no frame unless it asks for one; and no call is a jump. */
#define HAS_FRAME() __asm__ volatile("" : : "r"(__builtin_frame_address(0)))

static volatile uint64_t sink;

void three_parts(uint64_t count) __asm__("_ZN4plus11three_partsEm");
void one_part(uint64_t count) __asm__("_ZN5oxide8one_part17h0123456789abcdefE");
void burn(uint64_t end);
void in_the_kernel(uint64_t end);
void in_made_code(uint64_t end);
void wait_here(uint64_t ms);

/* Without the C library, which has no frame pointer, between a function and the kernel. */
static inline __attribute__((always_inline)) long call(long number, long first, long second,
						       long third)
{
#if defined(__x86_64__)
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(number), "D"(first), "S"(second), "d"(third)
			 : "rcx", "r11", "memory");
	return result;
#else
	return syscall(number, first, second, third);
#endif
}

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

NOINLINE void three_parts(uint64_t count)
{
	for (uint64_t i = 0; i < 3 * count; i++)
		sink += i;
	HAS_FRAME();
}

NOINLINE void one_part(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		sink += i;
	HAS_FRAME();
}

NOINLINE void burn(uint64_t end)
{
	while (nanoseconds(CLOCK_PROCESS_CPUTIME_ID) < end) {
		three_parts(100000);
		one_part(100000);
	}
	HAS_FRAME();
}

NOINLINE void in_the_kernel(uint64_t end)
{
	static char buffer[1 << 20];
	int zero = open("/dev/zero", O_RDONLY);

	while (nanoseconds(CLOCK_PROCESS_CPUTIME_ID) < end)
		if (call(SYS_read, zero, (long)buffer, sizeof(buffer)) < 0)
			exit(1);
	HAS_FRAME();
}

/* A loop of 10,000,000 turns, with a frame. */
static const unsigned char machine_code[] = { 0x55,                         /* push %rbp */
					      0x48, 0x89, 0xe5,             /* mov %rsp,%rbp */
					      0xb9, 0x80, 0x96, 0x98, 0x00, /* mov $...,%ecx */
					      0xff, 0xc9,                   /* dec %ecx */
					      0x75, 0xfc,                   /* jnz, 2 back */
					      0x5d,                         /* pop %rbp */
					      0xc3 };                       /* ret */

NOINLINE void in_made_code(uint64_t end)
{
	void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char path[64];
	FILE *map;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	map = fopen(path, "w");
	memcpy(code, machine_code, sizeof(machine_code));
	fprintf(map, "%lx %zx made::code in a loop\n", (unsigned long)code, sizeof(machine_code));
	fclose(map);
	while (nanoseconds(CLOCK_PROCESS_CPUTIME_ID) < end)
		((void (*)(void))code)();
	unlink(path);
}

NOINLINE void wait_here(uint64_t ms)
{
	struct timespec time = { .tv_sec = (time_t)(ms / 1000),
				 .tv_nsec = (long)(ms % 1000) * 1000000 };

	if (call(SYS_nanosleep, (long)&time, 0, 0))
		exit(1);
	HAS_FRAME();
}

int main(int argc, char **argv)
{
	uint64_t end = argc > 2 ? strtoull(argv[2], NULL, 10) * 1000000 : 0, begun;

	if (argc == 3 && strcmp(argv[1], "burn") == 0) {
		burn(end);
	} else if (argc == 3 && strcmp(argv[1], "kernel") == 0) {
		in_the_kernel(end);
	} else if (argc == 3 && strcmp(argv[1], "jit") == 0) {
		in_made_code(end);
	} else if (argc == 4 && strcmp(argv[1], "wait") == 0) {
		begun = nanoseconds(CLOCK_MONOTONIC);
		for (int i = 0; i < atoi(argv[2]); i++)
			wait_here(strtoull(argv[3], NULL, 10));
		printf("%llu\n", (unsigned long long)(nanoseconds(CLOCK_MONOTONIC) - begun));
	} else {
		return 2;
	}
	return 0;
}
