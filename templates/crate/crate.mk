# SPDX-License-Identifier: GPL-2.0
# kpsc wrote this file. A patch crate's Kbuild file names the module in kps-name, and its folder in kps-crate.
#
# To Kbuild, it is a module only inside the rule below, where the linker is called through `kpsc link`: that turns the symbols
# listed in patch.symvers into klp relocations before anything is named .ko.
KPSC ?= kpsc
kps-folder := $(kps-crate)/kps
include $(kps-folder)/refuse.mk
$(call kps-refuse,the crate's folder,$(kps-crate))
$(call kps-refuse,kps-name,$(kps-name))
$(call kps-refuse,KPSC,$(value KPSC),,space)
# What the kernel's makefiles give its file of the same path. The variables of this make are not for the other one.
kps-options = $(shell MAKEFLAGS= $(MAKE) -rRs --no-print-directory -f $(kps-folder)/options.mk kps-object=$1 2>/dev/null)
# What kpsc has found out about the patch: kps-c-objects and their kps-options, kps-image-objects, kps-release, kps-digest and kps-made-by.
include $(kps-folder)/patch.mk
KBUILD_EXTRA_SYMBOLS := $(kps-folder)/patch.symvers

ifdef kps-module

ifneq ($(kps-release),$(KERNELRELEASE))
$(error kps/ was made for $(kps-release) and not for $(KERNELRELEASE): run `kpsc sync --kernel NAME` here)
endif
# What the macros are written with: kpsc's in core mode, or the kernel's, where Linux 7.3 has moved it to and where it was before.
kps-syn := $(firstword $(wildcard $(addsuffix /host/libsyn.rlib,$(KPS_CORE)) $(objtree)/rust/host/libsyn.rlib $(objtree)/rust/libsyn.rlib))
ifeq ($(kps-syn),)
$(error this kernel was built without syn, which macros need: take a kernel since Linux 6.19, or a .kps spec)
endif

# The macros read these.
export KPS_FACTS := $(abspath $(kps-folder)/target.facts)
export KPS_CRATE := $(abspath $(kps-crate))
export KPS_DIGEST := $(kps-digest)
export KPS_MADE_BY := $(kps-made-by)

obj-m := $(kps-name).o
$(kps-name)-y := src/lib.o kps/runtime/src/lib.o $(kps-c-objects)

# The macros, by the rustc that built the kernel and with the kernel's own syn, quote and proc-macro2.
kps-lib := $(obj)/kps/lib
kps-rlib = $(kps-lib)/libkps_$(1).rlib
kps-macros := $(kps-lib)/libkps_macros.so
kps-sources = $(wildcard $(addprefix $(kps-folder)/$(1)/src/,*.rs */*.rs */*/*.rs))

# Reading facts is all that takes the macros long, and so that is all that is worth the time to optimise it.
kps-opt-level = $(if $(filter facts,$(1)),1,0)
# The library's crate, its type, and the crates that it needs of the kernel's and of the library's.
quiet_cmd_kps_library = RUSTC $@
      cmd_kps_library = mkdir -p $(kps-lib); $(RUSTC) --edition=2021 -Copt-level=$(call kps-opt-level,$(2)) --cap-lints=allow \
	--crate-name kps_$(2) --crate-type $(3) -Clinker-flavor=gcc -Clinker=$(HOSTCC) --out-dir $(kps-lib) \
	-L $(kps-lib) -L $(dir $(kps-syn)) --extern proc_macro \
	$(foreach name,$(4),--extern $(name)=$(dir $(kps-syn))lib$(name).rlib) \
	$(foreach name,$(5),--extern kps_$(name)=$(call kps-rlib,$(name))) $(filter %/src/lib.rs,$^)

define kps-rule
$(call kps-rlib,$(1)): $(kps-syn) $(kps-folder)/$(1)/src/lib.rs $(call kps-sources,$(1)) $(foreach name,$(3),$(call kps-rlib,$(name)))
	$$(call cmd,kps_library,$(1),rlib,$(2),$(3))
endef

kps-tokens := proc_macro2 quote syn
kps-under-macros := arch ast attributes codegen diag facts plan resolve
$(eval $(call kps-rule,arch))
$(eval $(call kps-rule,diag))
$(eval $(call kps-rule,plan,,arch))
$(eval $(call kps-rule,ast,,diag plan))
$(eval $(call kps-rule,facts,,arch plan))
$(eval $(call kps-rule,codegen,$(kps-tokens),plan))
$(eval $(call kps-rule,resolve,$(kps-tokens),arch ast codegen diag facts plan))
$(eval $(call kps-rule,attributes,$(kps-tokens),ast codegen diag facts plan resolve))
$(kps-macros): $(kps-folder)/runtime-macros/src/lib.rs $(call kps-sources,runtime-macros) $(foreach name,$(kps-under-macros),$(call kps-rlib,$(name)))
	$(call cmd,kps_library,macros,proc-macro,$(kps-tokens),$(kps-under-macros))

# The runtime and the patch, by Kbuild. No debug information: that of the kernel crate is 30 times the size of a patch, and it holds
# the paths of this machine.
RUSTFLAGS_kps/runtime/src/lib.o := --crate-name kps --emit=metadata=$(kps-lib)/libkps.rmeta \
	--cfg 'feature="macros"' --extern kps_macros=$(kps-macros)
RUSTFLAGS_src/lib.o := --crate-name $(kps-name) --extern kps=$(kps-lib)/libkps.rmeta -L $(kps-lib)
RUSTFLAGS_REMOVE_kps/runtime/src/lib.o := -Cdebuginfo=2
RUSTFLAGS_REMOVE_src/lib.o := -Cdebuginfo=2
rustflags-y := --cfg kps_kernel --remap-path-prefix=$(kps-crate)/= $(KPS_RUSTFLAGS)
ccflags-y := -g0 -I$(kps-crate) -Wno-missing-prototypes -Wno-missing-declarations
ccflags-y += -ffile-prefix-map=$(kps-crate)/= $(KPS_CFLAGS)
# The same at any time.
ccflags-y += -Wno-builtin-macro-redefined -D__DATE__='"unknown"' -D__TIME__='"unknown"' -D__TIMESTAMP__='"unknown"'
# What is inline elsewhere is no function that anything traces.
CFLAGS_REMOVE_kps/patch_headers.o := $(CC_FLAGS_FTRACE)
# The assembler lists the files that it reads, for .incbin; kpsc link looks at what the objects are made of.
ifdef CONFIG_AS_IS_GNU
$(foreach object,$(kps-c-objects),$(eval CFLAGS_$(object) := -Wa,--MD,$(obj)/$(dir $(object)).$(notdir $(object)).as.d))
endif
# Headers that offer what code of the kernel image calls and MODULE hides.
$(addprefix $(obj)/,$(kps-image-objects)): LINUXINCLUDE := -I$(kps-folder)/image $(LINUXINCLUDE)
# A file stands for the kernel's of the same path: it finds the headers beside that, and has its options.
$(foreach object,$(kps-c-objects),$(eval CFLAGS_$(object) += $(kps-options-$(object))))

ifneq ($(wildcard $(kps-folder)/core.mk),)
kps-core-object := $(kps-name)_core.o
$(kps-name)-y += $(kps-core-object)
kps-rust-objects := kps/runtime/src/lib.o src/lib.o
kps-library := kps
include $(kps-folder)/core.mk
endif

$(obj)/kps/runtime/src/lib.o: $(kps-macros)
$(obj)/src/lib.o: $(obj)/kps/runtime/src/lib.o $(kps-folder)/target.facts $(kps-folder)/patch.mk

else

always-y := $(kps-name).ko
clean-files := kps/lib

# Before Linux 6.3, modules.order has the names of the modules, and later those of their objects.
kps-listed = $(if $(findstring (modules): %.ko,$(file <$(srctree)/scripts/Makefile.modfinal)),ko,o)

# Makefile.modpost and Makefile.clean read this file too; only Makefile.build is to make anything.
ifdef need-modorder
$(obj)/$(kps-name).ko: FORCE
	$(Q)$(MAKE) $(build)=$(obj) kps-module=1 $(obj)/$(kps-name).o
	$(Q)echo $(patsubst ./%,%,$(obj)/$(kps-name).$(kps-listed)) > $(obj)/modules.order
	$(Q)$(MAKE) -f $(srctree)/scripts/Makefile.modpost kps-module=1
	$(Q)$(MAKE) -f $(srctree)/scripts/Makefile.modfinal LD='$(KPSC) link $(LD) --strip-debug' ccflags-y=-g0 CONFIG_DEBUG_INFO_BTF_MODULES=
	$(Q): > $(obj)/modules.order

$(obj)/modules.order: | $(obj)/$(kps-name).ko
endif

endif
