// SPDX-License-Identifier: GPL-2.0
//! What a generation says about itself, in `manifest.toml`.

use crate::module::is_name;
use crate::Incoming;
use kps_host::input::Limit;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The name of the file.
pub(super) const NAME: &str = "manifest.toml";
/// The version of the format that is written and read.
const FORMAT: u32 = 1;

/// The manifest of a set. One of ten patches has some 3 KB.
pub const SET_MANIFEST: Limit = Limit { what: "a set of installed patches", bytes: 1 << 20 };

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u32,
    /// The generation that was installed before this one. The first has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<u32>,
    /// In the order in which they are loaded.
    #[serde(default, rename = "module", skip_serializing_if = "Vec::is_empty")]
    pub(super) entries: Vec<Entry>,
}

/// An installed patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name, and its module's.
    pub name: String,
    /// The GNU build-id of the kernel that it is for, in hexadecimal. Modules that kpsc has not
    /// made do not tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// SHA-256 of the module, in hexadecimal.
    pub sha256: String,
    /// Whether it is known to replace all that were loaded before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces: bool,
    /// Its parameters, as `insmod` takes them: `NAME=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<String>,
    /// Its version, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The bugs that it fixes, as far as its note says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixes: Vec<String>,
    /// The package that has installed it, and uninstalls it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
}

impl Manifest {
    /// The manifest of a set.
    pub(super) fn new(parent: Option<u32>, entries: Vec<Entry>) -> Manifest {
        Manifest { format: FORMAT, parent, entries }
    }

    /// Its text, or why it cannot be written.
    pub(super) fn to_text(&self) -> Result<String, String> {
        let text = toml::to_string(self).map_err(|error| error.to_string())?;
        match text.len() as u64 <= SET_MANIFEST.bytes {
            true => Ok(text),
            false => Err("the set has too many patches, or their parameters are too long".into()),
        }
    }

    /// The manifest in a text, or why it is none.
    pub(super) fn parse(text: &[u8]) -> Result<Manifest, String> {
        let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
        let manifest: Manifest =
            toml::from_str(text).map_err(|error| error.message().to_owned())?;
        if manifest.format != FORMAT {
            return Err(format!("it has format {}, and not {FORMAT}", manifest.format));
        }
        let entries = &manifest.entries;
        for (at, entry) in entries.iter().enumerate() {
            if !entry.is_valid() {
                return Err(format!("entry {} has an invalid name, build-id or digest", at + 1));
            }
            if entries[..at].iter().any(|other| other.excludes(entry)) {
                return Err(format!("`{}` is there twice", entry.name));
            }
        }
        Ok(manifest)
    }
}

impl Entry {
    /// The entry of a module; `None` if its note has no valid build-id.
    pub(super) fn of(incoming: &Incoming, bytes: &[u8], params: Vec<String>) -> Option<Entry> {
        let note = incoming.note.as_ref();
        let build_id = note.map(|note| note.build_id.clone()).filter(|id| !id.is_empty());
        let noted = note.and_then(|note| note.version.clone());
        let entry = Entry {
            name: incoming.name.clone(),
            build_id,
            sha256: digest(bytes),
            replaces: incoming.replaces_all(),
            params,
            version: noted.or_else(|| incoming.information.version.clone()),
            fixes: note.map_or(Vec::new(), |note| note.fixes.clone()),
            package: None,
        };
        entry.is_valid().then_some(entry)
    }

    /// Whether it is for the kernel with this build-id, as far as it tells.
    pub fn is_for(&self, build_id: &str) -> bool {
        self.build_id.as_ref().is_none_or(|own| own == build_id)
    }

    /// Whether a package has installed it.
    pub fn is_of(&self, package: &str) -> bool {
        self.package.as_deref() == Some(package)
    }

    /// Whether the kernel gets the same from both.
    pub fn loads_the_same_as(&self, other: &Entry) -> bool {
        (&self.name, &self.build_id, &self.sha256, &self.params)
            == (&other.name, &other.build_id, &other.sha256, &other.params)
    }

    /// Whether one kernel could get both, which have one name.
    pub(super) fn excludes(&self, other: &Entry) -> bool {
        self.name == other.name && self.shares_kernel(other)
    }

    /// Whether it replaces another one, in a kernel that could get both.
    pub(super) fn supersedes(&self, other: &Entry) -> bool {
        self.replaces && self.shares_kernel(other)
    }

    fn shares_kernel(&self, other: &Entry) -> bool {
        match (&self.build_id, &other.build_id) {
            (Some(own), Some(other)) => own == other,
            _ => true,
        }
    }

