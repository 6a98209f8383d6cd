// SPDX-License-Identifier: GPL-2.0
//! The facts file: what is read from one is written as it was, and is harmless whatever it says.

use super::{btf, module, spec};
use crate::fixture;
use kps_facts::{is_module_name, Facts, Module, Object};
use kps_grammar::{Source, Sources};
use kps_targets::module::read;
use std::sync::OnceLock;

/// A spec that asks for something of each kind.
const SPEC: &str = "
patch asks {
    license \"GPL\";
    require CONFIG_INET;
    object vmlinux {
        use fn unexported_helper(a: c_int) -> c_int;
        use static jiffies: c_ulong;
        use percpu process_counts;
        fn cmdline_proc_show { pre { seq_printf((*m).file.cast(), v.cast()); let _ = PIDTYPE_PID; } }
        fn show_type@2 { replace { original(m); msleep(jiffies as u32); unexported_helper(1); } }
    }
}
";

/// The length of the head that `Facts::seal` puts before the parts.
const HEAD: usize = 8;

/// Reads bytes as they are, and again with a head that fits.
pub fn facts(data: &[u8]) {
    let sealed = Facts::seal(data.get(HEAD..).unwrap_or_default());
    for file in [data, &sealed] {
        if let Ok(facts) = Facts::from_bytes(file) {
            check(&facts);
        }
    }
}

fn check(facts: &Facts) {
    let written = facts.to_bytes();
    match Facts::from_bytes(&written) {
        Ok(again) => {
            assert!(again.to_bytes() == written, "the file changes when it is read and written");
            add_to(again);
        }
        Err(error) => panic!("what was read cannot be read again: {error}"),
    }
    ask(&facts.vmlinux);
    btf::ask_all(&facts.btf);
    let sources = Sources::new(Source::new("asks.kps", SPEC));
    spec::compile(&sources, facts);
    for (name, module) in &facts.modules {
        assert!(is_module_name(name), "{name:?} is no name of a module");
        assert!(
            module.types.end as usize <= facts.btf.len() + 1,
            "{name} has types that there are not"
        );
        ask(&module.object);
        spec::compile(&module::asks(name), facts);
    }
}

/// Asks an object everything about every symbol.
fn ask(object: &Object) {
    for sym in object.symbols.iter() {
        object.symbols.named(sym.name);
        object.symbols.next_address(sym.address);
        object.symbols.last_up_to(sym.address);
        object.symbols.landmarks(sym.address);
        assert!(object.symbols.at(sym.address).count() <= object.symbols.len());
        assert!(object.symbols.with_prefix(sym.name).count() <= object.symbols.len());
        object.section_of(sym.address);
        object.is_init(sym.address);
        object.sites.get(sym.address).and_then(|site| site.entry(kps_arch::native()));
    }
}

/// Adds a module whose types continue those of the fixture, whatever these here are.
fn add_to(mut facts: Facts) {
    static TYPES: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let types = TYPES.get_or_init(|| read(&fixture::module()).ok().and_then(|read| read.btf));
    if facts.add_module("added", Module::default(), types.as_deref()).is_ok() {
        btf::ask_all(&facts.btf);
        if let Err(error) = Facts::from_bytes(&facts.to_bytes()) {
            panic!("facts with one more module cannot be read again: {error}");
        }
    }
}
