// SPDX-License-Identifier: GPL-2.0
//! Debug information: whatever a `vmlinux` says of its functions, reading it ends with what can be
//! kept, or with an error.

use crate::fixture::TEXT;
use kps_facts::{DebugInfo, Site, Sites};
use kps_targets::dwarf::read;
use object::{Object as _, ObjectSymbol as _};

/// Reads an ELF file all of whose symbols have an ftrace site.
pub fn dwarf(data: &[u8]) {
    let site = |address: u64| (address, Site { offset: 0, bytes: [0; kps_facts::ENTRY_BYTES] });
    let symbols =
        object::File::parse(data).map(|file| file.symbols().map(|s| s.address()).collect());
    let symbols: Vec<u64> = symbols.unwrap_or_default();
    let sites: Sites = symbols.iter().copied().chain([0, TEXT]).map(site).collect();
    let clones = sites.iter().map(|(address, _)| (address, "f.isra.0".to_owned())).collect();
    let Ok(info) = read(data, &sites, &clones) else { return };
    for (address, _) in sites.iter() {
        assert!(info.position(address).is_none_or(|(file, _)| DebugInfo::is_path(file)));
        for copy in info.inlined_into(address) {
            assert!(copy.caller != address, "a function has a copy of itself");
            assert!(DebugInfo::is_path(copy.file));
        }
    }
    assert_eq!(
        DebugInfo::from_bytes(&info.to_bytes()),
        Ok(info),
        "what is kept cannot be read again"
    );
}
