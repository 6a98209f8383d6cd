// SPDX-License-Identifier: GPL-2.0
//! A project: a folder of specs and patch crates with a `kpsc.toml` at its top, which says what
//! holds for all of them. It chooses targets and checks patches, but no patch means something else
//! because of it: a spec is read and reviewed alone, and gives the same module in every folder.

mod home;
mod patches;

pub(crate) use home::workspace_of;
pub use home::{shared_library, Home, Workspace, WRITTEN};

use kps_diag::{Diagnostic, OTHER_FAMILY, UNUSABLE_PROJECT};
use kps_grammar::{ast, Source, Sources, Span};
use kps_host::below::read_below;
use kps_host::input::{self, Limit};
use kps_report::Format;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The name of the file.
pub const FILE: &str = "kpsc.toml";

/// A project.
#[derive(Debug)]
pub struct Project {
    /// The folder that the file is in.
    pub folder: PathBuf,
    /// What the file says.
    pub settings: Settings,
}

/// What a project file says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The targets, as `--kernel` names them; none means the default target.
    #[serde(default)]
    pub kernels: Vec<String>,
    /// The format of messages.
    pub message_format: Option<Format>,
    /// The family of every patch with shadow variables or resources.
    pub family: Option<String>,
}

/// A project file that cannot be used, and its text if it could be read.
#[derive(Debug)]
pub struct Unusable {
    /// Why.
    pub error: Diagnostic,
    /// The text that the error points at.
    pub sources: Option<Sources>,
}

impl Project {
    /// The project of a file or folder: that of the nearest project file above it.
    pub fn of(place: &Path) -> Result<Option<Project>, Box<Unusable>> {
        let place = resolved(place);
        // What is no regular file is refused when it is read.
        let is_project = |folder: &&Path| folder.join(FILE).symlink_metadata().is_ok();
        let Some(folder) = place.ancestors().find(is_project) else { return Ok(None) };
        let path = folder.join(FILE);
        let text = read_text(folder, FILE, input::PROJECT)
            .map_err(|error| Box::new(Unusable { error, sources: None }))?;
        let settings = Settings::read(&text, &path).map_err(|error| {
            let sources = Sources::new(Source::new(path.display().to_string(), text));
            Box::new(Unusable { error, sources: Some(sources) })
        })?;
        Ok(Some(Project { folder: folder.to_owned(), settings }))
    }

    /// The path of the file.
    pub fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Refuses a patch of another family than the project's. Without shadow variables and resources
    /// a patch has no use for its family.
    pub fn check_family(&self, patch: &ast::Patch) -> Option<Diagnostic> {
        let wanted = self.settings.family.as_ref()?;
        let written = patch.family.as_ref();
        let has_family =
            written.is_some() || !patch.shadows.is_empty() || !patch.resources.is_empty();
        let (span, family) =
            written.map_or((patch.name.span, &patch.name.value), |name| (name.span, &name.value));
        if family == wanted || !has_family {
            return None;
        }
        let write = match patch.form {
            ast::Form::Spec => format!("write `family {wanted};`"),
            ast::Form::Crate => format!("write `family = {wanted}` in `#[livepatch(..)]`"),
        };
        let message =
            format!("the patch is of the family `{family}`, and its project's `{wanted}`");
        Some(
            Diagnostic::new(OTHER_FAMILY, message)
                .at(span, "")
                .note(format!("the project is {}", self.file().display()))
                .help(write),
        )
    }
}

/// A path without `..` and links in its folders: where the file is, and not how it was found. What
/// does not exist yet is below what does.
fn resolved(place: &Path) -> PathBuf {
    let absolute = std::path::absolute(place).unwrap_or_else(|_| place.to_owned());
    let folder = if absolute.is_dir() { Some(absolute.as_path()) } else { absolute.parent() };
    let existing = folder.into_iter().flat_map(Path::ancestors);
    let found = existing.filter_map(|above| Some((above, above.canonicalize().ok()?))).next();
    match found {
        Some((above, real)) => match absolute.strip_prefix(above) {
            Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
            _ => real,
        },
        None => absolute,
    }
}

/// The text of a file of a project.
fn read_text(folder: &Path, name: &str, limit: Limit) -> Result<String, Diagnostic> {
    input::text(&folder.join(name), read_below(folder, name, limit)?)
}

impl Settings {
    /// Reads a project file.
    fn read(text: &str, path: &Path) -> Result<Settings, Diagnostic> {
        let refuse = |span, why: &str| {
            let message = format!("{} is no project file: {why}", path.display());
            Diagnostic::new(UNUSABLE_PROJECT, message).at(span, "").help(format!(
                "run `kpsc explain {}` to see a complete file",
                UNUSABLE_PROJECT.id()
            ))
        };
        let settings: Settings = toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            refuse(Span::new(span.start, span.end), error.message())
        })?;
        let is_word = |word: &str| syn::parse_str::<syn::Ident>(word).is_ok() && word.is_ascii();
        match settings.family.as_deref().filter(|family| !is_word(family)) {
            None => Ok(settings),
            Some(_) => {
                let at = text.find("family").unwrap_or_default();
                let span = Span::new(at, at + "family".len());
                Err(refuse(span, "the family is not a name"))
            }
        }
    }
}
