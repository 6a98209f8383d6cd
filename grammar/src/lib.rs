// SPDX-License-Identifier: GPL-2.0
//! The text of a `.kps` spec.
//!
//! A small scanner cuts the file into items and balanced pieces of code; pest parses the head of
//! each item. So a mistake in one item does not hide mistakes in the next. Bodies, which are Rust,
//! are kept byte for byte. pest's types do not leave this crate.

mod carry;
mod characters;
mod cursor;
mod error;
mod format;
mod head;
mod parse;
mod scan;
mod text;
mod tokens;
mod uses;

pub use carry::{carried_block, carried_comment, carried_piece, comments, CarriedBlock};
pub use cursor::{Block, Cursor, Holds};
pub use error::{ErrorKind, Meant, SyntaxError};
pub use format::format;
pub use kps_ast as ast;
pub use kps_ast::Span;
pub use kps_diag::{File, Language, Position, Source, Sources};
pub use parse::{parse, MAX_SIZE};
pub use scan::RUST;
pub use text::check;
pub use tokens::{identifiers, tokens};
pub use uses::{with_uses, Uses};
