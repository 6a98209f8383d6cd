// SPDX-License-Identifier: GPL-2.0
//! Licenses: the names that modules have for them, SPDX's, and the texts for a package.

use crate::{check, Error};

/// What `MODULE_LICENSE()` has, and what it means (`Documentation/process/license-rules.rst` in the
/// kernel's tree). It does not say which variant of the BSD license or of the MPL.
const OF_MODULES: [(&str, &str); 8] = [
    ("GPL", GPL),
    ("GPL v2", GPL),
    ("GPL-2.0", GPL),
    ("GPL-2.0+", "GPL-2.0-or-later"),
    ("GPL and additional rights", "GPL-2.0-only OR MIT"),
    ("Dual MIT/GPL", "GPL-2.0-only OR MIT"),
    ("Dual BSD/GPL", "GPL-2.0-only OR LicenseRef-BSD"),
    ("Dual MPL/GPL", "GPL-2.0-only OR LicenseRef-MPL"),
];

const GPL: &str = "GPL-2.0-only";

/// The paragraphs of a license.
type Text = &'static [&'static str];

/// The texts. For those that every Debian system has, the place of the text is enough
/// (Debian policy 12.5).
const TEXTS: [(&str, Text); 9] = [
    (
        GPL,
        &[
            "This is free software; you can redistribute it and/or modify it under the terms of \
             version 2 of the GNU General Public License as published by the Free Software \
             Foundation.",
            NO_WARRANTY,
            "On Debian systems, the text of version 2 of the GNU General Public License is in \
             /usr/share/common-licenses/GPL-2.",
        ],
    ),
    (
        "GPL-2.0-or-later",
        &[
            "This is free software; you can redistribute it and/or modify it under the terms of \
             the GNU General Public License as published by the Free Software Foundation, version \
             2 or any later version.",
            NO_WARRANTY,
            "On Debian systems, the text of version 2 of the GNU General Public License is in \
             /usr/share/common-licenses/GPL-2.",
        ],
    ),
    (
        "LGPL-2.1-only",
        &[
            "This is free software; you can redistribute it and/or modify it under the terms of \
             version 2.1 of the GNU Lesser General Public License as published by the Free \
             Software Foundation.",
            NO_WARRANTY,
            "On Debian systems, the text of version 2.1 of the GNU Lesser General Public License \
             is in /usr/share/common-licenses/LGPL-2.1.",
        ],
    ),
    (
        "LGPL-2.1-or-later",
        &[
            "This is free software; you can redistribute it and/or modify it under the terms of \
             the GNU Lesser General Public License as published by the Free Software Foundation, \
             version 2.1 or any later version.",
            NO_WARRANTY,
            "On Debian systems, the text of version 2.1 of the GNU Lesser General Public License \
             is in /usr/share/common-licenses/LGPL-2.1.",
        ],
    ),
    (
        "Apache-2.0",
        &[
            "Licensed under version 2.0 of the Apache License. It comes without warranties or \
             conditions of any kind.",
            "On Debian systems, the text of the Apache License 2.0 is in \
             /usr/share/common-licenses/Apache-2.0.",
        ],
    ),
    (
        "MPL-2.0",
        &[
            "This is subject to the terms of version 2.0 of the Mozilla Public License.",
            "On Debian systems, the text of the Mozilla Public License 2.0 is in \
             /usr/share/common-licenses/MPL-2.0.",
        ],
    ),
    (
        "MIT",
        &[
            "Permission is hereby granted, free of charge, to any person obtaining a copy of this \
             software and associated documentation files (the \"Software\"), to deal in the \
             Software without restriction, including without limitation the rights to use, copy, \
             modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, \
             and to permit persons to whom the Software is furnished to do so, subject to the \
             following conditions:",
            "The above copyright notice and this permission notice shall be included in all copies \
             or substantial portions of the Software.",
            "THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, \
             INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A \
             PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT \
             HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF \
             CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE \
             OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.",
        ],
    ),
    ("LicenseRef-BSD", &["The source files say which variant of the BSD license applies."]),
    (
        "LicenseRef-MPL",
        &["The source files say which version of the Mozilla Public License applies."],
    ),
];

const NO_WARRANTY: &str = "It is distributed in the hope that it will be useful, but WITHOUT ANY \
                           WARRANTY; without even the implied warranty of MERCHANTABILITY or \
                           FITNESS FOR A PARTICULAR PURPOSE.";

/// The SPDX expression of a license.
pub(crate) fn spdx(license: &str) -> &str {
    OF_MODULES.iter().find(|(name, _)| *name == license).map_or(license, |(_, spdx)| spdx)
}

/// The licenses of an expression that has one operator at most.
pub(crate) fn parts(spdx: &str) -> impl Iterator<Item = &str> {
    spdx.split(" OR ").flat_map(|part| part.split(" AND "))
}

/// The paragraphs of the text of a license, by its SPDX identifier; `None` if this crate does not
/// have it.
pub fn text(part: &str) -> Option<&'static [&'static str]> {
    TEXTS.iter().find(|(name, _)| *name == part).map(|(_, text)| *text)
}

pub(crate) fn check(license: &str, own_text: Option<&[String]>) -> Result<(), Error> {
    const NAMES: &str = "SPDX identifiers with one of ' OR ' and ' AND ' between them, or a word \
                         of MODULE_LICENSE()";
    const KNOWN: &str = "GPL-2.0-only, GPL-2.0-or-later, LGPL-2.1-only, LGPL-2.1-or-later, \
                         Apache-2.0, MPL-2.0, MIT, or another license with its `license_text`";
    let spdx = spdx(license);
    let is_name = |name: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-+".contains(c);
        name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(is_plain)
    };
    // `A WITH B` is a license with an exception.
    let is_license = |part: &str| part.splitn(2, " WITH ").all(is_name);
    let is_mixed = spdx.contains(" OR ") && spdx.contains(" AND ");
    if is_mixed || !parts(spdx).all(is_license) {
        return Err(Error::field("license", license, NAMES));
    }
    if let Some(lines) = own_text {
        check::require("license_text", lines.is_empty(), "at least one line")?;
        return lines
            .iter()
            .filter(|text| !text.is_empty())
            .try_for_each(|text| check::line("license_text", text));
    }
    match parts(spdx).all(|part| text(part).is_some()) {
        true => Ok(()),
        false => Err(Error::field("license", license, KNOWN)),
    }
}
