// SPDX-License-Identifier: GPL-2.0
//! The name of a kernel, as a folder of the store may be named.

use std::fmt::{self, Display, Formatter};

/// `uname -r` of a kernel. It comes from modules, which may say anything, and names a folder: so
/// it has plain characters only, and does not start with a dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(String);

impl Release {
    /// The maximum number of characters (`__NEW_UTS_LEN` in `include/uapi/linux/utsname.h`).
    const MOST: usize = 64;

    /// The release in a text, if it is one.
    pub fn of(text: &str) -> Option<Release> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".+-_~".contains(c);
        let is_release = (1..=Release::MOST).contains(&text.len())
            && !text.starts_with('.')
            && text.chars().all(is_plain);
        is_release.then(|| Release(text.to_owned()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Release {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Release;

    #[test]
    fn a_release_names_a_folder_and_nothing_else() {
        let longest = "r".repeat(64);
        for text in ["7.3.4+deb13-cloud-amd64", "6.12.0-rc1_x~bpo", "6", &longest] {
            assert_eq!(Release::of(text).map(|release| release.to_string()).as_deref(), Some(text));
        }
        for text in ["", ".", "..", ".lock", "a/b", "/", "a b", "a\n", "a\0", "ä", &"r".repeat(65)]
        {
            assert_eq!(Release::of(text), None, "{text:?}");
        }
    }
}
