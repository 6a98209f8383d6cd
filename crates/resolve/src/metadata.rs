// SPDX-License-Identifier: GPL-2.0
//! The metadata of a patch: name, license, texts, and the kernels it is meant for.

use super::Resolver;
use crate::advice::Advice;
use crate::words::is_plain;
use kps_ast::{self as ast, At, Text, TextClause};
use kps_diag::{
    Diagnostic, INVALID_LICENSE, INVALID_MODULE_NAME, INVALID_RANGE, INVALID_TEXT, MISSING_OPTION,
    NO_LIVEPATCH_SUPPORT, OTHER_KERNEL_RANGE, SIGNED_MODULES_ONLY,
};
use kps_plan::{AuthorsKey, Metadata, Mode, Target};
use std::cmp::Ordering;

/// `MODULE_NAME_LEN` is 56 on 64-bit machines, with the NUL.
const MAX_NAME: usize = 55;
const MAX_TEXT: usize = 256;

/// Names already taken by objects, crates and modules of the generated code, and by the variables
/// `NAME-y` of Kbuild.
const RESERVED: &[&str] = &[
    "vmlinux",
    "kernel",
    "core",
    "alloc",
    "std",
    "compiler_builtins",
    "bindings",
    "uapi",
    "ffi",
    "macros",
    "build_error",
    "pin_init",
    "pin_init_internal",
    "zerocopy",
    "zerocopy_derive",
    "proc_macro",
    "proc_macro2",
    "quote",
    "syn",
    "kps",
    "kps_macros",
    "always",
    "asflags",
    "ccflags",
    "cppflags",
    "dtb",
    "dtbo",
    "extra",
    "hostprogs",
    "ldflags",
    "lib",
    "modules",
    "multi",
    "multi_dtb",
    "multi_obj",
    "obj",
    "real_dtb",
    "real_obj",
    "rustflags",
    "subdir",
    "subdir_asflags",
    "subdir_ccflags",
    "subdir_rustflags",
    "targets",
    "userprogs",
];

