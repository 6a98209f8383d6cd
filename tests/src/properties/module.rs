// SPDX-License-Identifier: GPL-2.0
//! Modules of a kernel: whatever is in the file of one, reading it ends with facts that can be
//! asked, or with an error.

use super::spec;
use crate::fixture;
use kps_facts::Facts;
use kps_grammar::{Source, Sources};
use kps_operate::look_into;
use kps_targets::module::{add, read, unpack, Read};

/// Asks a module of this name for a function, a variable and a prototype.
pub(super) fn asks(object: &str) -> Sources {
    let spec = format!(
        "patch asks {{ license \"GPL\"; object {object} {{ use static dummy_count: c_ulong; use fn dummy_helper; \
        fn dummy_get_stats {{ post {{ (*stats).bytes = dummy_count; dummy_helper(ret); }} }} fn dummy_show@1 {{ pre {{ }} }} }} }}"
    );
    Sources::new(Source::new("asks.kps", &spec))
}

/// Reads a module, adds it to the fixture with what its code tells, and checks a spec against it.
pub fn module(data: &[u8]) {
    let Ok(bytes) = unpack(data.to_vec()) else { return };
    for object in look_into(&bytes).map(|livepatch| livepatch.objects).unwrap_or_default() {
        assert!(
            !object.name.as_str().is_empty()
                && object.functions.iter().all(|function| !function.name.is_empty())
        );
    }
    let Ok(Read { name, module, .. }) = read(&bytes) else { return };
    let object = &module.object;
    for sym in object.symbols.iter() {
        assert!(object.symbols.named(sym.name).iter().any(|named| named.address == sym.address));
        assert!(object.symbols.next_address(sym.address).is_none_or(|next| next > sym.address));
        object.section_of(sym.address);
        object.is_init(sym.address);
    }
    for (function, site) in object.sites.iter() {
        assert!(
            object.symbols.at(function).next().is_some(),
            "a site at {function:#x} is in no function"
        );
        site.entry(kps_arch::native());
    }
    let mut facts = fixture::facts();
    let name = name.unwrap_or_else(|| "dummy".to_owned());
    if add(&mut facts, &name, bytes).is_ok() {
        spec::compile(&asks(&name), &facts);
        if let Err(error) = Facts::from_bytes(&facts.to_bytes()) {
            panic!("facts with the module cannot be read again: {error}");
        }
    }
}
