// SPDX-License-Identifier: GPL-2.0
//! Installs and uninstalls patches, and returns to the set before. Nothing is loaded or unloaded.

use super::manifest::{is_package, Entry};
use super::set::Set;
use super::writer::{unchanged, Branch, Content};
use super::{Release, Store};
use crate::module::{look_into, ModuleFile};
use kps_diag::{list, Diagnostic, NOT_INSTALLABLE, NOT_INSTALLED, NO_EARLIER_SET};
use kps_host::disk::cannot;
use kps_host::input::{read_opened, MODULE};
use std::collections::BTreeMap;
use std::io::{Seek as _, SeekFrom};
use std::path::Path;

/// What a writer has changed. Both sets can still be read.
#[derive(Debug)]
pub struct Change {
    /// The kernel whose set it is.
    pub release: Release,
    /// The set that was installed.
    pub before: Option<Set>,
    /// The set that is installed now.
    pub after: Option<Set>,
}

impl Change {
    /// The patches that were not installed as they are now: new ones, other builds, and those with
    /// other parameters.
    pub fn added(&self) -> Vec<&Entry> {
        let before = entries(&self.before);
        entries(&self.after).iter().filter(|entry| !before.contains(entry)).collect()
    }

    /// The patches that were installed and no longer are, or no longer as they were.
    pub fn removed(&self) -> Vec<&Entry> {
        let after = entries(&self.after);
        entries(&self.before).iter().filter(|entry| !after.contains(entry)).collect()
    }
}

fn entries(set: &Option<Set>) -> &[Entry] {
    set.as_ref().map_or(&[], |set| &set.entries)
}

/// What a branch changes to.
enum Next {
    /// A new generation with these modules.
    Modules(Vec<(Entry, Content)>),
    /// A generation that is there, or nothing.
    Generation(Option<u32>),
}

impl Store {
    /// Installs modules with their parameters, each for the kernel that it was built for. A module
    /// takes the place of one with its name for the same kernel, and of all that the kernel would
    /// replace by it; others are loaded after those that are there. If one of them cannot be
    /// installed, none is.
    ///
    /// The modules of a package also take the place of all that an earlier version of the package
    /// has installed, for whatever kernel.
    pub fn install(
        &self,
        modules: Vec<(ModuleFile, Vec<String>)>,
        package: Option<&str>,
    ) -> Result<Vec<Change>, Diagnostic> {
        if let Some(name) = package.filter(|name| !is_package(name)) {
            let message = format!("`{name}` is not the name of a package");
            return Err(Diagnostic::new(NOT_INSTALLABLE, message).help(
                "a name has letters, digits and `+`, `-`, `.`, `_`, a letter or digit first",
            ));
        }
        let mut wanted: BTreeMap<Release, Vec<(Entry, Vec<u8>)>> = BTreeMap::new();
        for (module, params) in modules {
            let (release, (mut entry, bytes)) = read(module, params)?;
            entry.package = package.map(str::to_owned);
            wanted.entry(release).or_default().push((entry, bytes));
        }
        let writer = self.first_writer()?;
        for release in package.map_or(Ok(Vec::new()), |package| self.releases_of(package))? {
            wanted.entry(release).or_default();
        }
        let mut branches = Vec::new();
        let entered = wanted.into_iter().try_for_each(|(release, wanted)| {
            let branch = writer.first_branch(&release)?;
            let next = Next::Modules(joined(&branch, wanted, package));
            branches.push((branch, next));
            Ok(())
        });
        self.change(branches, entered)
    }

    /// Uninstalls what a package has installed, for every kernel. There may be nothing.
    pub fn uninstall_package(&self, package: &str) -> Result<Vec<Change>, Diagnostic> {
        let Some(writer) = self.writer()? else { return Ok(Vec::new()) };
        let mut branches = Vec::new();
        let entered = self.releases_of(package)?.iter().try_for_each(|release| {
            if let Some(branch) = writer.branch(release)? {
                let next = Next::Modules(joined(&branch, Vec::new(), Some(package)));
                branches.push((branch, next));
            }
            Ok(())
        });
        self.change(branches, entered)
    }

