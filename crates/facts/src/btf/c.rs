// SPDX-License-Identifier: GPL-2.0
//! BTF types in C notation, for messages and for the C compiler.

use super::{Btf, BtfId, Kind};

/// More types than any real declaration has. Forged functions take themselves, or one another in
/// numbers that grow with every step.
const MAX_PARTS: usize = 256;

/// The type behind `va_list` as the compiler knows it (System V ABI for x86-64).
const VA_LIST_TAG: &str = "__va_list_tag";

/// Which pointers of a prototype lead to per-CPU data. GCC gives such a pointer a type of its own,
/// which BTF does not record. A pointer is given by its distance from the name: 1 is the outermost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PerCpu {
    /// The pointer in the result.
    pub result: Option<usize>,
    /// The pointer in each parameter.
    pub params: Vec<Option<usize>>,
}

impl Btf {
    /// The declaration of a function or a variable, for example
    /// `int cmdline_proc_show(struct seq_file *m, void *v)`.
    pub fn declaration(&self, id: BtfId) -> String {
        let mut printer = Printer { btf: self, typedefs: true, parts: 0 };
        let ty = self.get(id);
        match ty.kind {
            Kind::Function(of) | Kind::Variable(of) => {
                printer.declare(of, ty.name.to_owned(), None)
            }
            _ => self.c_name(id),
        }
    }

    /// The declaration of a function for the C compiler, which need not know typedefs, except those
    /// of types without a tag.
    pub fn declaration_without_typedefs(&self, id: BtfId, per_cpu: &PerCpu) -> String {
        let mut printer = Printer { btf: self, typedefs: false, parts: 0 };
        let ty = self.get(id);
        match ty.kind {
            Kind::Function(of) => match self.kind(of) {
                Kind::Prototype(proto) => printer.function(proto, ty.name, per_cpu),
                _ => printer.declare(of, ty.name.to_owned(), None),
            },
            _ => self.c_name(id),
        }
    }

    /// A type's name, for example `struct seq_file *`.
    pub fn c_name(&self, id: BtfId) -> String {
        Printer { btf: self, typedefs: true, parts: 0 }.declare(id, String::new(), None)
    }
}

struct Printer<'b> {
    btf: &'b Btf,
    /// Whether typedefs are printed by their names.
    typedefs: bool,
    /// The number of types printed so far.
    parts: usize,
}

impl Printer<'_> {
    /// Builds a declaration from the inside out: `inner` is the text so far. `per_cpu` is the
    /// distance of the pointer that leads to per-CPU data.
    fn declare(&mut self, id: BtfId, inner: String, per_cpu: Option<usize>) -> String {
        if self.parts == MAX_PARTS {
            return join("...", &inner);
        }
        self.parts += 1;
        let ty = self.btf.get(id);
        match ty.kind {
            Kind::Pointer(to) => {
                let word = if per_cpu == Some(1) { "__percpu *" } else { "*" };
                let inner = match self.btf.kind(self.plain(to)) {
                    Kind::Array { .. } | Kind::Prototype(_) => format!("({word}{inner})"),
                    _ => format!("{word}{inner}"),
                };
                self.declare(to, inner, per_cpu.and_then(|distance| distance.checked_sub(1)))
            }
            Kind::Array { of, len } => self.declare(of, format!("{inner}[{len}]"), per_cpu),
            Kind::Prototype(proto) => self.function(proto, &inner, &PerCpu::default()),
            Kind::Const(_) | Kind::Volatile(_) => self.qualified(id, inner, per_cpu),
            Kind::Qualified(of) => self.declare(of, inner, per_cpu),
            Kind::Typedef(to) if !self.typedefs && !self.is_opaque(to) => {
                self.declare(to, inner, per_cpu)
            }
            Kind::Record(record) => {
                let word = if record.union { "union" } else { "struct" };
                let name = if ty.name.is_empty() { "{...}" } else { ty.name };
                join(&format!("{word} {name}"), &inner)
            }
            Kind::Enum(_) => {
                let name = if ty.name.is_empty() { "{...}" } else { ty.name };
                join(&format!("enum {name}"), &inner)
            }
            Kind::Forward { union: true } => join(&format!("union {}", ty.name), &inner),
            Kind::Forward { union: false } => join(&format!("struct {}", ty.name), &inner),
            _ => join(ty.name, &inner),
        }
    }

    fn function(&mut self, proto: super::Prototype<'_>, name: &str, per_cpu: &PerCpu) -> String {
        let mut params = Vec::new();
        for (n, (name, ty)) in proto.params().enumerate() {
            params.push(match self.is_va_list(ty) {
                true => join("va_list", name),
                false => {
                    self.declare(ty, name.to_owned(), per_cpu.params.get(n).copied().flatten())
                }
            });
            if self.parts == MAX_PARTS {
                break;
            }
        }
        if proto.variadic() {
            params.push("...".into());
        }
        if params.is_empty() {
            params.push("void".into());
        }
        self.declare(proto.ret, format!("{name}({})", params.join(", ")), per_cpu.result)
    }

    /// A type with `const` or `volatile`: behind the star of a pointer, else in front.
    fn qualified(&mut self, id: BtfId, inner: String, per_cpu: Option<usize>) -> String {
        let (mut words, mut of) = (Vec::new(), id);
        loop {
            let (word, to) = match self.btf.kind(of) {
                Kind::Const(to) => ("const", to),
                Kind::Volatile(to) => ("volatile", to),
                _ => break,
            };
            words.push(word);
            of = self.plain(to);
        }
        let words = words.join(" ");
        match self.btf.kind(of) {
            Kind::Pointer(_) => self.declare(of, join(&words, &inner), per_cpu),
            _ => format!("{words} {}", self.declare(of, inner, per_cpu)),
        }
    }

    /// The type without what is not printed.
    fn plain(&self, mut id: BtfId) -> BtfId {
        // `parse` has proven that the chain ends.
        loop {
            match self.btf.kind(id) {
                Kind::Qualified(to) => id = to,
                Kind::Typedef(to) if !self.typedefs && !self.is_opaque(to) => id = to,
                _ => return id,
            }
        }
    }

    /// Whether a type can only be named by its typedef.
    fn is_opaque(&self, mut id: BtfId) -> bool {
        for _ in 0..MAX_PARTS {
            let ty = self.btf.get(self.btf.strip(id));
            match ty.kind {
                Kind::Array { of, .. } if self.is_va_list_tag(of) => return true,
                Kind::Pointer(of) | Kind::Array { of, .. } => id = of,
                Kind::Record(_) | Kind::Enum(_) => return ty.name.is_empty(),
                _ => return false,
            }
        }
        true
    }

    /// Whether a parameter is a `va_list`, which is an array: a parameter is a pointer instead.
    fn is_va_list(&self, id: BtfId) -> bool {
        matches!(self.btf.kind(id), Kind::Pointer(to) if self.is_va_list_tag(to))
    }

    fn is_va_list_tag(&self, id: BtfId) -> bool {
        let ty = self.btf.get(id);
        matches!(ty.kind, Kind::Record(_)) && ty.name == VA_LIST_TAG
    }
}

fn join(left: &str, inner: &str) -> String {
    match inner {
        "" => left.to_owned(),
        _ if left.is_empty() => inner.to_owned(),
        _ => format!("{left} {inner}"),
    }
}
