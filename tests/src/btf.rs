// SPDX-License-Identifier: GPL-2.0
//! Writes BTF, so that tests can say what a kernel's types are.
//!
//! Deliberately not the reader turned around: it knows the format from `include/uapi/linux/btf.h`
//! alone, and writes both the encoding of Linux 7.3, with its layout section, and the older one.

/// A type of the blob being written. 0 is `void`.
pub type Id = u32;

/// `void`.
pub const VOID: Id = 0;

/// A BTF blob being written.
#[derive(Debug, Clone)]
pub struct BtfWriter {
    types: Vec<u8>,
    strings: Vec<u8>,
    count: u32,
    /// Where the strings start: behind those of the blob that this one continues.
    before: u32,
}

/// A member: name, type, offset in bits, and its width if it is a bitfield.
pub type Member<'a> = (&'a str, Id, u32, Option<u32>);

impl Default for BtfWriter {
    fn default() -> Self {
        BtfWriter { types: Vec::new(), strings: vec![0], count: 0, before: 0 }
    }
}

impl BtfWriter {
    /// A blob that continues another one, as a module's does the kernel's.
    pub fn continuing(base: &BtfWriter) -> BtfWriter {
        let before = base.strings.len() as u32;
        BtfWriter { types: Vec::new(), strings: Vec::new(), count: base.count, before }
    }

    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let at = self.before + self.strings.len() as u32;
        self.strings.extend(text.as_bytes());
        self.strings.push(0);
        at
    }

    /// `struct btf_type` and what follows it.
    fn add(
        &mut self,
        name: &str,
        kind: u32,
        vlen: usize,
        flag: bool,
        word: u32,
        rest: &[u32],
    ) -> Id {
        let name = self.string(name);
        let info = vlen as u32 | kind << 24 | u32::from(flag) << 31;
        for word in [name, info, word].iter().chain(rest) {
            self.types.extend(word.to_le_bytes());
        }
        self.count += 1;
        self.count
    }

    /// The id that the next type will have.
    pub fn next(&self) -> Id {
        self.count + 1
    }

    /// An integer of so many bytes.
    pub fn int(&mut self, name: &str, size: u32, signed: bool) -> Id {
        let encoding = if name == "_Bool" { 4 } else { u32::from(signed) };
        self.add(name, 1, 0, false, size, &[(encoding << 24) | (size * 8)])
    }

    /// A pointer.
    pub fn pointer(&mut self, to: Id) -> Id {
        self.add("", 2, 0, false, to, &[])
    }

    /// An array.
    pub fn array(&mut self, of: Id, len: u32) -> Id {
        self.add("", 3, 0, false, 0, &[of, of, len])
    }

    /// A struct; `""` makes it anonymous.
    pub fn structure(&mut self, name: &str, size: u32, members: &[Member<'_>]) -> Id {
        self.record(4, name, size, members)
    }

    /// A union.
    pub fn union(&mut self, name: &str, size: u32, members: &[Member<'_>]) -> Id {
        self.record(5, name, size, members)
    }

    fn record(&mut self, kind: u32, name: &str, size: u32, members: &[Member<'_>]) -> Id {
        let flag = members.iter().any(|m| m.3.is_some());
        let mut words = Vec::new();
        for &(name, ty, offset, bits) in members {
            let offset = if flag { bits.unwrap_or(0) << 24 | offset } else { offset };
            words.extend([self.string(name), ty, offset]);
        }
        self.add(name, kind, members.len(), flag, size, &words)
    }

    /// An enumeration of `int` size.
    pub fn enumeration(&mut self, name: &str, values: &[(&str, i32)]) -> Id {
        let signed = values.iter().any(|(_, value)| *value < 0);
        let words: Vec<u32> =
            values.iter().flat_map(|(name, value)| [self.string(name), *value as u32]).collect();
        self.add(name, 6, values.len(), signed, 4, &words)
    }

    /// A struct that is only declared.
    pub fn forward(&mut self, name: &str) -> Id {
        self.add(name, 7, 0, false, 0, &[])
    }

    /// A typedef.
    pub fn typedef(&mut self, name: &str, to: Id) -> Id {
        self.add(name, 8, 0, false, to, &[])
    }

    /// `const`.
    pub fn constant(&mut self, of: Id) -> Id {
        self.add("", 10, 0, false, of, &[])
    }

    /// `volatile`.
    pub fn volatile(&mut self, of: Id) -> Id {
        self.add("", 9, 0, false, of, &[])
    }

    /// A type with a tag, such as `__user`.
    pub fn tagged(&mut self, tag: &str, of: Id) -> Id {
        self.add(tag, 18, 0, false, of, &[])
    }

    /// A global variable.
    pub fn variable(&mut self, name: &str, ty: Id) -> Id {
        self.add(name, 14, 0, false, ty, &[1])
    }

    /// A prototype; a parameter named `...` makes it variadic.
    pub fn prototype(&mut self, ret: Id, params: &[(&str, Id)]) -> Id {
        let words: Vec<u32> = params
            .iter()
            .flat_map(|&(name, ty)| match name {
                "..." => [0, 0],
                name => [self.string(name), ty],
            })
            .collect();
        self.add("", 13, params.len(), false, ret, &words)
    }

    /// A function.
    pub fn function(&mut self, name: &str, ret: Id, params: &[(&str, Id)]) -> Id {
        let prototype = self.prototype(ret, params);
        self.add(name, 12, 1, false, prototype, &[])
    }

    /// A type of a kind that no kernel has yet, eight bytes longer than a type must be.
    pub fn unknown_kind(&mut self) -> Id {
        self.add("later", 20, 0, false, 0, &[1, 2])
    }

    /// A struct that says it has more members than fit into any memory, and has none.
    pub fn huge_structure(&mut self, name: &str) -> Id {
        self.add(name, 4, 0xff_ffff, false, 8, &[])
    }

    /// The blob as kernels before 7.3 have it.
    pub fn finish(&self) -> Vec<u8> {
        self.blob(&[])
    }

    /// The blob as Linux 7.3 has it: with a table that gives the size of each kind.
    pub fn finish_with_layout(&self) -> Vec<u8> {
        // Size of what follows a type, and of each of its elements, by kind.
        const SIZES: [(u8, u8); 21] = [
            (0, 0),
            (4, 0),
            (0, 0),
            (12, 0),
            (0, 12),
            (0, 12),
            (0, 8),
            (0, 0),
            (0, 0),
            (0, 0),
            (0, 0),
            (0, 0),
            (0, 0),
            (0, 8),
            (4, 0),
            (0, 12),
            (0, 0),
            (4, 0),
            (0, 0),
            (0, 12),
            (8, 0),
        ];
        let layout: Vec<u8> =
            SIZES.iter().flat_map(|&(info, element)| [info, element, 0, 0]).collect();
        self.blob(&layout)
    }

    fn blob(&self, layout: &[u8]) -> Vec<u8> {
        let header: u32 = if layout.is_empty() { 24 } else { 32 };
        let mut blob = vec![0x9f, 0xeb, 1, 0];
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        let mut words = vec![header, 0, types, types, strings];
        if !layout.is_empty() {
            words.extend([types + strings, layout.len() as u32]);
        }
        for word in words {
            blob.extend(word.to_le_bytes());
        }
        blob.extend(&self.types);
        blob.extend(&self.strings);
        blob.extend(layout);
        blob
    }
}
