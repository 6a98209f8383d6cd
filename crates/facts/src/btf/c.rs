// SPDX-License-Identifier: GPL-2.0
//! BTF types in C notation, for messages.

use super::{Btf, BtfId, Kind};

/// More types than any real declaration has. Forged functions take themselves, or one another in
/// numbers that grow with every step.
const MAX_PARTS: usize = 256;

impl Btf {
    /// The declaration of a function or a variable, for example
    /// `int cmdline_proc_show(struct seq_file *m, void *v)`.
    pub fn declaration(&self, id: BtfId) -> String {
        let ty = self.get(id);
        match ty.kind {
            Kind::Function(of) | Kind::Variable(of) => self.declare(of, ty.name.to_owned(), &mut 0),
            _ => self.c_name(id),
        }
    }

    /// A type's name, for example `struct seq_file *`.
    pub fn c_name(&self, id: BtfId) -> String {
        self.declare(id, String::new(), &mut 0)
    }

    /// Builds a declaration from the inside out: `inner` is the text so far, and `parts` the number
    /// of types in it.
    fn declare(&self, id: BtfId, inner: String, parts: &mut usize) -> String {
        if *parts == MAX_PARTS {
            return join("...", &inner);
        }
        *parts += 1;
        let ty = self.get(id);
        match ty.kind {
            Kind::Pointer(to) => {
                let inner = match self.get(to).kind {
                    Kind::Array { .. } | Kind::Prototype(_) => format!("(*{inner})"),
                    _ => format!("*{inner}"),
                };
                self.declare(to, inner, parts)
            }
            Kind::Array { of, len } => self.declare(of, format!("{inner}[{len}]"), parts),
            Kind::Prototype(proto) => {
                let mut params = Vec::new();
                for (name, ty) in proto.params() {
                    params.push(self.declare(ty, name.to_owned(), parts));
                    if *parts == MAX_PARTS {
                        break;
                    }
                }
                if proto.variadic() {
                    params.push("...".into());
                }
                if params.is_empty() {
                    params.push("void".into());
                }
                self.declare(proto.ret, format!("{inner}({})", params.join(", ")), parts)
            }
            Kind::Const(of) => match self.get(of).kind {
                Kind::Pointer(_) => self.declare(of, join("const", &inner), parts),
                _ => format!("const {}", self.declare(of, inner, parts)),
            },
            Kind::Qualified(of) => self.declare(of, inner, parts),
            Kind::Record(record) => {
                let word = if record.union { "union" } else { "struct" };
                let name = if ty.name.is_empty() { "{...}" } else { ty.name };
                join(&format!("{word} {name}"), &inner)
            }
            Kind::Enum(_) => {
                let name = if ty.name.is_empty() { "{...}" } else { ty.name };
                join(&format!("enum {name}"), &inner)
            }
            Kind::Forward => join(&format!("struct {}", ty.name), &inner),
            _ => join(ty.name, &inner),
        }
    }
}

fn join(left: &str, inner: &str) -> String {
    match inner {
        "" => left.to_owned(),
        _ if left.is_empty() => inner.to_owned(),
        _ => format!("{left} {inner}"),
    }
}
