; SPDX-License-Identifier: GPL-2.0
; Rust in bodies is coloured by the grammar of Rust: see injections.scm.

[
  "patch" "license" "author" "version" "fixes" "kernel" "require" "atomic" "if" "family" "over"
  "param" "mode" "state" "id" "shadow" "on" "untied" "freed" "by" "resource" "save" "apply" "restore"
  "ctor" "dtor" "acquire" "release" "adopt" "object" "from" "when" "has" "lacks" "fn" "use" "static"
  "percpu" "replace" "pre" "post" "pre_patch" "post_patch" "pre_unpatch" "post_unpatch" "arguments"
  "c" "mod" "test" "module" "run" "trigger" "as" "user" "root" "dmesg" "wait" "unpatched" "patched"
  "always" "status" "complains"
] @keyword

(patch name: (name) @namespace)
(object name: (name) @namespace)
(param name: (name) @variable)
(param_of_test name: (name) @variable)
(state name: (name) @variable)
(shadow name: (name) @variable)
(resource name: (name) @variable)
(c_function name: (name) @function)
(function name: (symbol) @function)
(use "static" name: (symbol) @variable)
(use "percpu" name: (symbol) @variable)
(use "fn" name: (symbol) @function)
(when (symbol) @function)
(require (name) @constant)
(type) @type
(string) @string
(number) @number
(line_comment) @comment
(block_comment) @comment