impl Resolver<'_> {
    /// Notes what later stages ask about the whole patch.
    pub(super) fn note_form(&mut self, spec: &ast::Patch) {
        // A `pre`-only hook need not be consistent with other changes.
        let agrees = |func: &&ast::Func| func.pre.is_none() || func.post.is_some();
        self.changes_several =
            spec.objects.iter().flat_map(|object| &object.funcs).filter(agrees).count() > 1;
        let kernel = spec.texts.first(ast::TextClause::Kernel);
        self.names_one_kernel = kernel.is_some_and(|range| !range.value.contains(".."));
        let version = version_of(&self.facts.identity.release);
        self.names_this_kernel = kernel.is_some_and(|range| range.value.trim() == version);
    }

    pub(super) fn metadata(&mut self, patch: &ast::Patch) -> Metadata {
        // A new clause does not compile until it is listed here, either as metadata or as handled
        // elsewhere in the resolver.
        let ast::Patch {
            docs,
            name,
            texts,
            requires: _,
            family: _,
            over: _,
            form: _,
            atomic_replace: _,
            params: _,
            states: _,
            resources: _,
            shadows: _,
            objects: _,
            items: _,
            modules: _,
            c_files: _,
            tests: _,
            absent: _,
        } = patch;
        self.name(name);
        self.requirements(patch);
        let mut metadata = Metadata {
            family: self.family(patch),
            over: self.over(patch),
            license: self.license(patch),
            source_hash: self.pieces.digest(),
            made_by: self.pieces.made_by(),
            ..Metadata::default()
        };
        for (clause, texts) in texts.iter() {
            for text in texts {
                self.text_clause(clause, text, &mut metadata);
            }
        }
        // `modinfo` shows the first paragraph of the comment above the patch.
        let lines = docs.iter().map(|line| line.trim()).skip_while(|line| line.is_empty());
        let paragraph: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        if !paragraph.is_empty() {
            let description = At { value: paragraph.join(" "), span: patch.name.span };
            let before = self.diagnostics.len();
            self.text(&description);
            for error in &mut self.diagnostics[before..] {
                error
                    .notes
                    .push("it is the first paragraph of the comment above the patch".to_owned());
            }
            metadata.description = Some(description.value);
        }
        metadata
    }

    fn text_clause(&mut self, clause: TextClause, text: &Text, metadata: &mut Metadata) {
        match clause {
            TextClause::Author => {
                self.text(text);
                metadata.authors.push(text.value.clone());
            }
            TextClause::Version => {
                self.word(text);
                metadata.version = Some(text.value.clone());
            }
            TextClause::Fixes => {
                self.word(text);
                metadata.fixes.push(text.value.clone());
            }
            TextClause::Kernel => self.kernel_range(text),
            // A patch needs one, so `license` looks for it.
            TextClause::License => {}
        }
    }

    /// The kernel that the patch is for.
    pub(super) fn target(&self) -> Target {
        let (kernel, mode) = (&self.facts.identity, self.facts.mode);
        Target {
            release: kernel.release.clone(),
            build_id: kernel.build_id.clone(),
            mode,
            authors: match mode {
                Mode::KernelCrate => authors_key(&kernel.release),
                Mode::Core => AuthorsKey::Authors,
            },
            constants: match mode {
                Mode::KernelCrate => Vec::new(),
                Mode::Core => {
                    self.facts.constants.iter().map(|(name, n)| (name.to_owned(), n)).collect()
                }
            },
        }
    }

    pub(super) fn name(&mut self, name: &ast::Name) {
        // A patch whose head could not be parsed has no name, and that has been reported.
        if name.value.is_empty() {
            return;
        }
        if let Some(error) = check_name(&name.value) {
            let label = match name.value.len() {
                len if len > MAX_NAME => format!("{len} characters"),
                _ => String::new(),
            };
            self.report(error.at(name.span, label));
        }
    }

    fn license(&mut self, patch: &ast::Patch) -> String {
        // The licenses that `license_is_gpl_compatible()` in include/linux/license.h accepts.
        const COMPATIBLE: &[&str] = &[
            "GPL",
            "GPL v2",
            "GPL and additional rights",
            "Dual BSD/GPL",
            "Dual MIT/GPL",
            "Dual MPL/GPL",
        ];
        let help = || format!("write one of {}", COMPATIBLE.map_quoted());
        match patch.texts.first(TextClause::License) {
            None => self.report_absence(
                Diagnostic::new(INVALID_LICENSE, "the patch has no license")
                    .at(patch.name.span, "")
                    .note("the kernel's livepatch functions are for GPL-compatible modules only")
                    .help(Advice::License.text(patch.form)),
            ),
            Some(license) if !COMPATIBLE.contains(&license.value.as_str()) => self.report(
                Diagnostic::new(
                    INVALID_LICENSE,
                    "the kernel does not treat this license as GPL-compatible",
                )
                .at(license.span, "")
                .note("the kernel's livepatch functions are for GPL-compatible modules only")
                .help(help()),
            ),
            Some(license) => return license.value.clone(),
        }
        String::new()
    }

    /// A text for human readers.
    pub(super) fn text(&mut self, text: &Text) {
        let printable = text.value.chars().all(|c| c == ' ' || c.is_ascii_graphic());
        if !printable || text.value.is_empty() || text.value.len() > MAX_TEXT {
            self.report(
                Diagnostic::new(INVALID_TEXT, "this text is not valid in a module's information")
                    .at(text.span, "")
                    .help(format!("use 1 to {MAX_TEXT} printable ASCII characters")),
            );
        }
    }

    /// A text for programs: a version, a CVE id.
    fn word(&mut self, text: &Text) {
        if is_word(&text.value) {
            return;
        }
        let parts: Vec<&str> = text.value.split(',').map(str::trim).collect();
        let help = if parts.len() > 1 && parts.iter().all(|part| is_word(part)) {
            format!("quote each separately: \"{}\"", parts.join("\", \""))
        } else {
            "use letters, digits and `. _ : + ~ -`, and no spaces".to_owned()
        };
        self.report(
            Diagnostic::new(INVALID_TEXT, "this text is not valid in a module's information")
                .at(text.span, "")
                .help(help),
        );
    }

    fn requirements(&mut self, patch: &ast::Patch) {
        if !self.facts.config_enabled("CONFIG_LIVEPATCH") {
            let message =
                format!("{} is built without CONFIG_LIVEPATCH", self.facts.identity.release);
            self.report(
                Diagnostic::new(NO_LIVEPATCH_SUPPORT, message)
                    .help("choose another target with `--kernel`"),
            );
        }
        self.signing(&patch.name);
        for require in &patch.requires {
            let option = &require.option;
            let found = self.facts.config.get(&option.value).map(String::as_str);
            let met = match &require.value {
                Some(value) => found == Some(&value.value),
                None => matches!(found, Some("y" | "m")),
            };
            if !met {
                let release = &self.facts.identity.release;
                let is = match found {
                    Some(value) => format!("it is `{value}` in {release}"),
                    None => format!("it is not set in {release}"),
                };
                self.report(
                    Diagnostic::new(
                        MISSING_OPTION,
                        format!("the target does not have {} as required", option.value),
                    )
                    .at(option.span, is)
                    .help("choose another target with `--kernel`, or drop the line if the patch works on this one"),
                );
            }
        }
    }

    /// Some kernels load signed modules only, whatever the boot options.
    fn signing(&mut self, name: &ast::Name) {
        const DEMAND: &[&str] = &[
            "CONFIG_MODULE_SIG_FORCE",
            "CONFIG_LOCK_DOWN_KERNEL_FORCE_INTEGRITY",
            "CONFIG_LOCK_DOWN_KERNEL_FORCE_CONFIDENTIALITY",
        ];
        if let Some(option) = DEMAND.iter().find(|option| self.facts.config_enabled(option)) {
            let release = &self.facts.identity.release;
            self.report(
                Diagnostic::new(
                    SIGNED_MODULES_ONLY,
                    format!("{release} loads signed modules only"),
                )
                .at(name.span, "")
                .note(format!("it is built with {option}"))
                .help(format!(
                    "sign {}.ko with a key that the kernel trusts: `kpsc build --sign KEY CERTIFICATE`",
                    name.value
                )),
            );
        }
    }

    fn kernel_range(&mut self, range: &Text) {
        let release = &self.facts.identity.release;
        match is_meant_for(&range.value, release) {
            None => self.report(invalid_range(range)),
            Some(false) => self.report(
                Diagnostic::new(OTHER_KERNEL_RANGE, format!("the patch is not meant for {release}"))
                    .at(range.span, "")
                    .help(format!(
                        "choose another target with `--kernel`, or review the patch for this one and widen the range to `{}`",
                        release.split(['-', '+', '.']).take(2).collect::<Vec<_>>().join(".")
                    )),
            ),
            Some(true) => {}
        }
    }
}

