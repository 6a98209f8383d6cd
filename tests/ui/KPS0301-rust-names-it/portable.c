// SPDX-License-Identifier: GPL-2.0
static int own_count(void)
{
	return 0;
}
