/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stands before livepatch-shadow-mod.c, whose text stays as it is: its seconds are fifty times as short, so that hundreds of its
 * objects come and go while a test runs.
 */
#include <linux/jiffies.h>

#undef secs_to_jiffies
#define secs_to_jiffies(secs) msecs_to_jiffies((secs) * 20)
