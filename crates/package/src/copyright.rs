// SPDX-License-Identifier: GPL-2.0
//! Who holds the rights, in Debian's machine-readable format 1.0. rpm has no format for it, and
//! people can read this one.

use crate::license;
use crate::text::extended;
use crate::Package;
use std::fmt::Write as _;

/// Where Debian wants it (policy 12.5).
pub(crate) fn path(name: &str) -> String {
    format!("usr/share/doc/{name}/copyright")
}

pub(crate) fn copyright(package: &Package) -> String {
    let Package { name, homepage, maintainer, copyright, license, license_text, .. } = package;
    let spdx = license::spdx(license);
    // The format has its operators in small letters.
    let short = spdx.replace(" OR ", " or ").replace(" AND ", " and ").replace(" WITH ", " with ");
    let mut file = String::from(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n",
    );
    // Writing to a string cannot fail.
    let _ = write!(file, "Upstream-Name: {name}\nUpstream-Contact: {maintainer}\n");
    if let Some(homepage) = homepage {
        let _ = writeln!(file, "Source: {homepage}");
    }
    let holders = copyright.join("\n           ");
    let _ = write!(file, "\nFiles: *\nCopyright: {holders}\nLicense: {short}\n");
    if let Some(lines) = license_text {
        let text = lines.join("\n");
        let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
        let paragraphs: Vec<String> = paragraphs.collect();
        file.push_str(&extended(paragraphs.iter().map(String::as_str)));
        return file;
    }
    let texts: Vec<_> =
        license::parts(spdx).filter_map(|part| Some((part, license::text(part)?))).collect();
    for (part, text) in &texts {
        if texts.len() > 1 {
            let _ = write!(file, "\nLicense: {part}\n");
        }
        file.push_str(&extended(text.iter().copied()));
    }
    file
}
