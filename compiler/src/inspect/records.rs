// SPDX-License-Identifier: GPL-2.0
//! `kpsc inspect struct NAME`: the members of a type, as bodies name them.

use super::text;
use crate::resolve::near;
use kps_diag::{list, Diagnostic, NO_SUCH_TYPE};
use kps_facts::btf::{Btf, BtfId, Kind};
use kps_facts::{Facts, Importer, Wanted};
use std::fmt::Write as _;

/// The C keywords of types that have a layout of their own.
pub const KEYWORDS: [&str; 3] = ["struct", "union", "enum"];

/// The members of a struct or union with their offsets and types, or the constants of an
/// enumeration. The source files of a kernel may define several of a name.
pub fn layout(facts: &Facts, name: &str) -> Result<String, Diagnostic> {
    let btf = &facts.btf;
    let wanted = Wanted::default();
    let mut importer = Importer::new(facts.arch(), btf, &wanted);
    let found = importer.candidates(name);
    if found.is_empty() {
        let release = &facts.identity.release;
        let error = Diagnostic::new(NO_SUCH_TYPE, format!("{release} has no type `{name}`"));
        return Err(match near(name, btf.type_names()).as_slice() {
            [] => error.help("write a struct, union, enum or typedef without its keyword"),
            near => error.help(format!("did you mean {}?", list(near, "or"))),
        });
    }
    let each = found.into_iter().map(|id| one(btf, &mut importer, name, id));
    Ok(each.collect::<Vec<_>>().join("\n"))
}

fn one(btf: &Btf, importer: &mut Importer<'_>, name: &str, id: BtfId) -> String {
    let id = btf.strip(id);
    let size = btf.size(id).unwrap_or_default();
    match btf.get(id).kind {
        Kind::Record(record) => {
            let keyword = if record.union { "union" } else { "struct" };
            let mut text = format!("{keyword} {name}, {size} bytes\n");
            let _ = writeln!(text, "{:>10}  {:>6}  member", "offset", "size");
            let mut members = Vec::new();
            add_members(btf, importer, id, 0, &mut members);
            for Member { name, ty, offset, size } in members {
                let _ = writeln!(text, "{offset:>10}  {size:>6}  {name}: {ty}");
            }
            text
        }
        Kind::Enum(constants) => {
            let mut text = format!("enum {name}, {size} bytes\n");
            for (name, value) in constants.values() {
                let _ = writeln!(text, "  {name} = {value}");
            }
            text
        }
        _ => {
            let ty = importer.ty(id);
            format!("{name} is `{}`\n", text(importer.types(), &ty))
        }
    }
}

/// A member of a struct or union, as bodies name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name; that of a bitfield has `()` behind it, because Rust has no place for one.
    pub name: String,
    /// Its type, in the form that bodies use.
    pub ty: String,
    /// Its offset in bytes, and behind a `:` that of a bitfield in bits.
    pub offset: String,
    /// Its size in bytes, or in bits with a `b`.
    pub size: String,
}

/// The members of the first struct or union of a name. None if there is none.
pub fn members(facts: &Facts, name: &str) -> Vec<Member> {
    let wanted = Wanted::default();
    let mut importer = Importer::new(facts.arch(), &facts.btf, &wanted);
    let mut found = Vec::new();
    if let Some(id) = importer.candidates(name).first() {
        add_members(&facts.btf, &mut importer, facts.btf.strip(*id), 0, &mut found);
    }
    found
}

/// Adds the members of a record that starts at a bit. Bodies name those of anonymous records as if
/// they were the outer one's.
fn add_members(
    btf: &Btf,
    importer: &mut Importer<'_>,
    id: BtfId,
    start: u64,
    into: &mut Vec<Member>,
) {
    let Kind::Record(record) = btf.get(id).kind else { return };
    for member in record.members() {
        let bit = start + u64::from(member.bit_offset);
        let inner = btf.strip(member.ty);
        if member.name.is_empty() && matches!(btf.get(inner).kind, Kind::Record(_)) {
            add_members(btf, importer, inner, bit, into);
            continue;
        }
        if member.name.is_empty() {
            continue;
        }
        let ty = importer.ty(member.ty);
        let ty = text(importer.types(), &ty);
        let (offset, size) = match member.bitfield {
            Some(bits) => (format!("{}:{}", bit / 8, bit % 8), format!("{bits}b")),
            None => {
                let size = btf.size(member.ty).unwrap_or_default();
                ((bit / 8).to_string(), size.to_string())
            }
        };
        // A bitfield has methods: Rust has no place for it.
        let call = if member.bitfield.is_some() { "()" } else { "" };
        into.push(Member { name: format!("{}{call}", member.name), ty, offset, size });
    }
}
