# SPDX-License-Identifier: GPL-2.0
# kpsc wrote this file. It compiles Rust for a kernel without a Rust crate of its own (core mode): `core` is kpsc's, in the folder that
# KPS_CORE names, and so is the crate `kernel`.
#
# The makefile that includes it has set kps-rust-objects, the module's objects from Rust; kps-core-object, what this file makes for them;
# and kps-library, the folder of kpsc's files below the module's.
$(if $(KPS_CORE),,$(error this folder was made for a target in core mode: build it with `kpsc build`, or in such a target's build tree))
$(call kps-refuse,KPS_CORE,$(value KPS_CORE))
# How `core` was compiled: kps-rust-flags.
include $(KPS_CORE)/flags.mk

kps-lib := $(obj)/$(kps-library)/lib
kps-kernel := $(or $(srcroot),$(KBUILD_EXTMOD))/$(kps-library)/kernel
kps-inline := $(patsubst $(kps-kernel)/inline/%.c,$(kps-lib)/inline_%.o,$(wildcard $(kps-kernel)/inline/*.c))

# The features are those that Kbuild allows, and the warnings those that it asks for.
kps-rustc = RUSTC_BOOTSTRAP=1 rustc $(kps-rust-flags) -Wmissing_docs -Wrust_2018_idioms -Wunreachable_pub \
	@$(objtree)/include/generated/rustc_cfg --cfg MODULE -Zbinary_dep_depinfo=y --sysroot=/dev/null -L $(KPS_CORE) --crate-type rlib

# The crate `kernel`, which is the same for every module of a target.
quiet_cmd_kps_kernel = RUSTC $@
      cmd_kps_kernel = mkdir -p $(kps-lib); $(kps-rustc) -Zfunction-sections=y --remap-path-prefix=$(kps-kernel)/=kernel/ --cap-lints=allow \
	-Cmetadata=kpsc --crate-name kernel --out-dir $(kps-lib) --emit=metadata=$(kps-lib)/libkernel.rmeta --emit=obj=$(kps-lib)/kernel.o $(kps-kernel)/lib.rs && \
	$(OBJCOPY) --redefine-sym rust_begin_unwind=kps_panic $(kps-lib)/kernel.o
$(kps-lib)/libkernel.rmeta $(kps-lib)/kernel.o &: $(wildcard $(kps-kernel)/*.rs $(kps-kernel)/*/*.rs)
	$(call cmd,kps_kernel)

# The kernel's inline functions, by the target's compiler and headers. An archive, of which a module gets what it uses. Nothing traces them.
quiet_cmd_kps_inline = CC $@
      cmd_kps_inline = mkdir -p $(kps-lib); $(CC) $(filter-out $(CC_FLAGS_FTRACE),$(c_flags)) -g0 -c -o $@ $<
$(kps-lib)/inline_%.o: $(kps-kernel)/inline/%.c
	$(call cmd,kps_inline)
$(kps-lib)/inline.a: $(kps-inline)
	$(Q)rm -f $@; $(AR) cDPrs $@ $^

# A module's own Rust.
quiet_cmd_kps_rust = RUSTC [M] $@
      cmd_kps_rust = $(kps-rustc) -Zfunction-sections=n -Zallow-features=asm_goto,used_with_arg -Zcrate-attr=no_std \
	'-Zcrate-attr=feature(asm_goto,used_with_arg)' -L $(kps-lib) --extern kernel $(filter-out $(RUSTFLAGS_REMOVE_$(target-stem).o),$(rustflags-y)) \
	$(RUSTFLAGS_$(target-stem).o) --out-dir $(dir $@) --emit=dep-info=$(depfile) --emit=obj=$@ $< $(cmd_objtool)
$(addprefix $(obj)/,$(kps-rust-objects)): $(obj)/%.o: $(obj)/%.rs $(kps-lib)/libkernel.rmeta FORCE
	+$(call if_changed_dep,kps_rust)

# What these use of the two crates and of the inline functions, and nothing else of them. The roots are names that rustc and kpsc's crate
# have made. The linker wants at least one of the crates' to collect what they use.
kps-roots = $(NM) -u $(filter-out $(kps-lib)/%,$(real-prereqs)) | \
	sed -n 's/^ *U \(_R[0-9A-Za-z_]*\|kps_panic\|kps_inline_[a-z_]*\)$$/-u \1/p' | sort -u
# Two files beside the object, which `make clean` knows by their ends.
kps-part = $(dir $@).$(basename $(notdir $@)).part.o
kps-root-list = $(dir $@).$(basename $(notdir $@)).roots.d
quiet_cmd_kps_core = LD [M] $@
      cmd_kps_core = $(kps-roots) > $(kps-root-list); rm -f $(kps-part); \
	if grep -q -v '^-u kps_inline_' $(kps-root-list); then \
		$(LD) -r --gc-sections @$(kps-root-list) -T $(KPS_CORE)/core.lds -o $(kps-part) $(kps-lib)/kernel.o $(KPS_CORE)/core.o; \
	fi && \
	$(LD) -r @$(kps-root-list) -o $@ $$(ls $(kps-part) 2>/dev/null) $(kps-lib)/inline.a $(if $(cmd_objtool),$(cmd_objtool) --link)
$(obj)/$(kps-core-object): $(addprefix $(obj)/,$(kps-rust-objects)) $(kps-lib)/kernel.o $(kps-lib)/inline.a FORCE
	$(call if_changed,kps_core)
