/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Burns CPU time as a 32-bit program, without a C library: -m32 -nostdlib. */

static volatile unsigned sink;

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
