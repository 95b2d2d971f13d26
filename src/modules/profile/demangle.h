/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of C++ and Rust as they were written, by libiberty, which knows both. */
#pragma once

enum { DEMANGLED_TEXT = 512 };

/*
 * "_ZN3foo3barEi" -> "foo::bar"; what is not such a name stays, and so does one whose plain form
 * would be too long: a short name, which anybody may put into a program, can stand for one of
 * millions of characters. Cut where it is longer than the buffer. Returns `buffer`.
 */
const char *demangle(const char *name, char buffer[DEMANGLED_TEXT]);
