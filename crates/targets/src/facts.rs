// SPDX-License-Identifier: GPL-2.0
//! The facts of a target: read from their file, which is regenerated if another version of kpsc
//! wrote it or if it is damaged.

use super::constants::constants;
use super::gather::gather;
use super::headers::user_declarations;
use super::image::{decompress, ImageError};
use super::kept::made_again;
use super::loadable::check_symbol_versions;
use super::locks::Part;
use super::manifest::Tree;
use super::origin::KernelFiles;
use super::{damaged, inventory, Target};
use kps_diag::{Diagnostic, UNREADABLE_CONFIG, UNREADABLE_IMAGE};
use kps_facts::{Facts, FactsError, FactsFile, Mode, Source};
use kps_host::disk::{cannot, remove, write_atomically};
use kps_host::input;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// The file in the folder of a target.
const FILE: &str = "facts";

impl Target {
    /// The facts file. After [`Target::facts`] has read it, it has the version that this program
    /// writes.
    pub fn facts_path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Reads the facts, which must still match the kernel.
    pub fn facts(&self) -> Result<Facts, Diagnostic> {
        self.provider().check(&self.name, &self.command())?;
        let facts = match self.read_facts()? {
            Ok(facts) => facts,
            Err(error) => self.renew_facts(&error)?,
        };
        self.lacks_headers.store(!facts.constants.are_measured(), Ordering::Relaxed);
        Ok(facts)
    }

    fn read_facts(&self) -> Result<Result<Facts, FactsError>, Diagnostic> {
        let file = self.facts_file()?;
        Ok(file.and_then(|file| file.facts()))
    }

    /// The build-id of the kernel, without the rest of its facts.
    pub fn build_id(&self) -> Result<Vec<u8>, Diagnostic> {
        match self.facts_file()?.and_then(|file| file.identity()) {
            Err(_) => Ok(self.facts()?.identity.build_id),
            Ok(identity) => Ok(identity.build_id),
        }
    }

    /// The facts file, of which only the table has been read.
    fn facts_file(&self) -> Result<Result<FactsFile<Opened>, FactsError>, Diagnostic> {
        let path = self.facts_path();
        let file = match input::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(cannot("read", &path, &error));
            }
            Err(error) => return Ok(Err(FactsError::Io(error.kind()))),
        };
        let len = file.metadata().map_err(|error| cannot("read", &path, &error))?.len();
        if len > input::FACTS.bytes {
            return Ok(Err(FactsError::Damaged));
        }
        Ok(FactsFile::from_source(Opened { file, len }))
    }

    /// Regenerates the file from its kernel.
    fn renew_facts(&self, error: &FactsError) -> Result<Facts, Diagnostic> {
        let _files = self.cache.change(Part::Files(&self.name), "renewing")?;
        // Another kpsc may have finished first.
        if let Ok(facts) = self.read_facts()? {
            return Ok(facts);
        }
        let files = self.provider().files(&self.folder);
        let sources = [&files.image, &files.config, &files.symvers];
        if sources.iter().any(|file| !file.exists()) {
            return Err(self.damaged_facts(error));
        }
        // Wrong facts would be worse than none.
        sources.iter().try_for_each(|file| self.compare(file))?;
        let facts = read_kernel(&files, self.mode(), self.tree())?;
        if *error != FactsError::Version {
            made_again(&format!("the facts of target `{}`", self.name), &self.facts_path());
        }
        self.rewrite_facts(&facts)?;
        Ok(facts)
    }

    /// Adds what the headers tell to the facts, once a build tree is there.
    pub(super) fn add_headers(&self, facts: Facts, tree: &Tree) -> Result<(), Diagnostic> {
        let (user_declarations, constants) = (user_declarations(tree), constants(tree)?);
        let _files = self.cache.change(Part::Files(&self.name), "preparing")?;
        self.rewrite_facts(&Facts { user_declarations, constants, ..facts })?;
        self.lacks_headers.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// The caller has locked the target's files.
    fn rewrite_facts(&self, facts: &Facts) -> Result<(), Diagnostic> {
        let bytes = facts.to_bytes();
        let path = self.facts_path();
        let age = |path: &Path| path.metadata().and_then(|metadata| metadata.modified());
        let added = age(&path).or_else(|_| age(&self.folder.join(inventory::FILE)));
        // The inventory comes first: an interruption in between leaves a file that is regenerated
        // once more.
        inventory::renew(&self.folder, FILE, &bytes)?;
        if path.is_dir() {
            remove(&path)?;
        }
        write_atomically(&path, &bytes)?;
        // The age of the facts shows which target was added last.
        let keep_age = || File::options().write(true).open(&path)?.set_modified(added?);
        keep_age().map_err(|error| cannot("write", &path, &error))
    }

    fn damaged_facts(&self, error: &FactsError) -> Diagnostic {
        damaged(&self.name, &format!("its facts: {error}"))
    }
}

/// A file whose sections are read from the disk.
struct Opened {
    file: File,
    len: u64,
}

impl Source for Opened {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len)
    }

    fn read(&self, offset: u64, len: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
        let rest = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = len.min(rest);
        // An empty buffer gets memory that the system has cleared already.
        match buffer.capacity() {
            0 => *buffer = vec![0; len],
            _ => buffer.resize(len, 0),
        }
        self.file.read_exact_at(buffer, offset)
    }
}

/// Reads the facts of a kernel, and writes them. Without a build tree they lack what the headers
/// tell.
pub(super) fn write_facts(
    folder: &Path,
    files: &KernelFiles,
    mode: Mode,
    tree: Option<&Tree>,
) -> Result<Facts, Diagnostic> {
    let facts = read_kernel(files, mode, tree)?;
    write_atomically(&folder.join(FILE), &facts.to_bytes())?;
    Ok(facts)
}

fn read_kernel(files: &KernelFiles, mode: Mode, tree: Option<&Tree>) -> Result<Facts, Diagnostic> {
    let KernelFiles { image, config, symvers } = files;
    let config = input::read_text(config, input::CONFIG)?;
    let symvers = read_symvers(symvers)?;
    let bytes = input::read(image, input::IMAGE)?;
    let facts = gather(&bytes, &config, &symvers).map_err(|error| match error {
        ImageError::Config(_) | ImageError::Symvers(_) => {
            Diagnostic::new(UNREADABLE_CONFIG, error.to_string())
                .help("use the files that the kernel's build wrote")
        }
        _ => Diagnostic::new(
            UNREADABLE_IMAGE,
            format!("{} cannot be read: {error}", image.display()),
        )
        .help(format!(
            "kpsc reads {} kernels since 6.1 that are built with BTF, kallsyms and ftrace",
            kps_arch::native().title
        )),
    })?;
    check_symbol_versions(&facts.identity.release, &config)?;
    let user_declarations = tree.map(user_declarations).unwrap_or_default();
    Ok(Facts { mode, user_declarations, ..facts })
}

/// The list of exports, which some distributions compress.
fn read_symvers(path: &Path) -> Result<String, Diagnostic> {
    if !path
        .extension()
        .is_some_and(|end| ["gz", "xz", "zst"].iter().any(|compressed| end == *compressed))
    {
        return input::read_text(path, input::SYMVERS);
    }
    let unreadable = |why: String| {
        let message = format!("{} cannot be read: {why}", path.display());
        Diagnostic::new(UNREADABLE_CONFIG, message)
            .help("use the file that the kernel's build wrote")
    };
    let bytes = decompress(&input::read(path, input::SYMVERS)?)
        .map_err(|error| unreadable(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))
}
