// SPDX-License-Identifier: GPL-2.0
//! Which functions of a source file have other code in another text of it: two objects of the same
//! compiler are compared.
//!
//! What differs without a meaning is looked past: the numbers that the compiler gives to names, the
//! places of strings and constants, and the tables beside the code that describe it. Parts that the
//! compiler makes of a function, such as `NAME.cold` and `NAME.isra.0`, belong to the function. The
//! objects are compiled with `-ffunction-sections -fdata-sections`, so that one function does not
//! move another one.

mod content;

use content::{Content, Reader};
use std::collections::{BTreeMap, BTreeSet};

/// The functions and the data of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object {
    /// The parts of each function.
    functions: BTreeMap<String, Vec<Content>>,
    /// The data of each name: static variables of several functions may share one.
    data: BTreeMap<String, Vec<Content>>,
    /// The symbols that it defines, in any section.
    defined: BTreeSet<String>,
}

/// What differs between two objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// Functions whose code differs.
    pub functions: Names,
    /// Variables whose initial value differs.
    pub data: Names,
}

/// Names by how they differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// In both objects, and not the same.
    pub changed: BTreeSet<String>,
    /// Only in the new one.
    pub added: BTreeSet<String>,
    /// Only in the old one.
    pub removed: BTreeSet<String>,
}

impl Object {
    /// Reads an object file; `None` if it is not one that a kernel's compiler makes.
    pub fn read(bytes: &[u8]) -> Option<Object> {
        let reader = Reader::new(bytes)?;
        let mut object = Object::default();
        for symbol in reader.functions() {
            let parts = object.functions.entry(stem(symbol.name).to_owned()).or_default();
            parts.push(reader.function(symbol));
        }
        for symbol in reader.data() {
            let same = object.data.entry(stem(symbol.name).to_owned()).or_default();
            same.push(reader.content(symbol));
        }
        object.defined = reader.defined().map(str::to_owned).collect();
        // The compiler's numbers decide the order of what shares a name.
        let all = object.functions.values_mut().chain(object.data.values_mut());
        all.for_each(|same| same.sort_unstable());
        Some(object)
    }

    /// One of which only the names are known.
    #[cfg(test)]
    pub(crate) fn defining(names: &[&str]) -> Object {
        let defined = names.iter().map(|name| (*name).to_owned()).collect();
        Object { defined, ..Object::default() }
    }

    /// The names of its functions.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }

    /// Whether the compiler has left no symbol of this name: a `static` function is inlined, or a
    /// variable has become a constant. An object without symbols tells nothing.
    pub fn lacks(&self, name: &str) -> bool {
        !self.defined.is_empty() && !self.defined.contains(name)
    }

    /// Whether the code at the address of a symbol is what this object has for it: `code` starts
    /// there. What the linker or the running kernel writes is not compared. A difference may be one
    /// of the linker: it shortens jumps between neighbours. `None` if the object has no such
    /// symbol.
    pub fn is_at(&self, symbol: &str, code: &[u8]) -> Option<bool> {
        let parts = self.functions.get(stem(symbol))?.iter().filter(|part| part.is(symbol));
        let found: Vec<bool> = parts.map(|part| part.starts(code)).collect();
        (!found.is_empty()).then(|| found.contains(&true))
    }

    /// The functions whose code refers to a function or a variable.
    pub fn users(&self, name: &str) -> Vec<&str> {
        self.functions().filter(|function| self.uses(function).contains(name)).collect()
    }

    /// The functions and variables that a function's code refers to.
    pub fn uses(&self, function: &str) -> BTreeSet<&str> {
        let parts = self.functions.get(function).into_iter().flatten();
        let names = parts.flat_map(Content::names).map(stem);
        names.filter(|name| *name != function).collect()
    }
}

impl Differences {
    /// Compares the objects of the old and the new text of a file.
    pub fn between(old: &Object, new: &Object) -> Differences {
        Differences {
            functions: Names::between(&old.functions, &new.functions),
            data: Names::between(&old.data, &new.data),
        }
    }
}

impl Names {
    fn between(
        old: &BTreeMap<String, Vec<Content>>,
        new: &BTreeMap<String, Vec<Content>>,
    ) -> Names {
        let mut names = Names::default();
        for (name, content) in old {
            match new.get(name) {
                None => names.removed.insert(name.clone()),
                Some(other) if other != content => names.changed.insert(name.clone()),
                Some(_) => false,
            };
        }
        names.added = new.keys().filter(|name| !old.contains_key(*name)).cloned().collect();
        names
    }
}

/// The name in the source: without what the compiler has put behind it.
fn stem(name: &str) -> &str {
    name.split_once('.').map_or(name, |(stem, _)| stem)
}

