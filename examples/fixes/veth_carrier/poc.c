// SPDX-License-Identifier: GPL-2.0
// Makes a pair of devices in a namespace of its own, changes the number of channels of one, and tells of its carrier.
#define _GNU_SOURCE
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void check(int failed, const char *what)
{
	if (failed) {
		perror(what);
		exit(1);
	}
}

static struct rtattr *add(struct nlmsghdr *message, int type, const void *data, int size)
{
	struct rtattr *attribute = (void *)((char *)message + NLMSG_ALIGN(message->nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), data, size);
	message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + RTA_ALIGN(attribute->rta_len);
	return attribute;
}

/* veth0 and veth1, with two queues each way: the busybox in the machine cannot say how many. */
static void add_pair(void)
{
	char buffer[512] = "";
	struct nlmsghdr *message = (void *)buffer;
	struct nlmsgerr *answer = NLMSG_DATA(message);
	int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), two = 2;
	struct rtattr *info;

	message->nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg));
	message->nlmsg_type = RTM_NEWLINK;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
	add(message, IFLA_NUM_TX_QUEUES, &two, sizeof(two));
	add(message, IFLA_NUM_RX_QUEUES, &two, sizeof(two));
	info = add(message, IFLA_LINKINFO, "", 0);
	add(message, IFLA_INFO_KIND, "veth", sizeof("veth"));
	info->rta_len = (char *)message + message->nlmsg_len - (char *)info;
	check(send(netlink, buffer, message->nlmsg_len, 0) < 0, "netlink");
	check(recv(netlink, buffer, sizeof(buffer), 0) < 0, "netlink");
	if (message->nlmsg_type == NLMSG_ERROR && answer->error) {
		printf("veth: %s\n", strerror(-answer->error));
		exit(1);
	}
}

static void up(int sock, const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_UP };

	strcpy(request.ifr_name, name);
	check(ioctl(sock, SIOCSIFFLAGS, &request), name);
}

static void ethtool(int sock, void *data)
{
	struct ifreq request = { .ifr_name = "veth0", .ifr_data = data };

	check(ioctl(sock, SIOCETHTOOL, &request), "ethtool");
}

static void tell(int sock, const char *when)
{
	struct ethtool_value link = { .cmd = ETHTOOL_GLINK };

	ethtool(sock, &link);
	printf("%s: carrier %u\n", when, link.data);
}

int main(void)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_SCHANNELS, .rx_count = 1, .tx_count = 1 };
	int sock;

	check(unshare(CLONE_NEWUSER | CLONE_NEWNET), "unshare");
	add_pair();
	sock = socket(AF_INET, SOCK_DGRAM, 0);
	up(sock, "veth0");
	tell(sock, "before");
	ethtool(sock, &channels);
	tell(sock, "one channel");
	up(sock, "veth1");
	tell(sock, "peer up");
	return 0;
}
