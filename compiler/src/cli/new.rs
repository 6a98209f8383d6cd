// SPDX-License-Identifier: GPL-2.0
//! `kpsc new`.

use super::crate_folder::write_crate;
use super::{report, say, CommandResult};
use crate::emit::{is_plain, new_crate, skeleton};
use crate::project::Home;
use crate::resolve::another_name;
use crate::resolve::check_name;
use kps_diag::{Diagnostic, NAME_NOT_IN_CRATES};
use kps_host::disk::write_new;
use kps_plan::ObjectName;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct New {
    /// The name of the patch; its spec is NAME.kps in the current folder, its crate the folder
    /// NAME.
    #[arg(value_name = "NAME")]
    name: String,
    /// The function to change; by default one that shows the boot command line.
    #[arg(long, value_name = "FN", value_parser = word)]
    function: Option<String>,
    /// The object that contains the function.
    #[arg(long, value_name = "OBJECT", default_value = ObjectName::IMAGE, value_parser = module, requires = "function")]
    object: String,
    /// Write a patch crate instead of a spec.
    #[arg(long = "crate", conflicts_with = "function")]
    is_crate: bool,
}

/// A C identifier.
fn word(text: &str) -> Result<String, String> {
    match is_plain(text) && !text.starts_with(|c: char| c.is_ascii_digit()) {
        true => Ok(text.to_owned()),
        false => Err("write a name of letters, digits and `_`".to_owned()),
    }
}

/// The name of a module.
fn module(text: &str) -> Result<String, String> {
    match is_plain(text) {
        true => Ok(text.to_owned()),
        false => Err("write a name of letters, digits and `_`".to_owned()),
    }
}

impl New {
    pub(super) fn run(self) -> CommandResult {
        let New { name, function, object, is_crate } = self;
        if let Some(error) = check_name(&name) {
            return Ok(report(&[error], None));
        }
        if is_crate {
            if syn::parse_str::<syn::Ident>(&name).is_err() {
                let error = Diagnostic::new(
                    NAME_NOT_IN_CRATES,
                    format!("a crate cannot be named `{name}`"),
                );
                return Ok(report(
                    &[error.note("it is a keyword of Rust").help(another_name(&name))],
                    None,
                ));
            }
            let folder = PathBuf::from(&name);
            let home = Home::of(&folder)?;
            write_crate(new_crate(&name, &home), &[], Path::new("."), &folder, &home)?;
            say(folder.display());
            return Ok(0);
        }
        let path = PathBuf::from(format!("{name}.kps"));
        write_new(&path, skeleton(&name, function.as_deref(), &object).as_bytes())?;
        say(path.display());
        Ok(0)
    }
}
