// SPDX-License-Identifier: GPL-2.0-or-later
/* The whole of a 32-bit program, without a library: 1000 getppid, 1000 failing close, one exit. */
static long call(long number, long argument)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(argument) : "memory");
	return result;
}

void _start(void)
{
	for (int i = 0; i < 1000; i++) {
		call(64, 0);
		call(6, -1);
	}
	call(1, 0);
}
