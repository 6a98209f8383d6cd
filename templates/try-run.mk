# kpsc wrote this file, and make reads it before any other. With `try-run`, Kbuild runs the compiler some thirty times in each build, to see which
# options it supports. A command that has succeeded is written down, and the next build with the same compilers does not run it.
kps-pound := \#
kps-space := $() $()
kps-probes := $(dir $(lastword $(MAKEFILE_LIST))).kps-probes

# As the kernel defines it.
@TRY_RUN@
# The variable that is set where a command has succeeded. The folder of the module is another one in each build.
kps-probe = kps-ok-$(subst $(kps-space),_,$(subst :,;,$(subst =,~,$(subst $$,^,$(subst $(kps-pound),%,$(subst $(srcroot),.,$(strip $(1))))))))
kps-run = $(if $(filter y,$(call kps-try-run,$(1),y,n)),$(file >>$(kps-probes),$(kps-probe) := y)y)
override try-run = $(if $(or $($(kps-probe)),$(kps-run)),$(2),$(3))
include $(kps-probes)
