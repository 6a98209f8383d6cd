// SPDX-License-Identifier: GPL-2.0
// The return value is of no type that it can be of.
int main(void)
{
	return undeclared;
}
