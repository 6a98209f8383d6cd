#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Makes the disk of a Debian with systemd: tests/debian/root.sh FOLDER. The disk is FOLDER/root.img. It has what
# administrators manage machines with: apt and dpkg, whose database holds all that is there, unattended-upgrades, rpm,
# Python, and an SSH server.
#
# The packages are those of the release that this machine's apt knows. They are unpacked and not configured, which
# takes seconds in place of a minute: what their scripts would have done and is needed is below. Their own programs
# finish the disk, as root of a user namespace, so the machine needs no others, and root is not needed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
folder=$PWD

# What boots, and what the machine is managed with.
packages="base-files base-passwd coreutils cpio dash e2fsprogs grep kmod libc-bin mount procps sed systemd-sysv udev \
util-linux"
packages="$packages apt bash debianutils diffutils dpkg findutils gzip hostname iproute2 mawk ncurses-bin \
openssh-server perl-base python3 rpm tar unattended-upgrades"

# apt believes that nothing is installed, and so fetches all dependencies.
fetch() {
    mkdir -p apt/lists/partial apt/archives/partial
    : > apt/status
    apt-get -q -o Dir::State="$folder/apt" -o Dir::State::status="$folder/apt/status" -o Dir::Cache="$folder/apt" \
        -o APT::Sandbox::User=root -o APT::Install-Recommends=false -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}
fetch update
# shellcheck disable=SC2086 # one word for each package
fetch install --yes --download-only $packages

mkdir -p tree/usr/bin tree/usr/sbin tree/usr/lib tree/usr/lib64
for link in bin sbin lib lib64; do
    ln -s usr/$link tree/$link
done

# Enters a package into the database, with the list of its files on standard input. No script of it is there, so none
# runs when it is removed.
database=tree/var/lib/dpkg
mkdir -p $database/info
echo 1 > $database/info/format
enter() {
    control=$(dpkg-deb --field "$1")
    name=$(echo "$control" | sed -n 's/^Package: //p')
    # There can be one for each architecture, and dpkg's name of the list then has it.
    case $control in
    *"
Multi-Arch: same"*) name=$name:$(echo "$control" | sed -n 's/^Architecture: //p') ;;
    esac
    sed 's|^\.||; s|/$||; s|^$|/.|' > "$database/info/$name.list"
    printf '%s\n\n' "$control" | sed '/^Package: /a Status: install ok installed' >> $database/status
}
for package in apt/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -xv -C tree --no-same-owner --keep-directory-symlink \
        --exclude='./usr/share/doc*' --exclude='./usr/share/man*' --exclude='./usr/share/locale*' \
        --exclude='./usr/share/i18n*' --exclude='./usr/lib/*/gconv*' > list
    enter "$package" < list
done
rm -r apt list

cd tree
mkdir -p dev proc sys run tmp mnt media etc/rpm root usr/lib/test var/lib/rpm
rm -rf var/run var/lock
ln -s /run var/run
ln -s /run/lock var/lock
[ -e usr/bin/sh ] || ln -s dash usr/bin/sh
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
grep -q ^_apt: etc/passwd || echo '_apt:x:42:65534::/nonexistent:/usr/sbin/nologin' >> etc/passwd
grep -q ^sshd: etc/passwd || echo 'sshd:x:102:65534::/run/sshd:/usr/sbin/nologin' >> etc/passwd
echo debian > etc/hostname
echo 127.0.0.1 localhost > etc/hosts
echo 00000000000000000000000000000001 > etc/machine-id
echo '/dev/nvme0n1 / ext4 defaults 0 1' > etc/fstab
# Debian's rpm has its database in the home of whoever runs it, unlike those that it is here for.
echo '%_dbpath /var/lib/rpm' > etc/rpm/macros
cp usr/share/unattended-upgrades/50unattended-upgrades etc/apt/apt.conf.d/
cp "$here/../../crates/vm/src/agent.sh" usr/lib/test/agent
cp "$here/agent.service" usr/lib/systemd/system/test-agent.service
cp "$here/ssh.socket" usr/lib/systemd/system/test-ssh.socket
cp "$here/ssh@.service" usr/lib/systemd/system/test-ssh@.service
cp "$here/sshd_config" etc/ssh/sshd_config
cp "$here/user.network" etc/systemd/network/
# The first boot of each copy would do the work of a first boot.
touch etc/.updated var/.updated

run() {
    bwrap --unshare-user --uid 0 --gid 0 --cap-add CAP_DAC_OVERRIDE --clearenv --setenv PATH /usr/sbin:/usr/bin "$@"
}
run --bind . / --proc /proc --dev /dev --tmpfs /tmp sh -e <<'END'
systemd-sysusers
ldconfig
systemctl --quiet set-default multi-user.target
systemctl --quiet enable test-agent.service test-ssh.socket systemd-networkd.service
# Nobody logs in at a terminal, tests say when packages are upgraded, and nothing here uses the others.
systemctl --quiet mask getty.target apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service
systemctl --quiet mask dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount
update-alternatives --quiet --install /usr/bin/awk awk /usr/bin/mawk 5
[ -e /usr/bin/which ] || update-alternatives --quiet --install /usr/bin/which which /usr/bin/which.debianutils 0
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key

# rpm knows nothing of the packages of dpkg, and scriptlets want a shell.
cat > /tmp/shell.spec <<'SPEC'
Name: shell
Version: 1
Release: 1
Summary: What dpkg has installed
License: GPL-2.0-only
BuildArch: noarch
Provides: /bin/sh
%description
%{summary}
%files
SPEC
rpmbuild --quiet --define '_topdir /tmp/rpm' -bb /tmp/shell.spec
rpm --force-debian -i /tmp/rpm/RPMS/noarch/shell-1-1.noarch.rpm

# An import that finds no bytecode compiles and keeps it, which here takes a tenth of what it takes in the machine.
unattended-upgrade --help > /dev/null
python3 -c 'import ast, base64, ctypes, fcntl, getpass, glob, hashlib, http.client, json, locale, logging, mmap
import multiprocessing.pool, optparse, pickle, platform, pty, pwd, queue, random, runpy, select, selectors, shlex
import shutil, signal, socket, ssl, stat, subprocess, syslog, tempfile, threading, traceback, types, urllib.request
import uuid, zipfile'
apt-get check > /dev/null
END
run --ro-bind . / --ro-bind . /media --bind "$folder" /mnt --proc /proc --dev /dev \
    mke2fs -q -t ext4 -m 0 -d /media /mnt/root.img 1G
cd ..
rm -r tree