    /// The kernels for which a package has installed something.
    fn releases_of(&self, package: &str) -> Result<Vec<Release>, Diagnostic> {
        let mut found = Vec::new();
        for release in self.releases()? {
            let set = self.set(&release)?;
            if entries(&set).iter().any(|entry| entry.is_of(package)) {
                found.push(release);
            }
        }
        Ok(found)
    }

    /// Uninstalls the patches of these names that are installed for a kernel.
    pub fn uninstall(&self, release: &Release, names: &[String]) -> Result<Change, Diagnostic> {
        let writer = self.writer()?;
        let branch = writer.as_ref().map_or(Ok(None), |writer| writer.branch(release))?;
        let installed = branch.as_ref().map_or(&[][..], |branch| entries(&branch.installed));
        let is_there = |name: &String| installed.iter().any(|entry| entry.name == *name);
        if let Some(name) = names.iter().find(|name| !is_there(name)) {
            return Err(self.not_installed(release, name));
        }
        let kept = installed.iter().filter(|entry| !names.contains(&entry.name));
        let modules = kept.map(|entry| (entry.clone(), Content::Kept)).collect();
        self.change_one(release, branch, Next::Modules(modules))
    }

    /// Returns to the set that was installed before the present one. Before the first one, nothing
    /// was installed.
    pub fn rollback(&self, release: &Release) -> Result<Change, Diagnostic> {
        let writer = self.writer()?;
        let branch = writer.as_ref().map_or(Ok(None), |writer| writer.branch(release))?;
        let installed =
            branch.as_ref().and_then(|branch| Some((branch, branch.installed.as_ref()?)));
        let Some((at, installed)) = installed else {
            return Err(self.no_earlier(release, "nothing is installed for it"));
        };
        if let Some(parent) = installed.parent {
            if !at.has(parent) {
                let why = format!("generation {parent}, which was before it, is no longer kept");
                return Err(self.no_earlier(release, &why));
            }
            let set = self.generation(&at.folder, release, parent)?;
            set.entries.iter().try_for_each(|entry| self.verified(&set, entry).map(drop))?;
        }
        let next = Next::Generation(installed.parent);
        self.change_one(release, branch, next)
    }

    /// Returns to the sets from before a change, except where another writer has changed the set
    /// since.
    pub fn undo(&self, changes: &[Change]) -> Result<Vec<Change>, Diagnostic> {
        let Some(writer) = self.writer()? else { return Ok(Vec::new()) };
        let number = |set: &Option<Set>| set.as_ref().map(|set| set.generation);
        let mut branches = Vec::new();
        let entered = changes.iter().try_for_each(|change| {
            let Some(branch) = writer.branch(&change.release)? else { return Ok(()) };
            if branch.generation() == number(&change.after) {
                branches.push((branch, Next::Generation(number(&change.before))));
            }
            Ok(())
        });
        self.change(branches, entered)
    }

    fn change_one(
        &self,
        release: &Release,
        branch: Option<Branch<'_>>,
        next: Next,
    ) -> Result<Change, Diagnostic> {
        let branches = branch.map(|branch| vec![(branch, next)]).unwrap_or_default();
        let changed = self.change(branches, Ok(()))?.pop();
        let nothing = || Change { release: release.clone(), before: None, after: None };
        Ok(changed.unwrap_or_else(nothing))
    }