/// `author: ".."` became `authors: [..]` in Linux 6.15.
fn authors_key(release: &str) -> AuthorsKey {
    let mut parts = release.split(['.', '-', '+']).map(|part| part.parse::<u32>().unwrap_or(0));
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) if (major, minor) < (6, 15) => AuthorsKey::Author,
        _ => AuthorsKey::Authors,
    }
}

/// The error for a text that is no range of versions.
pub(super) fn invalid_range(range: &Text) -> Diagnostic {
    Diagnostic::new(INVALID_RANGE, "this is not a range of kernel versions")
        .at(range.span, "")
        .help("write one version (`7.3`), a range (`6.12 ..= 7.3`) or a lower bound (`7.1 ..`)")
}

/// Whether programs can read a text as a single word.
fn is_word(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:+~-".contains(c);
    !text.is_empty() && text.len() <= MAX_TEXT && text.chars().all(plain)
}

/// The reason why a text cannot be the name of a patch, which also names its module and files.
pub fn check_name(name: &str) -> Option<Diagnostic> {
    // The grammar of specs ensures this; a name from elsewhere has not been checked.
    if !is_plain(name) || name.starts_with(|c: char| c.is_ascii_digit()) {
        let message = format!("a module cannot be named `{name}`");
        return Some(
            Diagnostic::new(INVALID_MODULE_NAME, message)
                .help("use letters, digits and `_`, and no digit first"),
        );
    }
    if name.len() > MAX_NAME {
        let message = format!("`{name}` is too long for a module");
        return Some(Diagnostic::new(INVALID_MODULE_NAME, message).help(format!(
            "use at most {MAX_NAME} characters, for example `{}`",
            name.get(..MAX_NAME).unwrap_or_default()
        )));
    }
    RESERVED.contains(&name).then(|| {
        Diagnostic::new(INVALID_MODULE_NAME, format!("a module cannot be named `{name}`"))
            .help(format!("choose another name, for example `fix_{name}`"))
    })
}

