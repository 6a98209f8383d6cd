// SPDX-License-Identifier: GPL-2.0
//! Kernel images: whatever is in one, reading it ends with facts or with an error.

use kps_facts::Facts;
use kps_targets::gather::gather;
use kps_targets::image::{vmlinux, Vmlinux};

/// Unpacks an image and reads everything in it.
pub fn image(data: &[u8]) {
    let Ok(elf) = vmlinux(data) else { return };
    let Ok(image) = Vmlinux::parse(&elf) else { return };
    for name in [".text", ".rodata", ".BTF"] {
        if let Ok((address, bytes)) = image.section(name) {
            image.memory(address);
            image.memory(address.wrapping_add(bytes.len() as u64));
        }
    }
    for section in image.sections() {
        let inside = image.memory(section.address);
        assert!(inside.is_none_or(|bytes| bytes.len() <= elf.len()));
        image.memory(section.address.wrapping_add(section.size));
    }
    let _ = image.build_id();
    let Ok(facts) = gather(data, "", "") else { return };
    let written = facts.to_bytes();
    match Facts::from_bytes(&written) {
        Ok(again) => {
            assert!(again.to_bytes() == written, "the facts of the image change in their file");
        }
        Err(error) => panic!("the facts of the image cannot be read again: {error}"),
    }
}
