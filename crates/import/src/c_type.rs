// SPDX-License-Identifier: GPL-2.0
//! From the declaration of a struct's member in C to the type of a shadow variable.

use kps_grammar::{tokens, Language};

/// How the value of a member is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The member's type in C.
    pub c: String,
    /// The type of the variable in C.
    pub ty: &'static str,
    /// The same in Rust.
    pub rust: &'static str,
    /// 0 of that type.
    pub zero: &'static str,
}

/// Types of members, and the types of Rust and its C that have their values.
const TYPES: &[(&[&str], &str, &str, &str)] = &[
    (&["bool", "_Bool"], "bool", "bool", "false"),
    (&["char", "signed char", "s8", "__s8", "int8_t"], "s8", "i8", "0"),
    (&["unsigned char", "u8", "__u8", "uint8_t"], "u8", "u8", "0"),
    (&["short", "short int", "s16", "__s16", "int16_t"], "s16", "i16", "0"),
    (&["unsigned short", "u16", "__u16", "uint16_t", "umode_t"], "u16", "u16", "0"),
    (&["int", "signed int", "signed", "s32", "__s32", "int32_t"], "int", "c_int", "0"),
    (&["unsigned", "unsigned int", "u32", "__u32", "uint32_t"], "unsigned int", "c_uint", "0"),
    (&["long", "long int", "ssize_t"], "long", "c_long", "0"),
    (&["unsigned long", "size_t"], "unsigned long", "c_ulong", "0"),
    (&["long long", "s64", "__s64", "int64_t", "loff_t", "ktime_t"], "s64", "i64", "0"),
    (&["unsigned long long", "u64", "__u64", "uint64_t"], "u64", "u64", "0"),
    (&["atomic_t"], "atomic_t", "AtomicI32", "AtomicI32::new(0)"),
    (&["atomic64_t"], "atomic64_t", "AtomicI64", "AtomicI64::new(0)"),
    (&["atomic_long_t"], "atomic_long_t", "AtomicIsize", "AtomicIsize::new(0)"),
];

impl Stored {
    /// Of the declaration of one member. `None` for what needs more than zeros to begin with, such
    /// as a lock or a list, for arrays, and for bitfields of several bits.
    pub fn of(declaration: &str, member: &str) -> Option<Stored> {
        let words: Vec<&str> = tokens(declaration, Language::C).map(|(_, token)| token).collect();
        let name = words.iter().position(|word| *word == member)?;
        let (before, after) = (&words[..name], &words[name + 1..]);
        match after {
            [";"] => Self::of_type(before),
            [":", "1", ";"] => Self::of_type(&["bool"]),
            _ => None,
        }
    }

    fn of_type(words: &[&str]) -> Option<Stored> {
        let c = spelled(words);
        let stored = |ty, rust, zero| Some(Stored { c: c.clone(), ty, rust, zero });
        // A pointer to a constant can itself be written, as one that ends so cannot.
        match words {
            [.., "const" | "volatile"] => None,
            [.., "*"] => stored("unsigned long", "c_ulong", "0"),
            ["enum", _] => stored("unsigned int", "c_uint", "0"),
            _ => {
                let (_, ty, rust, zero) =
                    TYPES.iter().find(|(names, ..)| names.contains(&c.as_str()))?;
                let c = if c == "_Bool" { "bool".to_owned() } else { c.clone() };
                Some(Stored { c, ty, rust, zero })
            }
        }
    }

    /// A pointer to the member's type in C.
    pub fn pointer(&self) -> String {
        spelled(&[&self.c, "*"])
    }
}

/// The words as C writes them.
fn spelled(words: &[&str]) -> String {
    let mut text = String::new();
    for word in words {
        if !(text.is_empty() || text.ends_with('*')) {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_begin_as_zeros_are_stored() {
        let cases = [
            ("u32 m;", Some(("u32", "unsigned int", "c_uint"))),
            ("unsigned long\tm;", Some(("unsigned long", "unsigned long", "c_ulong"))),
            ("struct foo *m; /* why */", Some(("struct foo *", "unsigned long", "c_ulong"))),
            ("const char *m;", Some(("const char *", "unsigned long", "c_ulong"))),
            ("enum kind m;", Some(("enum kind", "unsigned int", "c_uint"))),
            ("unsigned int m : 1;", Some(("bool", "bool", "bool"))),
            ("atomic_t m;", Some(("atomic_t", "atomic_t", "AtomicI32"))),
            ("unsigned int m : 3;", None),
            ("struct list_head m;", None),
            ("spinlock_t m;", None),
            ("u8 m[4];", None),
            ("u8 a, m;", None),
            ("char *const m;", None),
            ("void (*m)(int);", None),
        ];
        for (declaration, expected) in cases {
            let stored = Stored::of(declaration, "m");
            let found = stored.as_ref().map(|one| (one.c.as_str(), one.ty, one.rust));
            assert_eq!(found, expected, "{declaration}");
        }
    }
}
