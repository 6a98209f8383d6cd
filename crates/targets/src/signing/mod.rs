// SPDX-License-Identifier: GPL-2.0
//! Signs modules with the target's own `scripts/sign-file`, which its build tree has in either
//! mode.
//!
//! A stock kernel's program runs in the sandbox, like the compilers. A key never gets onto another
//! disk: the program reads it from its standard input, as `/dev/stdin`. A key in a PKCS#11 token
//! stays there; the program reaches the token through a socket (`token.rs`). The kernel of a build
//! folder is signed for on the host, as its own build does it: with the host's OpenSSL, and with
//! what that is configured to use for tokens.

mod key;
mod token;
mod uri;

use crate::debian;
use crate::manifest::Tree;
use crate::toolchain::Toolchain;
use crate::{Cache, Progress, Target};
use key::Place;
use kps_diag::{Diagnostic, CANNOT_SIGN, PROGRAM_FAILED, SIGNATURES_IGNORED};
use kps_host::disk::{cannot, write_atomically};
use kps_host::output::{self, Output};
use kps_host::temporary::Folder;
use kps_host::{below::read_below, input};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use token::Token;
use uri::Uri;

pub use key::Key;

/// The program, in a kernel's build folder.
const SIGN_FILE: &str = "scripts/sign-file";
/// The variable with the passphrase of a key or the PIN of a token, as the kernel's own build has
/// it.
pub const PIN: &str = "KBUILD_SIGN_PIN";

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

    /// Finds what would keep modules from being signed, before they are built. A key in a file
    /// signs a text; a token is not asked, because it may want a finger on it each time.
    pub fn try_key(
        &self,
        cache: &Cache,
        tree: &Tree,
        (key, certificate): (&Key, &[u8]),
        hash: &str,
        progress: Progress,
    ) -> Result<(), Diagnostic> {
        let Place::Token(token) = &key.0 else {
            let signed = self.sign(cache, tree, (key, certificate), hash, b"a text", progress);
            return signed.map(drop);
        };
        self.sign_file(tree)?;
        token.uri.pin()?;
        match tree.toolchain() {
            Toolchain::Host => Ok(()),
            Toolchain::Folder(_) => Token::check(),
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
        let program = &self.sign_file(tree)?;
        let place = std::env::temp_dir();
        let folder = Folder::new_in(&place).map_err(|error| {
            cannot("make a folder in", &place, &error).help("set TMPDIR to a folder")
        })?;
        let folder = folder.path();
        write_atomically(&folder.join(MODULE), module)?;
        write_atomically(&folder.join(CERTIFICATE), certificate)?;
        let work = Work { tree, folder, hash, program };
        let output = match &key.0 {
            Place::File(key) => work.run(STDIN, key, &[], Vec::new()),
            Place::Token(token) => token.ask(
                |uri| match tree.toolchain() {
                    Toolchain::Host => work.run_on_host(uri),
                    Toolchain::Folder(_) => work.run_with_token(uri, cache, progress),
                },
                |output| !output.ended.status.success() && !is_of_sandbox(output),
            ),
        }?;
        if !output.ended.status.success() {
            return Err(refused(&output, key));
        }
        read_below(folder, SIGNED, input::MODULE)
    }

    /// The program.
    fn sign_file(&self, tree: &Tree) -> Result<PathBuf, Diagnostic> {
        let program = tree.build.join(SIGN_FILE);
        if !program.is_file() {
            let missing = format!("the build tree of {} has no {SIGN_FILE}", self.name);
            return Err(Diagnostic::new(CANNOT_SIGN, missing).help(
                "complete the kernel's build, with CONFIG_MODULE_SIG: `make modules_prepare`",
            ));
        }
        Ok(program)
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

/// What a program reads from, by a name that it can open.
const STDIN: &str = "/dev/stdin";

impl Work<'_> {
    /// Runs it with a key by the name that the program knows, and with more folders that it reads
    /// and more variables.
    fn run(
        &self,
        key: &str,
        stdin: &[u8],
        more: &[&Path],
        variables: Vec<(&str, OsString)>,
    ) -> Result<Output, Diagnostic> {
        let Work { tree, folder, hash, program } = self;
        let mut read: Vec<&Path> = tree.sources.iter().map(|path| path.as_path()).collect();
        read.push(&tree.build);
        read.extend(more);
        let name = program.to_string_lossy();
        let mut command = tree.toolchain().command(&name, &read, &[folder], folder)?;
        command.args([hash, key, CERTIFICATE, MODULE, SIGNED]);
        command.envs(std::env::var_os(PIN).map(|pin| (PIN, pin)));
        command.envs(variables);
        output::output_with(&mut command, stdin).map_err(|error| command.not_started(&error))
    }

    /// Runs it on the host with the key of a token. Providers and engines of OpenSSL get the PIN
    /// from a file that the URI names, which is the program's standard input: the variable is for
    /// engines only, and the URI is in the command line.
    fn run_on_host(&self, uri: &Uri) -> Result<Output, Diagnostic> {
        let set = || std::env::var_os(PIN).filter(|pin| !pin.is_empty());
        let pin = uri.pin()?.map(OsString::from).or_else(set);
        let mut key = uri.key();
        if pin.is_some() {
            key.push_str(&format!("?pin-source=file:{STDIN}"));
        }
        let pin = pin.unwrap_or_default();
        let module = uri.module().into_iter();
        // That of providers, and that of engines.
        let variables = module.flat_map(|module| {
            ["PKCS11_PROVIDER_MODULE", "PKCS11_MODULE_PATH"].map(|name| (name, module.into()))
        });
        self.run(&key, pin.as_bytes(), &[], variables.collect())
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
        let mut variables = token.configure(&libraries, self.folder, pin.is_some())?;
        variables.extend(pin.map(|pin| (PIN, pin.into())));
        let (output, said) = token
            .serve_while(|| self.run(&uri.key(), &[], &[&libraries, token.socket()], variables));
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
    if is_of_sandbox(output) {
        return Diagnostic { code: PROGRAM_FAILED, ..error };
    }
    error.help(match key.0 {
        Place::File(_) => {
            "check that the key is in PEM, that KBUILD_SIGN_PIN has its passphrase if it has one, and that the certificate is that of the key"
        }
        Place::Token(_) => {
            "check that `p11tool --list-tokens` shows the token, that KBUILD_SIGN_PIN has its PIN, and that the certificate is that of the key"
        }
    })
}

/// Whether the program has not run, because the sandbox could not be made.
fn is_of_sandbox(output: &Output) -> bool {
    String::from_utf8_lossy(&output.stderr).contains("bwrap:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_the_host_a_pin_is_in_no_command_line() -> Result<(), Diagnostic> {
        let made = Folder::new_in(&std::env::temp_dir());
        let made = made.map_err(|error| cannot("make", Path::new("a folder"), &error))?;
        let folder = made.path();
        // In the place of the program is a shell, to which the hash is the name of a script. The
        // arguments of both are in /proc.
        let script = "tr '\\0' ' ' < /proc/$$/cmdline; echo; cat /dev/stdin /dev/stdin; echo
            echo $PKCS11_PROVIDER_MODULE $PKCS11_MODULE_PATH";
        write_atomically(&folder.join("script"), script.as_bytes())?;
        write_atomically(&folder.join("pin"), b"98761234\n")?;
        let tree = Tree {
            build: folder.to_owned(),
            sources: Vec::new(),
            toolchain: None,
            make: Vec::new(),
        };
        let work = Work { tree: &tree, folder, hash: "script", program: Path::new("/bin/sh") };
        let source = format!("pin-source=file:{}", folder.join("pin").display());
        for query in
            ["pin-value=98761234&module-path=/a.so", &format!("{source}&module-path=/a.so")]
        {
            let uri = Uri::parse(&format!("pkcs11:token=a;object=b?{query}"))?;
            let output = work.run_on_host(&uri)?;
            let said = String::from_utf8_lossy(&output.stdout);
            let wanted = "/bin/sh script pkcs11:token=a;object=b?pin-source=file:/dev/stdin \
                          certificate.der module.ko signed.ko \n9876123498761234\n/a.so /a.so\n";
            assert_eq!(said, wanted, "{query}");
        }
        // The machine's configuration may have the PIN, so that none is known here.
        let output = work.run_on_host(&Uri::parse("pkcs11:token=a;object=b")?)?;
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            said.starts_with("/bin/sh script pkcs11:token=a;object=b certificate.der "),
            "{said}"
        );
        Ok(())
    }
}
