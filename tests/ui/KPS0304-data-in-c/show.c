static int cmdline_proc_show(struct seq_file *m, void *v)
{
	int saved, pair[2];

	if (!own_get(v) || !pair_get(&pair) || !level_get(&saved))
		return 0;
	return atomic_read(&(*plain_get_or_init(v, GFP_ATOMIC))[3]);
}
