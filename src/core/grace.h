/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Waits until no program that the kernel runs can still look at what it found before this call:
 * programs run inside RCU read sections, and a grace period of RCU passes here.
 */
void grace_period(void);
