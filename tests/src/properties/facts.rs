//! The facts file: what is read from one is written as it was, and is harmless whatever it says.

use super::{btf, spec};
use kps_facts::Facts;
use kps_grammar::{Source, Sources};

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
const HEAD: usize = 16;

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
        Ok(again) => assert!(again.to_bytes() == written, "the file changes when it is read and written"),
        Err(error) => panic!("what was read cannot be read again: {error}"),
    }
    for sym in facts.vmlinux.symbols.iter() {
        facts.vmlinux.symbols.named(sym.name);
        facts.vmlinux.symbols.next_address(sym.address);
        facts.vmlinux.symbols.landmarks(sym.address);
        assert!(facts.vmlinux.symbols.at(sym.address).count() <= facts.vmlinux.symbols.len());
        assert!(facts.vmlinux.symbols.with_prefix(sym.name).count() <= facts.vmlinux.symbols.len());
        facts.vmlinux.section_of(sym.address);
        facts.vmlinux.is_init(sym.address);
        facts.vmlinux.sites.get(&sym.address).and_then(kps_facts::Site::entry);
    }
    btf::ask_all(&facts.btf);
    let sources = Sources::new(Source::new("asks.kps", SPEC));
    spec::compile(&sources, facts);
}
