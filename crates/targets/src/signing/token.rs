// SPDX-License-Identifier: GPL-2.0
//! A PKCS#11 token of the host for a program in the sandbox.
//!
//! The library that knows a token runs on the host, where its files, devices and services are.
//! p11-kit's client in the sandbox passes on each call through a socket, and for each connection
//! `p11-kit remote` answers here. So the sandbox can use the one token that the user names, while
//! the program runs, and sees nothing else of it.

use super::uri::Uri;
use super::PIN;
use crate::toolchain::missing;
use kps_diag::{Diagnostic, CANNOT_SIGN};
use kps_host::disk::{cannot, write_atomically};
use kps_host::output::{collect, Output};
use kps_host::process::{find, program};
use rustix::net::{shutdown, Shutdown};
use std::ffi::OsString;
use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use walkdir::WalkDir;

/// The program that answers.
const P11_KIT: &str = "p11-kit";

/// A token that a socket leads to.
pub(super) struct Token {
    socket: PathBuf,
    listener: UnixListener,
    uri: String,
    module: Option<String>,
}

impl Token {
    /// Whether the machine has what answers.
    pub(super) fn check() -> Result<(), Diagnostic> {
        match find(P11_KIT) {
            Some(_) => Ok(()),
            None => Err(missing(P11_KIT, "p11-kit")),
        }
    }

    /// A socket in a folder of this user alone.
    pub(super) fn offer(uri: &Uri, folder: &Path) -> Result<Token, Diagnostic> {
        Token::check()?;
        let socket = folder.join("token");
        let listener = UnixListener::bind(&socket).map_err(|error| {
            cannot("make the socket", &socket, &error)
                .help("set TMPDIR to a folder with a short path")
        })?;
        // The sandbox has another user, and nobody else enters the folder.
        std::fs::set_permissions(&socket, Permissions::from_mode(0o666))
            .map_err(|error| cannot("change", &socket, &error))?;
        let module = uri.module().map(str::to_owned);
        Ok(Token { socket, listener, uri: uri.token(), module })
    }

    /// The socket.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The variables with which OpenSSL in the sandbox uses the token.
    pub(super) fn configure(
        &self,
        libraries: &Path,
        folder: &Path,
        has_pin: bool,
    ) -> Result<Vec<(&'static str, OsString)>, Diagnostic> {
        const CLIENT: &str = "p11-kit-client.so";
        let found = |name: &str| -> Result<PathBuf, Diagnostic> {
            let found = WalkDir::new(libraries).into_iter().flatten();
            let mut found = found.filter(|entry| entry.file_name() == name);
            found.next().map(walkdir::DirEntry::into_path).ok_or_else(|| {
                let message = format!("{} has no {name}", libraries.display());
                Diagnostic::new(CANNOT_SIGN, message)
                    .help("remove the folder, and run the command again")
            })
        };
        let client = found(CLIENT)?;
        let configuration = folder.join("openssl.cnf");
        let text = openssl_configuration(&client, has_pin || std::env::var_os(PIN).is_some());
        write_atomically(&configuration, text.as_bytes())?;
        Ok(vec![
            ("OPENSSL_CONF", configuration.into()),
            ("OPENSSL_MODULES", found("ossl-modules")?.into()),
            ("P11_KIT_SERVER_ADDRESS", format!("unix:path={}", self.socket.display()).into()),
        ])
    }

    /// Answers while some work goes on. Returns its result, and what the answering programs have
    /// printed.
    pub(super) fn serve_while<T>(&self, work: impl FnOnce() -> T) -> (T, Vec<u8>) {
        std::thread::scope(|scope| {
            let answering = scope.spawn(|| self.serve());
            let ending = Ending(&self.listener);
            let result = work();
            drop(ending);
            (result, answering.join().unwrap_or_default())
        })
    }

    fn serve(&self) -> Vec<u8> {
        std::thread::scope(|scope| {
            let mut answering = Vec::new();
            loop {
                match self.listener.accept() {
                    Ok((connection, _)) => answering.push(scope.spawn(|| self.answer(connection))),
                    // The socket is shut down.
                    Err(error) if error.kind() == ErrorKind::InvalidInput => break,
                    // Out of descriptors or memory, which other threads of kpsc may give back. The
                    // program that signs waits until then.
                    Err(_) => std::thread::sleep(PAUSE),
                }
            }
            let answered = answering.into_iter().map(|answer| match answer.join() {
                Ok(Ok(said)) => said,
                Ok(Err(error)) => format!("{P11_KIT}: {error}\n").into_bytes(),
                Err(_) => Vec::new(),
            });
            answered.flatten().collect()
        })
    }

    /// Answers one connection to its end.
    fn answer(&self, connection: UnixStream) -> std::io::Result<Vec<u8>> {
        let input = OwnedFd::from(connection.try_clone()?);
        let mut command: Command = program(P11_KIT);
        command.arg("remote");
        if let Some(module) = &self.module {
            command.args(["--provider", module]);
        }
        command
            .arg(&self.uri)
            .stdin(input)
            .stdout(OwnedFd::from(connection))
            .stderr(Stdio::piped());
        let child = command.spawn()?;
        // Its ends of the connection are the only ones, so that the other side sees when it ends.
        drop(command);
        let Output { ended, mut stderr, .. } = collect(child)?;
        if !ended.status.success() {
            stderr.extend(format!("{P11_KIT} remote: {}\n", ended.status).bytes());
        }
        Ok(stderr)
    }
}

/// How long a socket that cannot be answered waits for the next try.
const PAUSE: Duration = Duration::from_millis(100);

/// Shuts a socket down when some work has ended, in whatever way: a thread that waits for a
/// connection waits no longer.
struct Ending<'a>(&'a UnixListener);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let _ = shutdown(self.0, Shutdown::Both);
    }
}

/// The configuration of OpenSSL that loads the provider. The PIN is not in it: it stays in the
/// environment.
fn openssl_configuration(client: &Path, has_pin: bool) -> String {
    let pin = match has_pin {
        true => format!("pkcs11-module-token-pin = $ENV::{PIN}\n"),
        false => String::new(),
    };
    // A section that is named `default` would be part of all others.
    format!(
        "openssl_conf = openssl\n\
         [openssl]\nproviders = both\n\
         [both]\ndefault = own\npkcs11 = token\n\
         [own]\nactivate = 1\n\
         [token]\npkcs11-module-path = {}\n{pin}",
        client.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_host::temporary::Folder;
    use std::panic::{catch_unwind, AssertUnwindSafe};

    #[test]
    fn work_that_panics_does_not_wait_for_connections() -> std::io::Result<()> {
        let folder = Folder::new_in(&std::env::temp_dir())?;
        let socket = folder.path().join("token");
        let listener = UnixListener::bind(&socket)?;
        let token = Token { socket, listener, uri: String::new(), module: None };
        let work = || token.serve_while(|| panic!("this is part of the test"));
        assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
        Ok(())
    }
}
