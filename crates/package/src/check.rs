// SPDX-License-Identifier: GPL-2.0
//! The white lists: what a field may be, so that no value is read as a part of another field.
//!
//! Nothing is escaped later on. What is written as a line is one, and what is written between
//! spaces is a word.

use crate::text::is_printable;
use crate::{changelog, license, paths, relations, version};
use crate::{Deb, DebScripts, Error, Package, Rpm, RpmScripts};

/// rpmlint wants less than 80 characters, and lintian not more than 80.
const SUMMARY: usize = 79;

/// Both keep names and versions in the name of one file.
const NAME: usize = 100;

/// Checks every field. `build` and `file_name` depend on it.
pub(crate) fn package(package: &Package) -> Result<(), Error> {
    // A new field does not compile until it is checked.
    let Package {
        name,
        version,
        architecture: _,
        summary,
        description,
        license,
        copyright,
        license_text,
        maintainer,
        homepage,
        files,
        changelog,
        timestamp,
        deb,
        rpm,
    } = package;
    self::name("name", name)?;
    version::check("version", version)?;
    self::summary(summary)?;
    require("description", description.is_empty(), "at least one paragraph")?;
    lines("description", description)?;
    license::check(license, license_text.as_deref())?;
    require("copyright", copyright.is_empty(), "at least one holder")?;
    lines("copyright", copyright)?;
    person("maintainer", maintainer)?;
    homepage.as_deref().map_or(Ok(()), url)?;
    paths::check(&files.iter().collect::<Vec<_>>())?;
    changelog::check(changelog, version)?;
    seconds("timestamp", *timestamp)?;
    let Deb { section, priority: _, relations, scripts, lintian_overrides } = deb;
    self::section(section)?;
    relations::check_deb(relations)?;
    lines("deb.lintian_overrides", lintian_overrides)?;
    let DebScripts { preinst, postinst, prerm, postrm } = scripts;
    for text in [preinst, postinst, prerm, postrm].into_iter().flatten() {
        script("deb.scripts", text)?;
    }
    let Rpm { group, vendor, relations, scripts } = rpm;
    group.as_deref().map_or(Ok(()), |text| line("rpm.group", text))?;
    vendor.as_deref().map_or(Ok(()), |text| line("rpm.vendor", text))?;
    relations::check_rpm(relations)?;
    let RpmScripts { pre, post, preun, postun, posttrans } = scripts;
    for text in [pre, post, preun, postun, posttrans].into_iter().flatten() {
        script("rpm.scripts", text)?;
    }
    Ok(())
}

/// A package's name: Debian policy 5.6.7, which is stricter than rpm.
pub(crate) fn name(field: &'static str, name: &str) -> Result<(), Error> {
    const ALLOWED: &str = "2 to 100 of a-z, 0-9, '+', '-' and '.', the first a letter or a digit";
    let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_allowed = (2..=NAME).contains(&name.len())
        && name.starts_with(is_alphanumeric)
        && name.chars().all(|c| is_alphanumeric(c) || "+-.".contains(c));
    is_allowed.then_some(()).ok_or_else(|| Error::field(field, name, ALLOWED))
}

/// One line of text.
pub(crate) fn line(field: &'static str, text: &str) -> Result<(), Error> {
    const ALLOWED: &str = "one line of printable text, without space at its ends";
    let is_allowed = !text.is_empty() && text.trim() == text && text.chars().all(is_printable);
    is_allowed.then_some(()).ok_or_else(|| Error::field(field, text, ALLOWED))
}

pub(crate) fn lines(field: &'static str, texts: &[String]) -> Result<(), Error> {
    texts.iter().try_for_each(|text| line(field, text))
}

/// Refuses a list that is empty.
pub(crate) fn require(
    field: &'static str,
    is_empty: bool,
    allowed: &'static str,
) -> Result<(), Error> {
    if is_empty {
        return Err(Error::field(field, "", allowed));
    }
    Ok(())
}

/// `NAME <MAIL>`. A comma separates people where Debian has several of them.
pub(crate) fn person(field: &'static str, text: &str) -> Result<(), Error> {
    const ALLOWED: &str = "NAME <MAIL>, without ',', '<', '>' and '\"' in the name";
    let is_mail = |mail: &str| {
        let is_part = |part: &str, more: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        mail.split_once('@')
            .is_some_and(|(user, host)| is_part(user, ".+-_=") && is_part(host, ".-"))
    };
    let name_and_mail = text.strip_suffix('>').and_then(|text| text.split_once(" <"));
    let is_allowed = name_and_mail.is_some_and(|(name, mail)| {
        line(field, name).is_ok() && !name.contains([',', '<', '>', '"']) && is_mail(mail)
    });
    is_allowed.then_some(()).ok_or_else(|| Error::field(field, text, ALLOWED))
}

/// A time that rpm can hold.
pub(crate) fn seconds(field: &'static str, time: u64) -> Result<u32, Error> {
    const ALLOWED: &str = "seconds since 1970, in 32 bits";
    u32::try_from(time).map_err(|_| Error::field(field, &time.to_string(), ALLOWED))
}

fn summary(text: &str) -> Result<(), Error> {
    const ALLOWED: &str = "at most 79 characters, without '.' at the end";
    line("summary", text)?;
    let is_allowed = text.chars().count() <= SUMMARY && !text.ends_with('.');
    is_allowed.then_some(()).ok_or_else(|| Error::field("summary", text, ALLOWED))
}

fn url(text: &str) -> Result<(), Error> {
    const ALLOWED: &str = "an address with https:// or http://, of plain characters";
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = |c: char| c.is_ascii_graphic() && !"<>\"'`\\{}|^".contains(c);
    let is_allowed = rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_plain));
    is_allowed.then_some(()).ok_or_else(|| Error::field("homepage", text, ALLOWED))
}

fn section(text: &str) -> Result<(), Error> {
    const ALLOWED: &str = "a section of Debian, of a-z, '-' and '/'";
    let is_allowed =
        !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || "-/".contains(c));
    is_allowed.then_some(()).ok_or_else(|| Error::field("deb.section", text, ALLOWED))
}

/// The text of a script is the caller's program, and has to be a text.
fn script(field: &'static str, text: &str) -> Result<(), Error> {
    const ALLOWED: &str = "lines of shell without '#!', of printable text and tabs";
    let is_allowed = !text.trim().is_empty()
        && !text.starts_with("#!")
        && text.chars().all(|c| is_printable(c) || c == '\n' || c == '\t');
    is_allowed.then_some(()).ok_or_else(|| Error::field(field, text, ALLOWED))
}
