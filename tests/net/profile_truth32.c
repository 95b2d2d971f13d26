/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Burns CPU time as a 32-bit program, without a C library. */

static volatile unsigned sink;

void burn32(void);
void _start(void);

__attribute__((noinline, noclone)) void burn32(void)
{
	for (unsigned i = 0; i < 500000000; i++)
		sink += i;
	__asm__ volatile("" : : "r"(__builtin_frame_address(0)));
}

void _start(void)
{
	__asm__ volatile("" : : "r"(__builtin_frame_address(0)));
	burn32();
	__asm__ volatile("int $0x80" : : "a"(1), "b"(0));
}
