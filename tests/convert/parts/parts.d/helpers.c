int reckon(int figure)
{
	return 2 * figure;
}