    /// The name of its file in the generation.
    pub fn file(&self) -> String {
        match &self.build_id {
            Some(build_id) => format!("{}.{build_id}.ko", self.name),
            None => format!("{}.ko", self.name),
        }
    }

    fn is_valid(&self) -> bool {
        /// The number of digits of a digest, and at most of a build-id, which is a SHA-1.
        const DIGEST: usize = 64;
        const BUILD_ID: usize = 40;
        let is_hex = |text: &str| text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        let is_id = |id: &String| (1..=BUILD_ID).contains(&id.len()) && is_hex(id);
        is_name(&self.name)
            && self.build_id.as_ref().is_none_or(is_id)
            && self.sha256.len() == DIGEST
            && is_hex(&self.sha256)
            && self.package.as_deref().is_none_or(is_package)
    }
}

/// Whether a text can be the name of a package, for dpkg or for rpm.
pub(super) fn is_package(name: &str) -> bool {
    const LONGEST: usize = 200;
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    (1..=LONGEST).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(plain)
}

/// SHA-256 in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, build_id: Option<&str>) -> Entry {
        Entry {
            name: name.into(),
            build_id: build_id.map(str::to_owned),
            sha256: digest(name.as_bytes()),
            replaces: false,
            params: vec!["level=3".into(), "text=\"a\nb\"".into()],
            version: Some("1.0".into()),
            fixes: vec!["CVE-2026-1".into()],
            package: Some("livepatch-net".into()),
        }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let plain = Entry { params: vec![], version: None, fixes: vec![], ..entry("plain", None) };
        let all = vec![entry("b", Some("0a")), plain, entry("b", Some("0b"))];
        for manifest in [Manifest::new(None, vec![]), Manifest::new(Some(7), all)] {
            let text = manifest.to_text();
            assert_eq!(text.and_then(|text| Manifest::parse(text.as_bytes())), Ok(manifest));
        }
    }

    #[test]
    fn what_no_writer_leaves_is_refused() {
        let text = |entries: Vec<Entry>| Manifest::new(None, entries).to_text();
        let refused = |entries| text(entries).and_then(|text| Manifest::parse(text.as_bytes()));
        let a = || entry("a", Some("0a"));
        for entries in [
            vec![Entry { name: "../a".into(), ..a() }],
            vec![Entry { name: "a-b".into(), ..a() }],
            vec![Entry { name: String::new(), ..a() }],
            vec![Entry { build_id: Some("../0a".into()), ..a() }],
            vec![Entry { build_id: Some("0a".repeat(21)), ..a() }],
            vec![Entry { build_id: Some(String::new()), ..a() }],
            vec![Entry { sha256: "0A".repeat(32), ..a() }],
            vec![Entry { sha256: "0a".into(), ..a() }],
            vec![Entry { package: Some("../a".into()), ..a() }],
            vec![Entry { package: Some(String::new()), ..a() }],
            vec![a(), a()],
            vec![a(), entry("a", None)],
            vec![entry("a", None), entry("b", None), entry("a", None)],
        ] {
            assert!(refused(entries.clone()).is_err(), "{entries:?}");
        }
        for text in ["", "format = 2", "format = 1\nparent = -1", "format = \"1\"", "a", "\u{0}"] {
            assert!(Manifest::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Manifest::parse(b"\xff").is_err());
        let many = vec![Entry { params: vec!["a".repeat(2 << 20)], ..a() }];
        assert!(text(many).is_err());
    }

    #[test]
    fn a_later_version_may_say_more() {
        let text = "format = 1\nnew = true\n[[module]]\nname = \"a\"\nsha256 = \"";
        let text = format!("{text}{}\"\nsigner = \"x\"\n", digest(b""));
        assert_eq!(Manifest::parse(text.as_bytes()).map(|manifest| manifest.entries.len()), Ok(1));
    }

    #[test]
    fn two_of_one_name_are_apart_if_their_kernels_are() {
        let (a, b, any) = (entry("a", Some("0a")), entry("a", Some("0b")), entry("a", None));
        assert!(a.excludes(&a) && a.excludes(&any) && any.excludes(&a) && any.excludes(&any));
        assert!(!a.excludes(&b) && !a.excludes(&entry("c", None)));
        assert!(a.is_for("0a") && !a.is_for("0b") && any.is_for("0b"));
        assert_eq!([a.file(), any.file()], ["a.0a.ko", "a.ko"]);
    }
}