/// The version of a kernel release, as `kernel` names it: `7.3.4` of `7.3.4+deb13-amd64`.
pub fn version_of(release: &str) -> String {
    release.split(['-', '+', '.']).take(3).collect::<Vec<_>>().join(".")
}

/// Whether a kernel release is in a version range as written in specs. None if the range is
/// invalid.
pub fn is_meant_for(range: &str, release: &str) -> Option<bool> {
    let (low, high) = parse_range(range)?;
    let version =
        parse_version(release.split(['-', '+']).next().unwrap_or_default()).unwrap_or_default();
    let below = low.is_some_and(|low| compare(&version, &low) == Ordering::Less);
    let above = high.is_some_and(|high| compare(&version, &high) == Ordering::Greater);
    Some(!below && !above)
}

type Version = Vec<u64>;

/// `A`, `A ..= B`, `A ..` or `..= B`.
fn parse_range(text: &str) -> Option<(Option<Version>, Option<Version>)> {
    let side = |text: &str| match text.trim() {
        "" => Some(None),
        text => parse_version(text).map(Some),
    };
    match (text.split_once("..="), text.split_once("..")) {
        (Some((low, high)), _) => Some((side(low)?, Some(side(high)??))),
        (None, Some((low, ""))) => Some((Some(side(low)??), None)),
        (None, Some(_)) => None,
        (None, None) => {
            let version = parse_version(text.trim())?;
            Some((Some(version.clone()), Some(version)))
        }
    }
}

fn parse_version(text: &str) -> Option<Version> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

/// Compares at the precision of the bound: 7.3.4 is neither below nor above 7.3.
fn compare(version: &Version, bound: &Version) -> Ordering {
    let parts = version.iter().chain(std::iter::repeat(&0)).take(bound.len());
    parts.cmp(bound.iter())
}

trait MapQuoted {
    fn map_quoted(&self) -> String;
}

impl MapQuoted for [&str] {
    fn map_quoted(&self) -> String {
        self.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_counts_at_its_own_precision() {
        assert_eq!(is_meant_for("6.12 ..= 7.3", "7.3.4"), Some(true));
        assert_eq!(is_meant_for("6.12 ..= 7.3.3", "7.3.4+deb13-cloud-amd64"), Some(false));
        assert_eq!(is_meant_for("6.12 ..= 7.3", "6.11.99"), Some(false));
        assert_eq!(is_meant_for("7.3", "7.3.4"), Some(true));
        assert_eq!(is_meant_for("7.3 ..", "8.0"), Some(true));
        assert_eq!(is_meant_for("..= 7", "7.9.1"), Some(true));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "..", "x", "7.x", "7.3 ... 8", "7.3 ..= ", "7.3 .. 8"] {
            assert_eq!(is_meant_for(text, "7.3.4"), None, "{text:?}");
        }
    }
}
