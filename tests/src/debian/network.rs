// SPDX-License-Identifier: GPL-2.0
//! The network of a machine: a port of this host that leads to its SSH server, and the key that
//! opens it.

use super::{Disk, Files};
use crate::printed;
use crate::target::{kernel_module, target};
use rustix::net::{self, sockopt, AddressFamily, SocketFlags, SocketType};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Command;

/// The modules of the machine's network device, each after those that it needs. Stock kernels do
/// not have them built in.
const MODULES: [&str; 3] = ["failover", "net_failover", "virtio_net"];

/// Succeeds when the machine has its address.
pub(super) const IS_UP: &str = "/usr/lib/systemd/systemd-networkd-wait-online --any --timeout=60";

/// The key of a test, with which root logs in to its machines.
pub struct Key {
    folder: tempfile::TempDir,
}

impl Key {
    /// A new key.
    #[expect(clippy::new_without_default, reason = "no key is the usual one")]
    pub fn new() -> Key {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let key = Key { folder };
        let mut make = Command::new("ssh-keygen");
        make.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(key.path());
        let made = make.output().unwrap_or_else(|error| panic!("ssh-keygen: {error}"));
        assert!(made.status.success(), "{make:?}:\n{}", printed(&made));
        key
    }

    /// The file of the private key.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// A file for `ssh -F`, which knows the machines of these disks by their host names. Ansible
    /// takes it with `--ssh-common-args`.
    pub fn config(&self, disks: &[Disk]) -> PathBuf {
        let mut text = String::new();
        for disk in disks {
            let host = disk.host.as_deref().unwrap_or("debian");
            let _ = writeln!(text, "Host {host}\n    Port {}", disk.ssh_port());
        }
        // Whatever this user's own files say of other hosts does not matter here.
        let _ = writeln!(
            text,
            "Host *\n    HostName 127.0.0.1\n    User root\n    IdentityFile {}\n    \
             IdentitiesOnly yes\n    BatchMode yes\n    StrictHostKeyChecking no\n    \
             UserKnownHostsFile /dev/null\n    GlobalKnownHostsFile /dev/null\n    LogLevel ERROR",
            self.path().display()
        );
        let file = self.folder.path().join("config");
        std::fs::write(&file, text).unwrap_or_else(|error| panic!("{error}"));
        file
    }
}

/// The files of a machine's network, and what to run when they are there for the first time. Later
/// boots load the modules by themselves.
pub(super) fn prepared(key: &Key) -> (Files, String) {
    let public = key.path().with_extension("pub");
    let public = std::fs::read(&public).unwrap_or_else(|error| panic!("{error}"));
    let folder = format!("/usr/lib/modules/{}/kernel/drivers/net", target().release());
    let modules = MODULES.map(|name| (format!("{folder}/{name}.ko"), kernel_module(name)));
    let mut files = vec![("/root/.ssh/authorized_keys".to_owned(), public)];
    files.extend(modules);
    // It misses lists that only kernels' packages have.
    (files, "depmod 2> /dev/null && modprobe virtio_net".to_owned())
}

/// A port of 127.0.0.1 that nobody else gets before this is dropped. It is bound and does not
/// listen, and so leaves that to QEMU, whose socket may share the address.
pub(super) struct Port {
    _bound: OwnedFd,
    number: u16,
}

impl Port {
    pub(super) fn free() -> Port {
        let bound = || -> rustix::io::Result<(OwnedFd, u16)> {
            let flags = SocketFlags::CLOEXEC;
            let socket = net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
            sockopt::set_socket_reuseaddr(&socket, true)?;
            net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
            let number = SocketAddr::try_from(net::getsockname(&socket)?)?.port();
            Ok((socket, number))
        };
        let (bound, number) = bound().unwrap_or_else(|error| panic!("no port is free: {error}"));
        Port { _bound: bound, number }
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }
}
