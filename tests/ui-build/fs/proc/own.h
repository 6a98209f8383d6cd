/* SPDX-License-Identifier: GPL-2.0 */
#define OWN 0
#define pde_subdir_find_none() ((struct proc_dir_entry *)NULL)
