// SPDX-License-Identifier: GPL-2.0
//! Looks for bytes that break the property `patch_crate`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kps_tests::properties::patch_crate(data));
