// SPDX-License-Identifier: GPL-2.0
//! What a module says about itself in `.modinfo`: lines of `KEY=VALUE`, each ended by a NUL.

use std::collections::BTreeMap;

/// What a module's author says about it. kpsc's own modules say more in their note.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Information {
    /// `MODULE_VERSION`.
    pub version: Option<String>,
    /// `MODULE_DESCRIPTION`.
    pub description: Option<String>,
    /// `MODULE_LICENSE`.
    pub license: Option<String>,
}

/// A parameter of a module. Every module also takes the kernel's own `async_probe` and `dyndbg`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameter {
    /// Its name. For the kernel `-` and `_` are the same in it (`parameq()` in `kernel/params.c`).
    pub name: String,
    /// Its type as `module_param` calls it, for example `bool`, `charp` or `array of int`.
    pub kind: Option<String>,
    /// `MODULE_PARM_DESC`.
    pub description: Option<String>,
}

/// The lines of `.modinfo`.
pub(super) struct Lines(Vec<String>);

impl Lines {
    pub(super) fn read(section: &[u8]) -> Lines {
        let lines = section.split(|&byte| byte == 0).filter(|line| !line.is_empty());
        Lines(lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect())
    }

    /// The first value of a key, which the kernel uses too.
    pub(super) fn value<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.values(key).next()
    }

    fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(move |line| line.strip_prefix(key)?.strip_prefix('='))
    }

    pub(super) fn information(&self) -> Information {
        let value = |key| self.value(key).map(str::to_owned);
        Information {
            version: value("version"),
            description: value("description"),
            license: value("license"),
        }
    }

    /// The parameters, by name: lines `parmtype=NAME:TYPE`, and `parm=NAME:TEXT` for those that are
    /// described.
    pub(super) fn parameters(&self) -> Vec<Parameter> {
        let mut found: BTreeMap<String, Parameter> = BTreeMap::new();
        for (key, is_kind) in [("parmtype", true), ("parm", false)] {
            for (name, text) in self.values(key).filter_map(|value| value.split_once(':')) {
                if !is_parameter(name) {
                    continue;
                }
                let new = || Parameter { name: name.to_owned(), ..Parameter::default() };
                let parameter = found.entry(name.to_owned()).or_insert_with(new);
                let field = if is_kind { &mut parameter.kind } else { &mut parameter.description };
                field.get_or_insert_with(|| text.to_owned());
            }
        }
        found.into_values().collect()
    }
}

/// Whether a text can be the name of a parameter.
fn is_parameter(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_has_a_type_and_perhaps_a_description() {
        let section = b"parm=b:a text: with a colon\0parmtype=a:array of int\0\0parmtype=b:bool\0\
            parmtype=:int\0parmtype=no colon\0parm=two words:text\0parmtype=a:charp";
        let lines = Lines::read(section);
        let parameter = |name: &str, kind: &str, description: Option<&str>| Parameter {
            name: name.into(),
            kind: Some(kind.into()),
            description: description.map(str::to_owned),
        };
        let wanted = vec![
            parameter("a", "array of int", None),
            parameter("b", "bool", Some("a text: with a colon")),
        ];
        assert_eq!(lines.parameters(), wanted);
    }

    #[test]
    fn the_first_line_of_a_key_counts() {
        let lines = Lines::read(b"version=1\0version=2\0versions=3\0license=GPL\0");
        assert_eq!(lines.value("version"), Some("1"));
        let Information { version, description, license } = lines.information();
        assert_eq!(
            (version.as_deref(), description, license.as_deref()),
            (Some("1"), None, Some("GPL"))
        );
    }
}
