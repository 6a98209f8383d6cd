/* Functions of which the compiler makes clones for their callers. */
struct pair {
	long first;
	long second;
};

volatile long sink;

/* All callers pass the same third argument. */
static __attribute__((noinline)) long constant(struct pair *pair, long n, long same)
{
	sink = n + same;
	return pair->first + sink * same;
}

/* Of the second pair, all callers pass a member. */
static __attribute__((noinline)) long member(long n, struct pair *pair, char letter)
{
	sink = n;
	return sink + pair->second + letter;
}

/* Nobody takes the result, and nobody needs the first argument. */
static __attribute__((noinline)) long dropped(long unused, struct pair *pair)
{
	sink = pair->first;
	sink = pair->second;
	pair->first = sink;
	return sink;
}

/* Its rare part is a function of its own, which callers call after they have looked. */
static long part(struct pair *pair, long n, long unused)
{
	if (__builtin_expect(n < 100, 1))
		return 0;
	for (long i = 0; i < n; i++) {
		sink = pair->first * i;
		sink += pair->second / (i + 1);
		sink ^= pair->first - i;
		pair->first = sink;
		sink = pair->second * sink;
		sink = pair->second * sink + 3;
		pair->second = sink / 5;
	}
	return sink;
}

__attribute__((noinline)) int first_caller(struct pair *pair, long n)
{
	dropped(n, pair);
	return constant(pair, n, 7) + member(n, pair, 'a') + part(pair, n, 1);
}

__attribute__((noinline)) int second_caller(struct pair *pair, long n)
{
	dropped(n + 1, pair);
	return constant(pair + 1, n + 1, 7) + member(n + 2, pair + 1, 'b') + part(pair + 1, n, 2) + part(pair, n + 5, 3);
}

int main(int argc, char **argv)
{
	struct pair pairs[2] = { { argc, 2 }, { 3, argc } };

	return first_caller(pairs, argc) + second_caller(pairs, argc);
}
