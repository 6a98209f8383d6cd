// SPDX-License-Identifier: GPL-2.0
//! BTF: what parses can be read completely, and looking a type up by its name finds it.

use kps_facts::btf::{Btf, BtfId, Kind};
use kps_facts::{Importer, Wanted};
use kps_plan::{RecordKind, Type, TypeDef, Types};
use std::collections::BTreeSet;

/// Reads bytes as they are, and again as the types and strings of a section whose header is right.
pub fn btf(data: &[u8]) {
    for bytes in [data.to_vec(), repair(data)] {
        if let Ok(btf) = Btf::parse(bytes) {
            find_all(&btf);
            ask_all(&btf);
        }
    }
}

/// The length of a header without a layout section.
const HEADER: usize = 24;

/// Keeps types and strings apart where the header says, if it can, and gives the rest of the header
/// the values that go with it.
fn repair(data: &[u8]) -> Vec<u8> {
    let word = |at: usize| {
        data.get(at..at + 4)?.try_into().ok().map(|bytes| u32::from_le_bytes(bytes) as usize)
    };
    let body = data.get(HEADER..).unwrap_or_default();
    let types = word(12).unwrap_or_default().min(body.len());
    let (types, strings) = body.split_at(types);
    let strings = [&[0], strings, &[0]].concat();
    let mut bytes = vec![0x9f, 0xeb, 1, 0];
    for word in [HEADER, 0, types.len(), types.len(), strings.len()] {
        bytes.extend((word as u32).to_le_bytes());
    }
    bytes.extend(types);
    bytes.extend(strings);
    bytes
}

/// Looks every type up by its name.
fn find_all(btf: &Btf) {
    for id in btf.ids() {
        let ty = btf.get(id);
        let found = match ty.kind {
            Kind::Function(_) => btf.functions(ty.name).contains(&id),
            Kind::Record(_) | Kind::Typedef(_) | Kind::Forward { .. } => {
                ty.name.is_empty() || btf.types(ty.name).contains(&id)
            }
            Kind::Enum(constants) => constants
                .values()
                .last()
                .is_none_or(|(name, value)| btf.constants(name).contains(&(id, value))),
            _ => true,
        };
        assert!(found, "{id:?} is not found by its name {:?}", ty.name);
    }
}

/// Asks everything about every type, those that are not there included.
pub(super) fn ask_all(btf: &Btf) {
    let beyond = [0, btf.len() as u32 + 1, u32::MAX].map(BtfId);
    let wanted = Wanted { words: members(btf), ..Wanted::default() };
    let mut importer = Importer::new(kps_arch::native(), btf, &wanted);
    for id in btf.ids().chain(beyond) {
        let ty = btf.get(id);
        assert!(btf.align(id).is_power_of_two(), "{id:?} is aligned to {}", btf.align(id));
        assert!(!matches!(
            btf.get(btf.strip(id)).kind,
            Kind::Typedef(_) | Kind::Const(_) | Kind::Volatile(_) | Kind::Qualified(_)
        ));
        let size = btf.size(id);
        match ty.kind {
            Kind::Record(record) => assert_eq!(size, Some(record.size.into())),
            Kind::Pointer(_) => assert_eq!(size, Some(8)),
            Kind::Function(_) | Kind::Prototype(_) | Kind::Void => assert_eq!(size, None),
            _ => {}
        }
        btf.c_name(id);
        btf.declaration(id);
        btf.functions(ty.name);
        btf.constants(ty.name);
        importer.candidates(ty.name);
        importer.ty(id);
        if let Some(signature) = importer.signature(id) {
            let names: BTreeSet<_> = signature.params.iter().map(|p| &p.name).collect();
            assert_eq!(
                names.len(),
                signature.params.len(),
                "two parameters have one name: {:?}",
                signature.params
            );
        }
    }
    check_types(importer.types());
}

/// The names of all members.
fn members(btf: &Btf) -> BTreeSet<String> {
    let records = btf.ids().filter_map(|id| match btf.get(id).kind {
        Kind::Record(record) => Some(record),
        _ => None,
    });
    records.flat_map(|record| record.members()).map(|member| member.name.to_owned()).collect()
}

/// What generated code relies on: types exist, and members stand behind one another.
fn check_types(types: &Types) {
    let mut names = BTreeSet::new();
    for (_, def) in types.iter() {
        assert!(names.insert(def.name()), "two types are named {:?}", def.name());
        match def {
            TypeDef::Record(record) => {
                let mut end = 0;
                for field in &record.fields {
                    check_type(types, &field.ty);
                    match record.kind {
                        RecordKind::Struct => {
                            assert!(field.offset >= end, "{:?} overlap", record.fields);
                        }
                        RecordKind::Union => assert_eq!(field.offset, 0),
                    }
                    end = field.offset + field.size;
                    assert!(end <= record.size, "{field:?} is not in {record:?}");
                }
                for bitfield in &record.bitfields {
                    check_type(types, &bitfield.ty);
                    let end = bitfield.bit + u64::from(bitfield.width);
                    assert!(end <= 8 * record.size, "{bitfield:?} is not in {record:?}");
                }
                assert!(record
                    .overlapping
                    .is_none_or(|id| matches!(types.get(id), TypeDef::Record(_))));
            }
            TypeDef::Alias { to, .. } => check_type(types, to),
            TypeDef::Enum { .. } | TypeDef::Opaque { .. } => {}
        }
    }
}

fn check_type(types: &Types, ty: &Type) {
    match ty {
        Type::Named(id) => {
            types.get(*id);
        }
        Type::Pointer { to: inner, .. } | Type::User(inner) | Type::Array { of: inner, .. } => {
            check_type(types, inner);
        }
        Type::Function(signature) => {
            signature.params.iter().for_each(|param| check_type(types, &param.ty));
            check_type(types, &signature.ret);
        }
        Type::Void | Type::Bool | Type::Int(_) => {}
    }
}
