/* Another file with the header, and another `leaf`. */
#include "../inlined.h"
#include "../gone.h"

COPIED int leaf(int n)
{
	sink = n + 4;
	return sink * 9;
}

SITE int both_files(int n)
{
	return of_header(n) + leaf(n);
}
