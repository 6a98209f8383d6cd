# SPDX-License-Identifier: GPL-2.0
# kpsc wrote this file. It prints what the kernel's own makefiles give the object in kps-object, such as fs/xfs/xfs_file.o, for its text:
# the folders of its headers, its macros, and the files that are included before it. It prints nothing if the kernel's source is not there.
kps-options:
	@:
include $(objtree)/include/config/auto.conf

# A folder, behind those above it: they have options for all that is below them.
kps-folders = $(if $(filter-out .,$1),$(call kps-folders,$(patsubst %/,%,$(dir $1))) $1)
define kps-read
obj := $1
src := $(srctree)/$1
ccflags-y :=
include $(firstword $(wildcard $(srctree)/$1/Kbuild $(srctree)/$1/Makefile))
endef
$(foreach folder,$(call kps-folders,$(patsubst %/,%,$(dir $(kps-object)))),$(eval $(call kps-read,$(folder))))

# `-I DIR` and `-include FILE` are one word each here. The ? stands for the space.
kps-words := $(strip $(subdir-ccflags-y) $(ccflags-y) $(CFLAGS_$(notdir $(kps-object))))
kps-words := $(subst -include ,-include?,$(subst -I ,-I,$(kps-words)))
$(info $(subst ?, ,$(filter -I% -D% -U% -include?%,$(kps-words))))
