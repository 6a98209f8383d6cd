// SPDX-License-Identifier: GPL-2.0
//! What is in a package of livepatches: the modules, what people read about them, and the scripts
//! that install them.

use super::{cannot, Module};
use kps_diag::Diagnostic;
use kps_package::{Contents, File};
use std::collections::{BTreeMap, BTreeSet};
use tera::{Context, Tera};

const POSTINST: &str = include_str!("../../../templates/package/postinst.tera");
const PRERM: &str = include_str!("../../../templates/package/prerm.tera");
const POST: &str = include_str!("../../../templates/package/post.tera");
const PREUN: &str = include_str!("../../../templates/package/preun.tera");
const INSTALL: &str = include_str!("../../../templates/package/install.tera");
const UNINSTALL: &str = include_str!("../../../templates/package/uninstall.tera");
const NOW: &str = include_str!("../../../templates/package/now.tera");
const README: &str = include_str!("../../../templates/package/README.tera");

/// The words that go into the texts of a package.
pub(super) struct Texts<'a> {
    name: &'a str,
    version: &'a str,
    modules: &'a [Module],
    releases: &'a [String],
    /// The paths of the modules, in their order: a package's below its own folder.
    paths: Vec<String>,
    fixes: Vec<&'a str>,
    patches: Vec<&'a str>,
}

impl<'a> Texts<'a> {
    pub(super) fn of(
        name: &'a str,
        version: &'a str,
        modules: &'a [Module],
        releases: &'a [String],
    ) -> Texts<'a> {
        let notes = modules.iter().filter_map(|one| one.incoming.note.as_ref());
        let fixes: BTreeSet<&str> =
            notes.flat_map(|note| note.fixes.iter().map(String::as_str)).collect();
        let patches: BTreeSet<&str> =
            modules.iter().map(|one| one.incoming.name.as_str()).collect();
        Texts {
            name,
            version,
            modules,
            releases,
            paths: paths(modules),
            fixes: fixes.into_iter().collect(),
            patches: patches.into_iter().collect(),
        }
    }

    /// Whether it fixes something that others have named.
    pub(super) fn has_fixes(&self) -> bool {
        !self.fixes.is_empty()
    }

    pub(super) fn summary(&self) -> String {
        /// As long as a name may be, so that the line has less than 80 characters.
        const LONGEST: usize = 50;
        match self.patches.as_slice() {
            [patch] if patch.len() <= LONGEST => format!("Livepatch {patch} for Linux"),
            patches => format!("{} livepatches for Linux", patches.len()),
        }
    }

    /// The paragraphs: what the authors say, what is fixed, and for which kernels.
    pub(super) fn description(&self) -> Vec<String> {
        let mut paragraphs: Vec<String> = Vec::new();
        for module in self.modules {
            match &module.incoming.information.description {
                Some(text) if !paragraphs.contains(text) => paragraphs.push(text.clone()),
                _ => {}
            }
        }
        if self.has_fixes() {
            paragraphs.push(format!("Fixes: {}.", self.fixes.join(", ")));
        }
        let releases: Vec<&str> = self.releases.iter().map(String::as_str).collect();
        paragraphs.push(format!("For the kernel {}.", releases.join(", ")));
        paragraphs
    }

    /// The lines of the changelog's newest entry.
    pub(super) fn changes(&self) -> Vec<String> {
        match self.has_fixes() {
            true => self.fixes.iter().map(|fix| format!("Fix {fix}.")).collect(),
            false => vec![format!("Livepatch {}.", self.patches.join(", "))],
        }
    }

    /// The scripts for dpkg: when it has unpacked the package, and before it removes it.
    pub(super) fn scripts_of_dpkg(&self) -> Result<[String; 2], Diagnostic> {
        Ok([self.filled(POSTINST)?, self.filled(PRERM)?])
    }

    /// The same for rpm.
    pub(super) fn scripts_of_rpm(&self) -> Result<[String; 2], Diagnostic> {
        Ok([self.filled(POST)?, self.filled(PREUN)?])
    }

    /// The files for a package manager.
    pub(super) fn files_of_package(&self) -> Result<Vec<File>, Diagnostic> {
        let mut files = self.modules_below(&format!("usr/lib/kpsc/{}", self.name));
        let readme = format!("usr/share/doc/{}/README", self.name);
        files.push(file(readme, 0o644, self.filled(README)?));
        Ok(files)
    }

    /// The files for a user who unpacks them anywhere, and runs the scripts.
    pub(super) fn files_of_archive(&self) -> Result<Vec<File>, Diagnostic> {
        let mut files = self.modules_below("modules");
        files.push(file("README".to_owned(), 0o644, self.filled(README)?));
        files.push(file("install".to_owned(), 0o755, self.filled(INSTALL)?));
        files.push(file("uninstall".to_owned(), 0o755, self.filled(UNINSTALL)?));
        Ok(files)
    }

    fn modules_below(&self, folder: &str) -> Vec<File> {
        let modules = self.paths.iter().zip(self.modules);
        modules
            .map(|(path, module)| file(format!("{folder}/{path}"), 0o644, module.bytes.clone()))
            .collect()
    }

    /// A text of the templates. The words of a script have passed the white lists of names of
    /// modules and kernels, and the package is written only if its name and its version have
    /// passed those of packages.
    fn filled(&self, text: &str) -> Result<String, Diagnostic> {
        let mut context = Context::new();
        context.insert("name", self.name);
        context.insert("version", self.version);
        context.insert("now", NOW);
        context.insert("modules", &self.paths);
        context.insert("fixes", &self.fixes);
        context.insert("patches", &self.patches);
        context.insert("releases", &self.releases);
        Tera::one_off(text, &context, false)
            .map_err(|error| cannot(&format!("a template cannot be filled: {error}")))
    }
}

/// The path of each module: `RELEASE/NAME.ko`. Kernels of one release that were built apart have
/// modules of their own.
fn paths(modules: &[Module]) -> Vec<String> {
    let mut seen: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut paths = Vec::new();
    for Module { incoming, .. } in modules {
        let (release, name) = (incoming.release.as_deref().unwrap_or_default(), &incoming.name);
        let builds = seen.entry((release, name)).or_default();
        *builds += 1;
        paths.push(match builds {
            1 => format!("{release}/{name}.ko"),
            n => format!("{release}/{name}-{n}.ko"),
        });
    }
    paths
}

fn file(path: String, mode: u32, text: impl Into<Vec<u8>>) -> File {
    File { path, mode, contents: Contents::Bytes(text.into()), is_config: false }
}
