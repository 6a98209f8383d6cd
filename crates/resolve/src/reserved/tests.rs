// SPDX-License-Identifier: GPL-2.0
//! Tests of the search for what is refused, over texts that are and texts that are not.

use super::*;

/// What is refused in a text of a patch that changes `show`.
fn found(text: &str) -> Vec<What> {
    let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut macros = Macros::default();
    macros.read(tokens.clone(), false);
    let functions = BTreeSet::from(["show".to_owned()]);
    let search = Search { functions, known: macros.known() };
    search.refused(tokens).into_iter().map(|refused| refused.what).collect()
}

#[test]
fn names_of_generated_code_are_found_wherever_they_are() {
    for text in [
        "kps_orig_show as usize",
        "m!(r#kps_new)",
        "let __kps_x = 1;",
        "use super::kps_in_vmlinux::livepatch_show as f;",
        "livepatch_show_2",
        "livepatch::Module",
        "#[link_name = \"kps_body_show\"] static X: u8;",
        "#![export_name = \"livepatch_show\"]",
        "asm!(\"nop\", \"call kps_orig_show\")",
        "macro_rules! mine { ($($t:tt)*) => { global_asm!($($t)*) } }
            mine!(concat!(\"call k\", \"ps_orig_show\"));",
        "use core::arch::asm as a; a!(\"call kps_orig_show\")",
        "macro_rules! call { ($m:ident, $t:expr) => { $m!($t) } } call!(asm, \"kps_orig_show\");",
        "macro_rules! t { () => { \"call kps_orig_show\" } } fn f() { asm!(t!()) }",
        "macro_rules! named { ($n:expr) => { #[link_name = $n] static X: u8; } }
            named!(\"kps_orig_show\");",
        "macro_rules! given { ($a:meta) => { #[$a] fn f() {} } }
            given!(export_name = \"livepatch_show\");",
        "#[cfg_attr(all(), unsafe(export_name = \"livepatch_show\"))] fn f() {}",
        "asm!(\".irp x,k\", \"call \\\\x\\\\()ps_orig_show\", \".endr\")",
        "asm!(\".ALTMACRO\")",
        "asm!(concat!(\"call \", stringify!(kps), \"_orig_show\"))",
        "asm!(concat!(\"call k\", stringify! { ps_orig }, core::stringify!(_show)))",
        "use own::paste; mod own { pub use kernel::prelude::*; }",
        "global_asm!(\".set x, \\\"kps.sym.vmlinux.show,0\\\"\")",
        "macro_rules! m { () => { asm!(\"jmp *kps_orig\\\\()_show\") } }",
        "paste! { [<kps _orig_show>] }",
        "use kernel::prelude::paste as glue;",
    ] {
        assert!(!found(text).is_empty(), "{text}");
    }
    for text in [
        "#[cfg(kps_kernel)] fn f() {}",
        "kps::livepatch(x); kps::prelude::pr_info!(\"kps_orig_show\");",
        "livepatch_other(livepatch, livepatch_show_x)",
        "/// kps_orig_show\nfn f() { let paste = 1; }",
        "struct A { livepatch: bool } fn f(livepatch: ::core::primitive::bool) {}",
        "macro_rules! say { ($x:expr) => { pr_info!(\"kps_say: {}\", $x) } } say!(\"kps_a\");",
        "#[expect(dead_code, reason = \"kps_orig_show\")] #[deprecated(note = \"kps_\")] fn f() {}",
        "const A: &str = concat!(\"kps_\", \"one\"); kernel::pr_info_once!(\"livepatch_show\")",
        "fn f() { asm!(\"nop\"); say!({ asm!(\"nop\"); pr_info!(\"kps_\") }) }",
        "macro_rules! a { ($(#[$m:meta])* $n:ident) => { asm!(\"nop\") } }
            a!(/// livepatch_show\n x);",
        "asm!(concat!(\"call \", stringify!(show)))",
        "asm!(\".rept 4\", \"nop\", \".endr\", \".macro_like:\")",
        "mod paste { pub fn f() {} } use self::paste::f; use paste as own_paste;",
    ] {
        assert!(found(text).is_empty(), "{text}: {:?}", found(text));
    }
}

#[test]
fn macros_that_read_more_than_the_patch_are_found_by_any_name() {
    for text in [
        "core::env!(\"PWD\")",
        "use core::{env as e};",
        "#[doc = include_str!(\"x\")] fn f() {}",
        "macro_rules! call { ($m:ident) => { $m!(\"x\") } } call!(include);",
        "f(option_env)",
        "global_asm!(\".inc\", concat!(\".\", \"incbin \\\"x\\\"\"))",
        "macro_rules! mine { ($t:expr) => { asm!($t) } } mine!(\".include \\\"x\\\"\");",
        "naked_asm!(\".INCBIN \\\"x\\\"\")",
        "use own::env; mod own { pub use core::*; }",
        "use {self::own::X, core::{env as e, fmt}}; mod own { pub const env: u8 = 1; }",
        "macro_rules! call { ($m:ident) => { $m!(\"x\") } }
            macro_rules! two { ($m:ident) => { call!($m) } } two!(env);",
    ] {
        assert!(!found(text).is_empty(), "{text}");
    }
    for text in [
        "let env = 1; if env != 2 { include(env) }",
        "(file!(), line!(), module_path!(), stringify!(env))",
        "pr_info!(\".incbin\")",
        "const S: &CStr = kernel::c_str!(\"see .include\");",
        "mod a { pub mod env { pub const X: u8 = 1; } } use a::{env, env::X};",
        "mod env { pub fn include() {} } use self::env::include; use super::env as e;",
        "macro_rules! twice { ($m:ident) => { $m!(\"x\") } } twice!(pr_info);
            struct A { env: u32, include: bool }",
    ] {
        assert!(found(text).is_empty(), "{text}: {:?}", found(text));
    }
}

#[test]
fn names_of_the_language_are_not_defined_again() {
    for text in [
        "type u32 = u64;",
        "mod a { pub enum bool { no } }",
        "use a::b as usize;",
        "macro_rules! cfg { () => {} }",
        "macro_rules! m { ($n:ident) => { macro_rules! $n { () => {} } } }",
        "extern crate self as core;",
        "type r#u8 = u16;",
        "use own::{Byte as r#u8};",
        "macro_rules! r#cfg { () => {} }",
        "macro_rules! own { () => {} } use own as cfg;",
        "mod own { macro_rules! a { () => {} } pub(crate) use a as b; } use own::b as r#concat;",
    ] {
        assert!(!found(text).is_empty(), "{text}");
    }
    for text in [
        "impl A for B { const C: u8 = 1 as u8; }",
        "use a::{b, c}; fn f() -> impl Sized + use<> { 1 as u32 }",
        "macro_rules! mine { () => {} } enum Option { Some }",
        "struct A { r#type: u32, union: u8 }",
        "getter! { type u32 => from_u32; type u8 => from_u8; }",
        "getter! { struct u32 => from_u32, enum u8, mod u16 }",
        "mod settings {} use settings as cfg;",
    ] {
        assert!(found(text).is_empty(), "{text}: {:?}", found(text));
    }
}
