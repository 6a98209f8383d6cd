// SPDX-License-Identifier: GPL-2.0
// Asks for a terminal's settings and for written pages.
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

/* linux/fs.h since 6.7 */
struct pm_scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)

int main(void)
{
	struct pm_scan_arg scan = { .size = sizeof(scan) };
	struct termios settings;
	int pagemap = open("/proc/self/pagemap", O_RDONLY);

	printf("TCGETS: %s\n", strerror(ioctl(pagemap, TCGETS, &settings) ? errno : 0));
	printf("PAGEMAP_SCAN: %s\n", strerror(ioctl(pagemap, PAGEMAP_SCAN, &scan) < 0 ? errno : 0));
	return 0;
}
