// SPDX-License-Identifier: GPL-2.0
//! The mode of a target in its manifest: `rust = "core"`. Manifests without it are of targets in
//! kernel-crate mode.

use kps_facts::Mode;
use serde::de::{Deserialize as _, Error as _};
use serde::{Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(mode: &Mode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(mode.as_str())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Mode, D::Error> {
    let name = String::deserialize(from)?;
    Mode::new(&name).ok_or_else(|| D::Error::custom(format!("there is no mode {name:?}")))
}
