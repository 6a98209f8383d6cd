/* Functions without code of their own: `leaf` is in `between`, which is in `upper`. */
#include "inlined.h"
#include "gone.h"

volatile int sink;

COPIED int leaf(int n)
{
	sink = n;
	return sink * 5;
}

COPIED int between(int n)
{
	sink = n + 2;
	return leaf(n + 1);
}

/* Its result is known at compile time. */
COPIED int nothing(int n)
{
	return n;
}

SITE int upper(int n)
{
	return between(n) + of_header(n) + nothing(3);
}

SITE int user(int n)
{
	return of_header(n + 1);
}

int main(void)
{
	return upper(sink) + user(sink) + both_files(sink);
}
