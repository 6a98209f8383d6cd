static void tick(struct timer_list *timer) {}
static void run(struct work_struct *work) {}
static int compare(const void *a, const void *b) { return 0; }

void begin(void *timer)
{
	timer_setup(timer, tick, 0);
	mod_timer(timer, jiffies + 1);
}

void start(void *work)
{
	INIT_WORK(work, run);
	schedule_work(work);
}

void sorts(void *m)
{
	struct dir_context context = { .actor = compare };

	sort(m, 4, 4, compare, NULL);
	iterate_dir(m, &context);
	mod_timer(their_timer, jiffies + 1);
}
