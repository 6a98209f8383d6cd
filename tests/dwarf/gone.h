/* What a header has: every file that includes it has a copy of the definition. */
COPIED int of_header(int n)
{
	sink = n + 7;
	return sink * 7;
}
