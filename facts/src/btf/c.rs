//! BTF types in the notation of C, for messages.

use super::{Btf, BtfId, Kind};

impl Btf {
    /// The declaration of a function, for example `int cmdline_proc_show(struct seq_file *m, void *v)`.
    pub fn declaration(&self, function: BtfId) -> String {
        let ty = self.get(function);
        match ty.kind {
            Kind::Function(proto) => self.declare(proto, ty.name.to_owned(), 0),
            _ => self.declare(function, String::new(), 0),
        }
    }

    /// A type's name, for example `struct seq_file *`.
    pub fn c_name(&self, id: BtfId) -> String {
        self.declare(id, String::new(), 0)
    }

    /// Builds a declaration from the inside out: `inner` is what has been declared so far.
    fn declare(&self, id: BtfId, inner: String, depth: usize) -> String {
        // Deep enough for any C that people write; a function that takes itself would otherwise never end.
        if depth > 16 {
            return join("...", &inner);
        }
        let ty = self.get(id);
        let depth = depth + 1;
        match ty.kind {
            Kind::Pointer(to) => {
                let inner = match self.get(to).kind {
                    Kind::Array { .. } | Kind::Prototype(_) => format!("(*{inner})"),
                    _ => format!("*{inner}"),
                };
                self.declare(to, inner, depth)
            }
            Kind::Array { of, len } => self.declare(of, format!("{inner}[{len}]"), depth),
            Kind::Prototype(proto) => {
                let mut params: Vec<_> =
                    proto.params().map(|(name, ty)| self.declare(ty, name.to_owned(), depth)).collect();
                if proto.variadic() {
                    params.push("...".into());
                }
                if params.is_empty() {
                    params.push("void".into());
                }
                self.declare(proto.ret, format!("{inner}({})", params.join(", ")), depth)
            }
            Kind::Const(of) => match self.get(of).kind {
                Kind::Pointer(_) => self.declare(of, join("const", &inner), depth),
                _ => format!("const {}", self.declare(of, inner, depth)),
            },
            Kind::Qualified(of) => self.declare(of, inner, depth),
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