/// The name without the numbers that the compiler has given: `count` of `count.3`, `sum.isra` of
/// `sum.isra.0`, and what `__UNIQUE_ID()` of include/linux/compiler.h has counted.
fn without_numbers(name: &str) -> String {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = name.split('.').filter(|part| !is_number(part)).collect();
    let name = parts.join(".");
    match name.starts_with("__UNIQUE_ID_") {
        true => name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned(),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    //! Objects that the host's compiler makes of small texts.

    use super::*;
    use std::process::Command;

    /// The object of a text.
    fn object(text: &str) -> Object {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let (source, output) = (folder.path().join("text.c"), folder.path().join("text.o"));
        std::fs::write(&source, text).unwrap_or_else(|error| panic!("{error}"));
        let host = std::env::consts::ARCH.to_owned() + "-unknown-linux-gnu";
        let mut tool = cc::Build::new();
        let tool = tool.target(&host).host(&host).opt_level(2).cargo_metadata(false).get_compiler();
        let flags = ["-O2", "-w", "-fno-pic", "-ffreestanding", "-ffunction-sections"];
        let mut command = Command::new(tool.path());
        command.args(flags).args(["-fdata-sections", "-c", "-o"]).arg(&output).arg(&source);
        let printed = command.output().unwrap_or_else(|error| panic!("install gcc: {error}"));
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        let bytes = std::fs::read(&output).unwrap_or_else(|error| panic!("{error}"));
        Object::read(&bytes).unwrap_or_else(|| panic!("the object cannot be read"))
    }

    fn between(old: &str, new: &str) -> Differences {
        Differences::between(&object(old), &object(new))
    }

    fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
        names.map(str::to_owned).into()
    }

    const TEXT: &str = r#"
#define own __attribute__((noipa))
extern void print(const char *, ...);
extern int other(int);
static int sum;
static inline int twice(int x) { return 2 * x; }
own int a(int x) { static int count; count += x; print("a %d", count); return twice(x); }
own int b(int x) { static int count; count -= x; print("b"); return other(x); }
own int c(int x) { sum += x; print(__func__); return x ? a(x) : b(x); }
own int d(int x) { switch (x) { case 0: return other(7); case 1: return a(3); case 2: return b(9);
    case 3: return other(1); case 4: return c(8); case 5: return a(1); } return 0; }
int table[4] = { 1, 2, 3 };
const char *const words[2] = { "one", "two" };
"#;

    #[test]
    fn nothing_differs_if_only_places_and_numbers_do() {
        let old = TEXT.replace("own int b(", "int gone(int x) { return x; }\nown int b(");
        let new = TEXT.replace(
            "own int a(",
            "own int more(int x) { static int count; print(\"more\"); return count += x; }\nown int a(",
        );
        let differs = between(&old, &new);
        assert_eq!(differs.functions.changed, names([]));
        assert_eq!(differs.functions.added, names(["more"]));
        assert_eq!(differs.functions.removed, names(["gone"]));
    }

    #[test]
    fn a_function_differs_by_its_code_and_by_what_it_refers_to() {
        let changes = [
            ("count += x", "count += x + 1", "a"),
            ("count -= x", "sum -= x", "b"),
            ("\"b\"", "\"B\"", "b"),
            ("return other(x)", "return print(x)", "b"),
            ("? a(x) : b(x)", "? b(x) : a(x)", "c"),
            ("case 0: return other(7)", "case 6: return other(7)", "d"),
        ];
        for (from, to, function) in changes {
            let new =
                TEXT.replace(from, to).replace("return print(x)", "return print((void *)1), 1");
            let differs = between(TEXT, &new);
            assert_eq!(differs.functions.changed, names([function]), "{from}");
        }
    }

    #[test]
    fn an_inlined_function_changes_its_callers() {
        let differs = between(TEXT, &TEXT.replace("2 * x", "3 * x"));
        assert_eq!(differs.functions.changed, names(["a"]));
    }

    #[test]
    fn a_part_belongs_to_its_function() {
        let text = "extern void rare(int) __attribute__((cold));\nextern int other(int);\n\
            int f(int x) { if (x > 7) { rare(1); rare(x); return other(x + 1); } return other(x); }\n";
        let differs = between(text, &text.replace("rare(1)", "rare(2)"));
        assert_eq!(differs.functions.changed, names(["f"]));
        assert_eq!(object(text).functions().collect::<Vec<_>>(), ["f"]);
    }

    #[test]
    fn initial_values_are_compared() {
        for (from, to, name) in [("1, 2, 3", "1, 2, 4", "table"), ("\"two\"", "\"too\"", "words")] {
            let differs = between(TEXT, &TEXT.replace(from, to));
            assert_eq!(differs.data.changed, names([name]));
            assert_eq!(differs.functions, Names::default());
        }
    }

    #[test]
    fn what_is_inlined_has_no_symbol() {
        let object = object(TEXT);
        let names = ["a", "sum", "table", "twice", "gone"];
        assert_eq!(names.map(|name| object.lacks(name)), [false, false, false, true, true]);
        assert!(!Object::default().lacks("a"));
    }

    #[test]
    fn what_a_function_refers_to_is_known() {
        let object = object(TEXT);
        assert_eq!(object.users("sum"), ["c"]);
        assert_eq!(object.uses("c"), ["a", "b", "print", "sum", "__func__"].into());
        assert!(object.uses("nothing").is_empty());
    }

    #[test]
    fn a_damaged_object_is_none() {
        assert_eq!(Object::read(b"\x7fELF"), None);
        assert_eq!(Object::read(&[]), None);
    }
}
