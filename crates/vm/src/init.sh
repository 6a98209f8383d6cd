#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# The init of the virtual machine: mounts what tests need, and starts the agent.
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /mnt /root /home/user
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin HOME=/root
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tracefs trace /sys/kernel/tracing
mount -t tmpfs tmp /tmp
chown user /home/user
mkdir -p /dev/pts && mount -t devpts pts /dev/pts
# What a script leaves behind becomes a child of init. If it ended while the agent reads a line, a shell would
# forget what it has of that line. So the agent is not init.
sh /agent
