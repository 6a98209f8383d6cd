#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Makes the root of a Debian in which packages are installed: tests/dist/root.sh SUITE FOLDER. It has the essential
# packages, apt, systemd, man and the completions of bash.
#
# The packages are unpacked and not configured, which needs neither root nor a minute, and dpkg knows all of them.
set -eu
suite=$1
mkdir -p "$2"
cd "$2"
folder=$PWD

fetch() {
    apt-get -q -o Dir::Etc::sourcelist="$folder/apt/sources.list" -o Dir::Etc::sourceparts="$folder/apt/parts" \
        -o Dir::State="$folder/apt" -o Dir::State::status="$folder/apt/status" -o Dir::Cache="$folder/apt" \
        -o APT::Sandbox::User=root -o APT::Install-Recommends=false -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}
mkdir -p apt/lists/partial apt/archives/partial apt/parts
: > apt/status
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" \
    > apt/sources.list
fetch update
fetch install --yes --download-only '?essential' apt systemd-sysv man-db bash-completion

mkdir -p root/usr/bin root/usr/sbin root/usr/lib root/usr/lib64
for link in bin sbin lib lib64; do
    ln -s usr/$link root/$link
done
database=root/var/lib/dpkg
mkdir -p $database/info $database/updates
echo 1 > $database/info/format
for package in apt/archives/*.deb; do
    control=$(dpkg-deb --field "$package")
    name=$(echo "$control" | sed -n 's/^Package: //p')
    # There can be one for each architecture, and dpkg's name of the list then has it.
    case $control in
    *"
Multi-Arch: same"*) name=$name:$(echo "$control" | sed -n 's/^Architecture: //p') ;;
    esac
    dpkg-deb --fsys-tarfile "$package" | tar -xv -C root --no-same-owner --keep-directory-symlink |
        sed 's|^\.||; s|/$||; s|^$|/.|' > "$database/info/$name.list"
    printf '%s\n\n' "$control" | sed '/^Package: /a Status: install ok installed' >> $database/status
done
rm -r apt
cd root
mkdir -p dev proc sys run tmp mnt media root
[ -e usr/bin/sh ] || ln -s dash usr/bin/sh
[ -e usr/bin/awk ] || ln -s mawk usr/bin/awk
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
