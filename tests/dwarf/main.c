/* Functions with copies in others: `innermost` is in `middle`, which is in `outer`, so `outer` has both. */
#include "inlined.h"

volatile int sink;

COPIED int innermost(int n)
{
	sink = n;
	return sink * 3;
}

COPIED int middle(int n)
{
	sink = n + 1;
	return innermost(n + 2);
}

/* In this file `same` is in `first_caller` and nowhere else. */
COPIED int same(int n)
{
	sink = n;
	return sink + 1;
}

SITE int outer(int n)
{
	return middle(n) + 1;
}

SITE int first_caller(int n)
{
	return same(n) + same(n + 1);
}

SITE int no_copies(int n)
{
	sink = n;
	return n;
}

/* Addresses keep functions of their own beside the copies. */
int (*volatile functions[])(int) = { innermost, middle, same };

int main(void)
{
	return outer(sink) + first_caller(sink) + no_copies(sink) + both_files(functions[sink % 3](sink));
}
