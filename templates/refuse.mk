# A value with characters that make or the shell take apart may hold a command. It is refused as it is written, before make expands it
# or starts a program.
override define kps-newline


endef
override kps-space := $() $()
override kps-tab := $()	$()
override kps-special := ! " \# $$ % & ' ( ) * , : ; < = > ? [ \ ] ^ ` { | }
# Those that VALUE has: $(call kps-found,VALUE,ACCEPTED CHARACTERS,ACCEPTED WHITE SPACE)
override kps-found = $(strip $(foreach c,$(filter-out $(2),$(kps-special)),$(findstring $(c),$(1))) \
	$(foreach c,$(filter-out $(3),space tab newline),$(if $(findstring $(kps-$(c)),$(1)),$(c))))
# $(call kps-refuse,NAME,VALUE,ACCEPTED CHARACTERS,ACCEPTED WHITE SPACE)
override kps-refuse = $(if $(call kps-found,$(2),$(3),$(4)),$(error kpsc: $(1) has characters that make or the shell would take apart: \
	$(call kps-found,$(2),$(3),$(4)). Use only letters and digits and / . _ + - ~ @ in a path))
