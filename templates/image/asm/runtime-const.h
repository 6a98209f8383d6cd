/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel replaces constants in its own image at boot, and in no module: code of a patch reads the variables. */
#include <asm-generic/runtime-const.h>
