// SPDX-License-Identifier: GPL-2.0
//! Why a description gives no package.

use crate::Format;

/// Values are quoted up to this length.
const SHOWN: usize = 100;

/// Why a description gives no package.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A field has what the formats, or a reader of them, cannot hold.
    #[error("{field} is {value:?}; allowed: {allowed}")]
    Field {
        /// The field of [`crate::Package`], such as `name` or `files.path`.
        field: &'static str,
        /// The start of its value.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// The package could not be written, although all fields are right.
    #[error("cannot write a package as {format:?}: {reason}")]
    Write {
        /// What it was written as.
        format: Format,
        /// What the writer said.
        reason: String,
    },
}

impl Error {
    pub(crate) fn field(field: &'static str, value: &str, allowed: &'static str) -> Error {
        Error::Field { field, value: value.chars().take(SHOWN).collect(), allowed }
    }

    pub(crate) fn write(format: Format) -> impl Fn(std::io::Error) -> Error {
        move |error| Error::Write { format, reason: error.to_string() }
    }
}
