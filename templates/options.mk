# SPDX-License-Identifier: GPL-2.0
# kpsc wrote this file. It prints what the kernel's own makefiles give the object in kps-object, such as fs/xfs/xfs_file.o, for its text:
# the folders of its headers, its macros, and the files that are included before it. It prints nothing if the kernel's source is not there.
kps-options:
	@:
include $(objtree)/include/config/auto.conf

# A folder, behind those above it: they have options for all that is below them. A folder without a makefile belongs to the one above.
kps-folders = $(if $(filter-out .,$1),$(call kps-folders,$(patsubst %/,%,$(dir $1))) $1)
kps-makefile = $(firstword $(wildcard $(srctree)/$1/Kbuild $(srctree)/$1/Makefile))
# Before Linux 6.10, `src` was relative to the top of the source.
kps-top := $(if $(findstring src := $$(obj),$(file <$(srctree)/scripts/Makefile.build)),,$(srctree)/)
define kps-read
obj := $1
src := $(kps-top)$1
ccflags-y :=
include $(call kps-makefile,$1)
endef
kps-read-all := $(foreach folder,$(call kps-folders,$(patsubst %/,%,$(dir $(kps-object)))),$(if $(call kps-makefile,$(folder)),$(folder)))
$(foreach folder,$(kps-read-all),$(eval $(call kps-read,$(folder))))

# `-I DIR` and `-include FILE` are one word each here. The ? stands for the space.
kps-words := $(strip $(subdir-ccflags-y) $(ccflags-y) $(CFLAGS_$(patsubst $(lastword $(kps-read-all))/%,%,$(kps-object))))
kps-words := $(subst -include ,-include?,$(subst -I ,-I,$(kps-words)))
$(info $(subst ?, ,$(filter -I% -D% -U% -include?%,$(kps-words))))
