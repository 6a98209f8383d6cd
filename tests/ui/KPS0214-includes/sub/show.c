#include <linux/fs.h>
#include "./near.h"
#include "../far.h"
#include "../../outside.h"
