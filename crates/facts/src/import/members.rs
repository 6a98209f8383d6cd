// SPDX-License-Identifier: GPL-2.0
//! The members of a record: which ones a patch needs, and where Rust can place them.
//!
//! In C any member may overlap another one, because a struct may contain anonymous unions. Members
//! of a Rust struct do not overlap. So the remaining members go into a second record of the same
//! size, and so on; generated code makes the first record stand for all.

use super::{passed, Importer};
use crate::btf::{BtfId, Kind};
use kps_plan::{Bitfield, ByValue, Field, Record, RecordKind, Type, TypeDef, TypeId};
use std::collections::HashSet;

/// More members than any record has, including those of anonymous members. Forged records contain
/// one another twice at every step.
const MAX_MEMBERS: usize = 1 << 13;

/// More overlapping members than bodies use at one offset. rustc follows 128 records to find a
/// name.
const MAX_LAYERS: usize = 64;

/// A member that a patch needs.
struct Member<'a> {
    name: &'a str,
    ty: BtfId,
    bit_offset: u32,
    bits: Option<u32>,
}

impl<'a> Importer<'a> {
    /// Gives a record the members that the patch needs.
    pub(super) fn lay_out(&mut self, id: BtfId, known: TypeId) {
        let TypeDef::Record(record) = self.types.get(known) else { return };
        let mut record = record.clone();
        let c_name = self.btf.get(id).name;
        let mut wanted = Vec::new();
        self.wanted_members(id, c_name, 0, &mut wanted, &mut 0);
        // Members that generated code sets must be in the first record itself.
        wanted.sort_by_key(|m| (!self.wanted.needs(c_name, m.name), m.bit_offset));
        // All members of a Rust union are at its start. Those of an anonymous struct in a C union
        // are not.
        let at_start = wanted.iter().filter(|m| m.bits.is_none() && m.bit_offset == 0).count();
        if at_start < 2 && wanted.iter().any(|m| m.bits.is_none() && m.bit_offset > 0) {
            record.kind = RecordKind::Struct;
        }
        let mut layers: Vec<Vec<Field>> = vec![Vec::new()];
        // In C, a record has one member of each name. A forged one may have thousands.
        let mut names = HashSet::new();
        wanted.retain(|member| names.insert(member.name));
        for member in wanted {
            self.parts = 0;
            let ty = self.import(member.ty, &format!("{}_{}", record.name, member.name));
            let owner = if c_name.is_empty() { &record.name } else { c_name };
            let is_user = self.user.is_some_and(|user| user.has_member(owner, member.name));
            let ty = match ty {
                Type::Pointer { to, .. } if is_user => Type::User(to),
                ty => ty,
            };
            let is_placed = match member.bits {
                Some(width) => self.place_bitfield(&mut record, &member, width, passed(ty)),
                None => self.place(&record, &mut layers, &member, passed(ty)),
            };
            if !is_placed {
                record.unreachable.push(member.name.to_owned());
            }
        }
        for layer in &mut layers {
            layer.sort_by_key(|field| (field.offset, field.size));
        }
        let mut layers = layers.into_iter();
        record.fields = layers.next().unwrap_or_default();
        record.overlapping = self.overlapping(&record, layers.collect());
        self.types.set(known, TypeDef::Record(record));
    }

    /// Puts a member into the first layer that has room for it.
    fn place(
        &self,
        record: &Record,
        layers: &mut Vec<Vec<Field>>,
        member: &Member<'_>,
        ty: Type,
    ) -> bool {
        let size = self.btf.size(member.ty).unwrap_or(0);
        let offset = u64::from(member.bit_offset / 8);
        let is_inside = offset.checked_add(size).is_some_and(|end| end <= record.size);
        if member.bit_offset % 8 != 0 || !is_inside {
            return false;
        }
        let is_union = record.kind == RecordKind::Union;
        let is_apart = |f: &Field| f.offset + f.size <= offset || offset + size <= f.offset;
        let has_room = |(n, layer): (usize, &Vec<Field>)| match is_union && n == 0 {
            true => offset == 0,
            false => layer.iter().all(is_apart),
        };
        let layer = layers.iter().enumerate().position(has_room).unwrap_or(layers.len());
        if layer == MAX_LAYERS {
            return false;
        }
        if layer == layers.len() {
            layers.push(Vec::new());
        }
        layers[layer].push(Field { name: member.name.to_owned(), offset, size, ty });
        true
    }

    fn place_bitfield(
        &self,
        record: &mut Record,
        member: &Member<'_>,
        width: u32,
        ty: Type,
    ) -> bool {
        let bit = u64::from(member.bit_offset);
        let is_number = match self.types.resolve(&ty) {
            Type::Bool | Type::Int(_) => true,
            Type::Named(id) => matches!(self.types.get(*id), TypeDef::Enum { .. }),
            _ => false,
        };
        if !is_number || width > Bitfield::MAX_WIDTH || bit + u64::from(width) > record.size * 8 {
            return false;
        }
        record.bitfields.push(Bitfield { name: member.name.to_owned(), bit, width, ty });
        true
    }

    /// The records of the layers after the first one; each leads to the next.
    fn overlapping(&mut self, record: &Record, layers: Vec<Vec<Field>>) -> Option<TypeId> {
        let name = format!("{}_overlapping", record.name);
        let named: Vec<_> = layers.into_iter().map(|fields| (self.unique(&name), fields)).collect();
        named.into_iter().rev().fold(None, |overlapping, (name, fields)| {
            let layer = Record {
                name,
                kind: RecordKind::Struct,
                size: record.size,
                align: record.align,
                fields,
                bitfields: Vec::new(),
                overlapping,
                literal: false,
                unreachable: Vec::new(),
                by_value: ByValue::Unclear,
            };
            Some(self.types.add(TypeDef::Record(layer)))
        })
    }

    /// The members that bodies name, including those of anonymous members, as in C.
    fn wanted_members(
        &self,
        id: BtfId,
        record: &str,
        base: u32,
        wanted: &mut Vec<Member<'a>>,
        seen: &mut usize,
    ) {
        let btf = self.btf;
        let Kind::Record(layout) = btf.get(btf.strip(id)).kind else { return };
        for m in layout.members() {
            *seen += 1;
            if *seen > MAX_MEMBERS {
                return;
            }
            let bit_offset = base.saturating_add(m.bit_offset);
            let is_wanted = match m.bitfield {
                Some(_) => self.wanted.wants_bitfield(record, m.name),
                None => self.wanted.wants(record, m.name),
            };
            if m.name.is_empty() {
                self.wanted_members(m.ty, record, bit_offset, wanted, seen);
            } else if is_wanted {
                wanted.push(Member { name: m.name, ty: m.ty, bit_offset, bits: m.bitfield });
            }
        }
    }
}
