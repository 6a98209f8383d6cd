#include "b.h"
int b; /* [31m */
