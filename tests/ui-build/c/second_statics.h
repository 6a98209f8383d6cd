/* SPDX-License-Identifier: GPL-2.0 */
static DEFINE_MUTEX(loop_ctl_mutex);
