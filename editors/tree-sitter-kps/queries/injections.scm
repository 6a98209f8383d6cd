; SPDX-License-Identifier: GPL-2.0
; Bodies, items and values are Rust. Bodies in C are in files of their own, which editors colour as
; C by their names.

((rust_code) @injection.content
  (#set! injection.language "rust")
  (#set! injection.include-children))

((rust_item) @injection.content
  (#set! injection.language "rust")
  (#set! injection.include-children))
