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

/// Checks that each of the first texts has something of this kind that is refused, and none of the
/// others has anything.
fn check(is: impl Fn(&What) -> bool, refused: &[&str], accepted: &[&str]) {
    for text in refused {
        assert!(found(text).iter().any(&is), "{text}: {:?}", found(text));
    }
    for text in accepted {
        assert!(found(text).is_empty(), "{text}: {:?}", found(text));
    }
}

#[test]
fn words_that_a_macro_can_put_before_a_mark_are_refused() {
    const MOVES: &str = "macro_rules! m { ($a:ident $c:tt $b:tt) => { $a $b $c } } ";
    const ALL: &str = "macro_rules! m { ($($t:tt)*) => { pr_info!($($t)*) } } ";
    const OPAQUE: &str = "macro_rules! m { ($x:expr, $y:literal) => { pr_info!(\"{}\", $x) } } ";
    let with = |rules: &str, call: &str| format!("{rules}{call}");
    let refused = [
        with(MOVES, "static P: &str = m!(env (\"PWD\") !);"),
        with(MOVES, "m!(include (\"x\") !);"),
        with(MOVES, "m!(paste { [<k ps_orig_x>] } !)"),
        with(MOVES, "m!(concat_idents (k, ps_orig_x) !)"),
        with(MOVES, "use m as n; n!(env (\"PWD\") !);"),
        with(MOVES, "macro_rules! o { ($b:tt) => { m!(env (\"PWD\") $b) } } o!(!);"),
        with(ALL, "m!(x ! env (\"PWD\"));"),
        "macro_rules! m { ($b:tt) => { env $b (\"PWD\") } } m!(!);".to_owned(),
        "macro_rules! m { ($f:ident) => { n!($f, !, (\"PWD\")) } } m!(env);".to_owned(),
    ];
    let accepted = [
        with(MOVES, "let env = 1; m!(a (b) env); m!(a.env (b) !); m!(stringify!(env) (b) !)"),
        with(ALL, "let env = 1; m!(\"{}\", env); m!(\"{}\", env != 1)"),
        with(OPAQUE, "let env = 1; m!(env, 1); m!(!env, 1); m!({ assert!(env); env }, 1)"),
        "let env = 1; pr_info!(\"{}\", !env); struct A { include: bool, paste: u8 }".to_owned(),
        "macro_rules! m { ($x:ident) => { let env = !$x; f(env) } } m!(on)".to_owned(),
        "macro_rules! m { ($x:ident) => { if !$x { f() } } } m!(env)".to_owned(),
    ];
    let is = |what: &What| matches!(what, What::Outside(_) | What::Parts(_));
    check(is, &refused.each_ref().map(String::as_str), &accepted.each_ref().map(String::as_str));
}

#[test]
fn a_file_of_a_module_is_not_named_where_a_macro_decides() {
    check(
        |what| *what == What::Path,
        &[
            "#[cfg_attr(all(), path = \"notes.txt\")] mod q;",
            "#[r#cfg_attr(all(), cfg_attr(all(), r#path = \"notes.txt\"))] mod q;",
            "macro_rules! m { ($($p:tt)*) => { #[$($p)*] mod q; } } m!(path = \"/x\");",
            "macro_rules! m { ($p:meta) => { #[$p] mod q; } } m!(path = \"/x\");",
            "macro_rules! m { ($p:meta) => { #[cfg_attr(all(), $p)] mod q; } } m!(path = \"/x\");",
            "macro_rules! m { ($v:literal $p:ident) => { #[$p = $v] mod q; } } m!(\"/x\" path);",
            "macro_rules! m { ($p:literal) => { #[path = $p] mod q; } } m!(\"/x\");",
            "m!(#[path = \"/x\"] mod q;);",
        ],
        &[
            "#[path = \"x.rs\"] mod q;",
            "let path = \"x\"; f(path); pr_info!(\"{path}\", path = \"x\")",
            "macro_rules! m { ($($t:tt)*) => { f($($t)*) } } m!({ let path = \"x\"; path })",
            "macro_rules! m { ($x:expr) => { let path = $x; f(path) } } m!(self.path)",
            "macro_rules! m { ($(#[$a:meta])* $n:ident) => { $(#[$a])* struct $n; } } m!(#[doc] path);",
            "#[cfg_attr(test, allow(path))] fn f() {}",
        ],
    );
}

