// SPDX-License-Identifier: GPL-2.0
//! Debug information: whatever a `vmlinux` says of its functions, reading it ends with what can be
//! kept, or with an error.

use crate::fixture::TEXT;
use kps_facts::DebugInfo;
use kps_targets::dwarf::{read, read_module};
use object::{Object as _, ObjectSymbol as _};
use std::collections::HashMap;

/// Reads an ELF file all of whose symbols are clones, as a kernel and as a module.
pub fn dwarf(data: &[u8]) {
    let symbols =
        object::File::parse(data).map(|file| file.symbols().map(|s| s.address()).collect());
    let symbols: Vec<u64> = symbols.unwrap_or_default();
    let symbols = symbols.into_iter().chain([0, TEXT]);
    let clones = symbols.map(|address| (address, "f.isra.0".to_owned())).collect();
    let read = [read(data, &clones), read_module(data)];
    read.into_iter().flatten().for_each(|info| check(&info, &clones));
}

fn check(info: &DebugInfo, symbols: &HashMap<u64, String>) {
    for &address in symbols.keys() {
        assert!(info.position(address).is_none_or(|(file, _)| DebugInfo::is_path(file)));
        for copy in info.inlined_into(address) {
            assert!(copy.caller != address, "a function has a copy of itself");
            assert!(DebugInfo::is_path(copy.file));
        }
    }
    assert_eq!(
        DebugInfo::from_bytes(&info.to_bytes()),
        Ok(info.clone()),
        "what is kept cannot be read again"
    );
}
