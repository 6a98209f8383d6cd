// SPDX-License-Identifier: GPL-2.0
// Wants what lo_ioctl() (drivers/block/loop.c) wants before it sets a status, and leaves the rest to the old function.
#include <linux/blkdev.h>
#include <linux/capability.h>
#include <linux/loop.h>

static int lo_compat_ioctl(struct block_device *bdev, blk_mode_t mode, unsigned int cmd, unsigned long arg)
{
	if (cmd == LOOP_SET_STATUS && !(mode & BLK_OPEN_WRITE) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return original(bdev, mode, cmd, arg);
}
