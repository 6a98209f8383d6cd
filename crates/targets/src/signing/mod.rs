// SPDX-License-Identifier: GPL-2.0
//! Signs modules with the target's own `scripts/sign-file`, which its build tree has in either
//! mode.
//!
//! A stock kernel's program runs in the sandbox, like the compilers. A key never gets onto another
//! disk: the program reads it from its standard input, as `/dev/stdin`. A key in a PKCS#11 token
//! stays there; the program reaches the token through a socket (`token.rs`). The kernel of a build
//! folder is signed for on the host, as its own build does it, with the host's OpenSSL.

mod token;
mod uri;

use crate::debian;
use crate::manifest::Tree;
use crate::toolchain::{Program, Toolchain};
use crate::{Cache, Progress, Target};
use kps_diag::{Diagnostic, CANNOT_SIGN, PROGRAM_FAILED, SIGNATURES_IGNORED};
use kps_host::disk::{cannot, write_atomically};
use kps_host::output::{self, Output};
use kps_host::temporary::Folder;
use kps_host::{below::read_below, input};
use std::path::Path;
use token::Token;
use uri::Uri;

/// The program, in a kernel's build folder.
const SIGN_FILE: &str = "scripts/sign-file";
/// The variable with the passphrase of a key or the PIN of a token, as the kernel's own build has
/// it.
pub const PIN: &str = "KBUILD_SIGN_PIN";

/// Where a private key is.
#[derive(Debug, Clone)]
pub enum Key {
    /// In a file, whose contents these are.
    File(Vec<u8>),
    /// In a token. The text is a URI after RFC 7512.
    Token(String),
}

impl Key {
    /// The key that a user names, by a path or a URI.
    pub fn named(name: &str) -> Result<Key, Diagnostic> {
        match name.starts_with(uri::SCHEME) {
            true => Ok(Key::Token(name.to_owned())),
            false => input::read(Path::new(name), input::KEY).map(Key::File),
        }
    }
}

impl Target {
    /// The hash of the signatures that the kernel's own modules have.
    pub fn signature_hash(&self) -> Result<String, Diagnostic> {
        let options = self.facts()?.config;
        let value =
            |option: &str| options.get(option).map(|value| value.trim_matches('"').to_owned());
        match (value("CONFIG_MODULE_SIG").as_deref(), value("CONFIG_MODULE_SIG_HASH")) {
            (Some("y"), Some(hash)) => Ok(hash),
            _ => Err(Diagnostic::new(
                SIGNATURES_IGNORED,
                format!("{} is built without CONFIG_MODULE_SIG", self.name),
            )
            .note("it loads every module, and reads no signature")
            .help("leave the module unsigned for this kernel")),
        }
    }

    /// Signs a module. `hash` is named as in `CONFIG_MODULE_SIG_HASH`, and the certificate is in
    /// DER.
    pub fn sign(
        &self,
        cache: &Cache,
        tree: &Tree,
        (key, certificate): (&Key, &[u8]),
        hash: &str,
        module: &[u8],
        progress: Progress,
    ) -> Result<Vec<u8>, Diagnostic> {
        let program = tree.build.join(SIGN_FILE);
        if !program.is_file() {
            let missing = format!("the build tree of {} has no {SIGN_FILE}", self.name);
            return Err(Diagnostic::new(CANNOT_SIGN, missing).help(
                "complete the kernel's build, with CONFIG_MODULE_SIG: `make modules_prepare`",
            ));
        }
        let place = std::env::temp_dir();
        let folder = Folder::new_in(&place).map_err(|error| {
            cannot("make a folder in", &place, &error).help("set TMPDIR to a folder")
        })?;
        let folder = folder.path();
        write_atomically(&folder.join(MODULE), module)?;
        write_atomically(&folder.join(CERTIFICATE), certificate)?;
        let work = Work { tree, folder, hash, program: &program };
        let output = match (key, tree.toolchain()) {
            (Key::File(key), _) => work.run("/dev/stdin", key.clone(), &[], |_| Ok(())),
            (Key::Token(uri), Toolchain::Host) => work.run(uri, Vec::new(), &[], |_| Ok(())),
            (Key::Token(uri), Toolchain::Folder(_)) => {
                work.run_with_token(&Uri::parse(uri)?, cache, progress)
            }
        }?;
        if !output.ended.status.success() {
            return Err(refused(&output, key));
        }
        read_below(folder, SIGNED, input::MODULE)
    }
}

/// The files of the folder that the program works in.
const MODULE: &str = "module.ko";
const CERTIFICATE: &str = "certificate.der";
const SIGNED: &str = "signed.ko";

/// A run of the program.
struct Work<'a> {
    tree: &'a Tree,
    folder: &'a Path,
    hash: &'a str,
    program: &'a Path,
}

impl Work<'_> {
    /// Runs it with a key by the name that the program knows, and more that it reads.
    fn run(
        &self,
        key: &str,
        stdin: Vec<u8>,
        more: &[&Path],
        prepare: impl FnOnce(&mut Program) -> Result<(), Diagnostic>,
    ) -> Result<Output, Diagnostic> {
        let Work { tree, folder, hash, program } = self;
        let mut read: Vec<&Path> = tree.sources.iter().map(|path| path.as_path()).collect();
        read.push(&tree.build);
        read.extend(more);
        let name = program.to_string_lossy();
        let mut command = tree.toolchain().command(&name, &read, &[folder], folder)?;
        command.args([hash, key, CERTIFICATE, MODULE, SIGNED]);
        if let Some(pin) = std::env::var_os(PIN) {
            command.env(PIN, pin);
        }
        prepare(&mut command)?;
        output::output_with(&mut command, stdin).map_err(|error| command.not_started(&error))
    }

    /// Runs it in the sandbox with the key of a token.
    fn run_with_token(
        &self,
        uri: &Uri,
        cache: &Cache,
        progress: Progress,
    ) -> Result<Output, Diagnostic> {
        let libraries = debian::token_libraries(cache, progress)?;
        let token = Token::offer(uri, self.folder)?;
        let pin = uri.pin()?;
        let configured = token.configure(&libraries, self.folder, pin.is_some())?;
        let (output, said) = token.serve_while(|| {
            self.run(&uri.key(), Vec::new(), &[&libraries, token.socket()], |program| {
                program.envs(configured);
                pin.map(|pin| program.env(PIN, pin));
                Ok(())
            })
        });
        let mut output = output?;
        // What the host's side says comes first: the program only sees that it gets no key.
        output.stderr.splice(0..0, said);
        Ok(output)
    }
}

/// The error for a key or a certificate that the program does not sign with.
fn refused(output: &Output, key: &Key) -> Diagnostic {
    const MOST: usize = 12;
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = said.lines().map(str::trim_end).filter(|line| !line.is_empty()).take(MOST);
    let error = Diagnostic::new(CANNOT_SIGN, "the target's sign-file does not sign the module");
    let error = lines.fold(error, |error, line| error.note(line));
    if said.contains("bwrap:") {
        return Diagnostic { code: PROGRAM_FAILED, ..error };
    }
    error.help(match key {
        Key::File(_) => {
            "check that the key is in PEM, that KBUILD_SIGN_PIN has its passphrase if it has one, and that the certificate is that of the key"
        }
        Key::Token(_) => {
            "check that `p11tool --list-tokens` shows the token, that KBUILD_SIGN_PIN has its PIN, and that the certificate is that of the key"
        }
    })
}
