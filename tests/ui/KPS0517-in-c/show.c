static int rebooting(struct notifier_block *block, unsigned long action, void *data)
{
	return 0;
}
static struct notifier_block block = { .notifier_call = rebooting };

int cmdline_proc_show(struct seq_file *m, void *v)
{
	register_reboot_notifier(&block);
	return 0;
}
