// SPDX-License-Identifier: GPL-2.0
void do_exit(long code)
{
}
