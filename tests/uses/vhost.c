// SPDX-License-Identifier: GPL-2.0
struct vhost_dev;
struct vhost_poll;

void vhost_poll_queue(struct vhost_poll *poll);

static void vhost_clear_msg(struct vhost_dev *dev)
{
	vhost_poll_queue((struct vhost_poll *)dev);
	original(dev);
}
