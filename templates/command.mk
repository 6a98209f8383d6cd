# kpsc wrote this file, and make reads it before any other. The goal DIR/NAME.kps prints what Kbuild would compile DIR/NAME.c with, and
# what it would link the object into. It goes the way of the kernel's own goals for single files, such as DIR/NAME.i, without preparing
# anything: a build tree is complete.
override may-sync-config :=
override need-compiler := y
# The build tree is only read. What Kbuild tries with the compiler goes here, and it makes no folders for objects.
kps-folder := $(dir $(lastword $(MAKEFILE_LIST)))
override TMPOUT = $(kps-folder).tmp_$$$$
override obj-dirs :=

ifneq ($(origin obj),command line)
# The top makefile. It has read the configuration and set what holds for all files.
%.kps:
	@$(MAKE) $(build)=. need-builtin=1 need-modorder=1 $@
else
# scripts/Makefile.build for one folder. It has added what holds for the files below it.
kps-below = $(firstword $(foreach folder,$(subdir-ym),$(if $(filter $(folder)/%,$@),$(folder))))
kps-part = $(if $(filter $(basename $@).o,$(real-obj-m)),module,$(if $(filter $(basename $@).o,$(real-obj-y) $(lib-y)),builtin,nothing))
kps-print = printf 'kps %s\n' 'object $(basename $@).o' 'part $(kps-part)' 'name $(modname)'; printf 'kps word %s\n' $(CC) $(c_flags)

ifeq ($(obj),.)
%.kps:
else
$(obj)/%.kps:
endif
	@$(if $(kps-below),$(MAKE) $(build)=$(kps-below) need-builtin=1 need-modorder=1 $@,$(kps-print))
endif
