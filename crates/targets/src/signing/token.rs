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
use kps_host::output::collect;
use kps_host::process::{find, program};
use rustix::net::{shutdown, Shutdown};
use std::fs::Permissions;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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
    /// A socket in a folder of this user alone.
    pub(super) fn offer(uri: &Uri, folder: &Path) -> Result<Token, Diagnostic> {
        if find(P11_KIT).is_none() {
            return Err(missing(P11_KIT, "p11-kit"));
        }
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

    /// The variables with which OpenSSL in the sandbox uses the token, as a provider or as an
    /// engine.
    pub(super) fn configure(
        &self,
        libraries: &Path,
        folder: &Path,
        has_pin: bool,
    ) -> Result<Vec<(&'static str, String)>, Diagnostic> {
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
            ("OPENSSL_CONF", configuration.display().to_string()),
            ("OPENSSL_MODULES", found("ossl-modules")?.display().to_string()),
            ("OPENSSL_ENGINES", found("engines-3")?.display().to_string()),
            ("PKCS11_MODULE_PATH", client.display().to_string()),
            ("P11_KIT_SERVER_ADDRESS", format!("unix:path={}", self.socket.display())),
        ])
    }

    /// Answers while some work goes on. Returns its result, and what the answering programs have
    /// printed.
    pub(super) fn serve_while<T>(&self, work: impl FnOnce() -> T) -> (T, Vec<u8>) {
        std::thread::scope(|scope| {
            let answering = scope.spawn(|| self.serve());
            let result = work();
            // A thread that waits for a connection waits no longer.
            let _ = shutdown(&self.listener, Shutdown::Both);
            (result, answering.join().unwrap_or_default())
        })
    }

    fn serve(&self) -> Vec<u8> {
        std::thread::scope(|scope| {
            let connections = self.listener.incoming().map_while(Result::ok);
            let answering: Vec<_> =
                connections.map(|connection| scope.spawn(|| self.answer(connection))).collect();
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
        Ok(collect(child)?.stderr)
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
