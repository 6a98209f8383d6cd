//! The facts of a target: read from their file, which is made anew where another version of kpsc has written it.

use super::gather::gather;
use super::image::ImageError;
use super::{damaged, debian, inventory, Manifest, Target};
use crate::disk::{cannot, write_atomically};
use crate::input;
use kps_diag::{Diagnostic, UNREADABLE_CONFIG, UNREADABLE_IMAGE};
use kps_facts::{Facts, FactsError};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The file in the folder of a target.
const FILE: &str = "facts";

impl Target {
    /// The facts file. Once [`Target::facts`] has read it, it is of the version that this program writes.
    pub fn facts_path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Reads the facts, which must still be those of the kernel.
    pub fn facts(&self) -> Result<Facts, Diagnostic> {
        if let Manifest { build_dir: Some(stamp), tree: Some(tree), .. } = &self.manifest {
            stamp.check(&self.name, tree)?;
        }
        match self.read_facts()? {
            Err(FactsError::Version) => self.renew_facts(),
            read => read.map_err(|error| self.damaged_facts(&error)),
        }
    }

    fn read_facts(&self) -> Result<Result<Facts, FactsError>, Diagnostic> {
        Ok(Facts::from_bytes(&input::read(&self.facts_path(), input::FACTS)?))
    }

    /// Makes the file anew from the kernel that it was made from.
    fn renew_facts(&self) -> Result<Facts, Diagnostic> {
        let _changing = self.cache.change()?;
        // Another kpsc may have been quicker.
        if let Ok(facts) = self.read_facts()? {
            return Ok(facts);
        }
        let (image, config, symvers) = match &self.manifest {
            Manifest { build_dir: Some(stamp), .. } => stamp.files(),
            Manifest { debian: Some(_), .. } => debian::files(&self.folder),
            _ => return Err(self.damaged_facts(&FactsError::Version)),
        };
        let config = input::read_text(&config, input::CONFIG)?;
        let symvers = input::read_text(&symvers, input::SYMVERS)?;
        let facts = read_image(&image, &config, &symvers)?;
        let bytes = facts.to_bytes();
        // The inventory comes first: whoever is interrupted in between leaves a file that is made anew once more.
        inventory::renew(&self.folder, FILE, &bytes)?;
        let path = self.facts_path();
        let added = path.metadata().and_then(|metadata| metadata.modified());
        write_atomically(&path, &bytes)?;
        // Which target was added last is told by the age of its facts.
        let keep_age = || File::options().write(true).open(&path)?.set_modified(added?);
        keep_age().map_err(|error| cannot("write", &path, &error))?;
        Ok(facts)
    }

    fn damaged_facts(&self, error: &FactsError) -> Diagnostic {
        damaged(&self.name, &format!("its facts: {error}"))
    }
}

/// Reads the facts of an image and its files, and writes them.
pub(super) fn write_facts(
    folder: &Path,
    image: &Path,
    config: &str,
    symvers: &str,
) -> Result<Facts, Diagnostic> {
    let facts = read_image(image, config, symvers)?;
    write_atomically(&folder.join(FILE), &facts.to_bytes())?;
    Ok(facts)
}

fn read_image(image: &Path, config: &str, symvers: &str) -> Result<Facts, Diagnostic> {
    let bytes = input::read(image, input::IMAGE)?;
    gather(&bytes, config, symvers).map_err(|error| match error {
        ImageError::Config(_) | ImageError::Symvers(_) => {
            Diagnostic::new(UNREADABLE_CONFIG, error.to_string())
                .help("give the files that the kernel's build wrote")
        }
        _ => Diagnostic::new(UNREADABLE_IMAGE, format!("{} cannot be read: {error}", image.display())).help(
            format!(
                "kpsc reads {} kernels since 6.6 that are built with BTF, kallsyms and ftrace",
                kps_arch::native().title
            ),
        ),
    })
}