#[test]
fn original_is_not_separated_from_its_arguments() {
    check(
        |what| *what == What::Original,
        &[
            "macro_rules! m { ($f:ident $a:tt) => { { let g = $f; g as usize } } } m!(original (m));",
            "macro_rules! m { ($f:ident ($($a:tt)*)) => { $f as usize } } m!(original(m));",
            "macro_rules! m { ($($t:tt)*) => { f!($($t),*) } } m!(original(m));",
            "macro_rules! m { ($f:tt $($t:tt)*) => { [$f] } } m!(original(m));",
            "macro_rules! a { ($f:ident $a:tt) => { $f as usize } }
                macro_rules! m { ($($t:tt)*) => { a!($($t)*) } } m!(original(m));",
            "macro_rules! m { () => { original } } m!() as usize",
            "macro_rules! m { ($a:tt) => { original $a } } m!({});",
        ],
        &[
            "macro_rules! m { ($x:expr) => { { let r = $x; r } } } m!(original(m, v));",
            "macro_rules! m { ($n:ident, $x:expr) => { let $n = $x; } } m!(r, original(m, v));",
            "macro_rules! m { ($($t:tt)*) => { { let r = { $($t)* }; r } } } m!(original(m, v));",
            "macro_rules! m { ($f:ident ($($a:tt)*)) => { $f($($a)*) } } m!(original(m, v));",
            "macro_rules! m { ($f:ident $a:tt) => { $f.$a } } m!(x.original(y));",
            "pr_info!(\"{}\", original(m, v));",
            "macro_rules! m { ($($a:tt)*) => { original($($a)*) } } m!(m, v);",
            "macro_rules! m { ($x:expr) => { let original = $x; f(original); } } m!(1);",
            "macro_rules! m { ($original:ident) => { $original.f() } } m!(x);",
            "macro_rules! m { ($x:expr) => { $x.original } } m!(x);",
            "fn f(original: A) { if !on { original.f(original); } }",
        ],
    );
}

#[test]
fn assembly_is_not_made_of_parts() {
    check(
        |what| matches!(what, What::Glued(_) | What::OpenConcat),
        &[
            "asm!(\"lea {0}, [rip + k{1}]\", out(reg) x, sym ps_orig_show)",
            "asm!(\".{0} \\\"FILE\\\"\", sym incbin)",
            "asm!(\"call {0}ps_orig_show\", sym k)",
            "asm!(\"call {0}{1}\", sym k, sym ps)",
            "asm!(\"call {0}.sym\", sym kps)",
            "asm!(\"call a${0}\", sym k)",
            "asm!(concat!(\"call k\", \"{0}\"), sym k)",
            "macro_rules! r { ($a:literal $b:literal) => { concat!($b, $a) } }
                asm!(r!(\"s_orig_f]\" \"lea {0}, [rip + kp\"), out(reg) x);",
            "macro_rules! r { ($a:literal) => { asm!(concat!(\"call k\", $a)) } } r!(\"ps_orig_f\");",
            "macro_rules! r { ($($a:literal)*) => { concat!($($a),*) } } asm!(r!(\"k\" \"ps_f\"));",
            "macro_rules! r { ($a:tt) => { concat!(stringify!($a), \"ps_orig_f\") } } asm!(r!(k));",
        ],
        &[
            "asm!(\"mov {0}, [{1}+8]\", \"mov %{0}, 8({1})\", \"mov ${2}, {0:e}\", \"2:\", out(reg) x)",
            "asm!(\"vmovups {0} {{{1}}}{{z}}\", \"{0}:\", \"jmp {0}\\n call {1}\", \"-{2}({0})\")",
            "global_asm!(\".quad {0}, {1}-.\", \".byte 1,{0};nop\", sym a, sym b)",
            "macro_rules! op { ($op:literal) => { asm!(concat!(\"lock \", $op, \" {0}, 1\"), in(reg) x) } }
                op!(\"add\");",
            "macro_rules! s { ($a:literal) => { pr_info!(concat!(\"took\", $a)) } } s!(\"{}ms\");",
            "pr_info!(\"{}ms {}{}\", a, b, c)",
        ],
    );
}

#[test]
fn variants_and_new_names_hide_nothing_of_the_language() {
    check(
        |what| matches!(what, What::Language(_)),
        &[
            "enum Local { u8, u16 } use self::Local::*;",
            "enum Local { A(u8), #[doc = \"x\"] r#bool, B } ",
            "enum Local<T> where T: Copy { A { x: T }, str = 1 }",
            "use core::prelude::v1::derive as no_mangle;",
            "mod a { pub use core::prelude::v1::{derive as r#link_section}; } use a::*;",
            "macro_rules! t { ($n:ident) => { pub type $n = u64; } } t!(u32);",
            "macro_rules! t { ($(#[$a:meta])* $n:ident, $t:ty) => { struct $n($t); } } t!(u32, u8);",
            "macro_rules! e { ($($v:ident),*) => { enum E { $($v),* } } } e!(A, u8);",
            "macro_rules! t { ($n:ident) => { use a::b as $n; } } use t as s; s!(u32);",
        ],
        &[
            "enum Local { A(u8), B { x: u16 }, C = 1 as u8 as isize, #[cfg(x)] D([u8; 2]) }",
            "macro_rules! w { ($name:ident, $ty:ty) => { struct $name($ty); } } w!(A, u32);",
            "macro_rules! w { ($ty:ident, $name:ident) => { struct $name($ty); } } w!(u32, A);",
            "macro_rules! f { ($($t:ident),*) => { $(impl A for $t {})* } } f!(u8, u16);",
            "mod settings {} use settings as cfg; fn f() {} use f as test; use a::b as c;",
        ],
    );
}
