// SPDX-License-Identifier: GPL-2.0
// Calls sync(2) through the door that 32-bit programs use.
int main(void)
{
	long status = 36;

	asm volatile("int $0x80" : "+a"(status) : : "memory", "r8", "r9", "r10", "r11");
	return status != 0;
}