    /// Changes all branches, or none if something fails or has failed before.
    fn change(
        &self,
        branches: Vec<(Branch<'_>, Next)>,
        entered: Result<(), Diagnostic>,
    ) -> Result<Vec<Change>, Diagnostic> {
        let switch = || -> Result<(), Diagnostic> {
            let prepared = branches.iter().map(|(branch, next)| prepare(branch, next));
            let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
            branches.iter().zip(prepared).try_for_each(|((branch, _), to)| branch.switch(to))
        };
        if let Err(error) = entered.and_then(|()| switch()) {
            branches.iter().for_each(|(branch, _)| branch.undo());
            return Err(unchanged(error));
        }
        branches.into_iter().map(|(branch, _)| self.end(branch)).collect()
    }

    /// What follows when the right set is installed. What cannot be removed now, the next writer
    /// removes.
    fn end(&self, branch: Branch<'_>) -> Result<Change, Diagnostic> {
        let _ = branch.forget_attempt();
        let _ = branch.tidy();
        let Branch { release, folder, installed, .. } = branch;
        let after = self.current(&folder, &release)?;
        Ok(Change { release, before: installed, after })
    }

    /// The error for a patch that is not installed for a kernel.
    pub fn not_installed(&self, release: &Release, name: &str) -> Diagnostic {
        let error =
            Diagnostic::new(NOT_INSTALLED, format!("`{name}` is not installed for {release}"));
        let set = self.set(release).ok().flatten();
        let names: Vec<_> = entries(&set).iter().map(|entry| entry.name.as_str()).collect();
        match names.as_slice() {
            [] => error.help("no patch is installed for this kernel"),
            names => error.help(format!("name an installed patch: {}", list(names, "or"))),
        }
    }

    fn no_earlier(&self, release: &Release, why: &str) -> Diagnostic {
        Diagnostic::new(NO_EARLIER_SET, format!("there is no earlier set for {release}"))
            .note(why)
            .help(format!(
                "run `{} list --installed` to see what is installed",
                self.system.program
            ))
    }
}

/// The generation that a branch switches to, which may be the installed one.
fn prepare(branch: &Branch<'_>, next: &Next) -> Result<Option<u32>, Diagnostic> {
    match next {
        Next::Generation(generation) => Ok(*generation),
        Next::Modules(modules) if branch.has_installed(modules) => Ok(branch.generation()),
        Next::Modules(modules) => branch.prepare(modules).map(Some),
    }
}

/// The contents of a module, the entry for it, and the kernel that it was built for. The contents
/// are read once, so the entry is about what is installed.
fn read(
    module: ModuleFile,
    params: Vec<String>,
) -> Result<(Release, (Entry, Vec<u8>)), Diagnostic> {
    let ModuleFile { mut file, incoming } = module;
    let name = &incoming.name;
    let cannot = |error| cannot("read", Path::new(&format!("{name}.ko")), &error);
    let cannot_be = |why: &str| {
        Diagnostic::new(NOT_INSTALLABLE, format!("`{name}` cannot be installed: {why}"))
            .help("build the module again for the kernel that it is for")
    };
    file.seek(SeekFrom::Start(0)).map_err(cannot)?;
    let bytes = read_opened(&file, MODULE.bytes).map_err(cannot)?;
    let bytes = bytes.ok_or_else(|| cannot_be("it is too large"))?;
    let read = look_into(&bytes).ok().filter(|read| read.name == *name);
    let incoming = read.as_ref().ok_or_else(|| cannot_be("its file is changing"))?;
    let release = incoming.release.as_deref().and_then(Release::of);
    let release = release.ok_or_else(|| cannot_be("its `vermagic` names no kernel release"))?;
    let entry = Entry::of(incoming, &bytes, params);
    let entry = entry.ok_or_else(|| cannot_be("its note has no valid build-id"))?;
    Ok((release, (entry, bytes)))
}

/// The next set of a branch: the installed patches, and those that are wanted in addition or in
/// their place. Of a package only those that are wanted stay.
fn joined(
    branch: &Branch<'_>,
    wanted: Vec<(Entry, Vec<u8>)>,
    package: Option<&str>,
) -> Vec<(Entry, Content)> {
    let all: Vec<Entry> = wanted.iter().map(|(entry, _)| entry.clone()).collect();
    let installed = entries(&branch.installed).iter();
    let mut next: Vec<_> = installed.map(|entry| (entry.clone(), Content::Kept)).collect();
    for (entry, bytes) in wanted {
        // What is installed already keeps its place, and what was installed after it stays.
        if let Some((_, content)) = next.iter_mut().find(|(other, _)| *other == entry) {
            *content = Content::New(bytes);
            continue;
        }
        let place = next.iter().position(|(other, _)| other.excludes(&entry));
        next.retain(|(other, _)| !other.excludes(&entry) && !entry.supersedes(other));
        let place = place.unwrap_or(next.len()).min(next.len());
        next.insert(place, (entry, Content::New(bytes)));
    }
    let is_left =
        |entry: &Entry| package.is_some_and(|package| entry.is_of(package)) && !all.contains(entry);
    next.retain(|(entry, _)| !is_left(entry));
    next
}
