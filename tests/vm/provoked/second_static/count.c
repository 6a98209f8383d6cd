// SPDX-License-Identifier: GPL-2.0
static int visits;

static int count_visit(void)
{
	return ++visits;
}
