// SPDX-License-Identifier: GPL-2.0
//! Functions of one name, where BTF does not tell which of them it describes.
//!
//! pahole writes the BTF of a kernel. Before 1.25 it wrote the prototype of the first function of a
//! name, also if others have another one (`btf_encoder__encode_cu()`). Later versions leave out
//! those that differ (`--skip_encoding_btf_inconsistent_proto`).

use crate::btf::Btf;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// Whether the BTF of a kernel with this configuration may have the prototype of another function
/// of the same name. The option is as old as Linux 5.16.
fn mixes_them_up(config: &BTreeMap<String, String>) -> bool {
    let version = config.get("CONFIG_PAHOLE_VERSION").and_then(|version| version.parse().ok());
    version.is_some_and(|version: u32| version < 125)
}

/// Removes the functions from a range of types whose names several symbols have, if nothing tells
/// which of them is meant. Each symbol comes with its kind, as in kallsyms.
pub fn forget_namesakes<'a>(
    btf: &mut Btf,
    types: Range<u32>,
    config: &BTreeMap<String, String>,
    symbols: impl IntoIterator<Item = (char, &'a str)>,
) {
    if !mixes_them_up(config) {
        return;
    }
    let mut counts: HashMap<&str, u32> = HashMap::new();
    for (kind, name) in symbols {
        if "tTwW".contains(kind) {
            *counts.entry(name).or_default() += 1;
        }
    }
    btf.retain_functions(types, |name| counts.get(name).is_none_or(|count| *count < 2));
}
