/* Another function that is named `same`, and its own callers. */
#include "../inlined.h"

COPIED int same(int n)
{
	sink = n;
	return sink - 1;
}

SITE int second_caller(int n)
{
	return same(n);
}

SITE int third_caller(int n)
{
	sink = 3;
	return same(n + 1);
}

int (*volatile other_function)(int) = same;

SITE int both_files(int n)
{
	return second_caller(n) + third_caller(other_function(n));
}
