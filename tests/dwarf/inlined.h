/* What the files of this program share. `COPIED` goes into its callers, and `SITE` stays a function of its own. */
#define COPIED static inline __attribute__((always_inline))
#define SITE __attribute__((noinline))

extern volatile int sink;

int both_files(int n);
