/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's own file systems, also where nobody has mounted them. */
#pragma once

/*
 * A directory descriptor of the one instance there is of `type`, as "tracefs", without
 * mounting it anywhere; takes CAP_SYS_ADMIN. -ENODEV: this kernel has none.
 */
int kernelfs_open(const char *type);
