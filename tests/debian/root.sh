#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Makes the disk of a small Debian with systemd: tests/debian/root.sh FOLDER. The disk is FOLDER/root.img.
#
# The packages are those of the release that this machine's apt knows. They are unpacked and not configured, which
# takes seconds in place of a minute: what their scripts would have done and systemd needs is below. Their own programs
# finish the disk, as root of a user namespace, so the machine needs no others, and root is not needed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
folder=$PWD

packages="base-files base-passwd coreutils cpio dash e2fsprogs grep kmod libc-bin mount procps sed systemd-sysv udev util-linux"

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
for package in apt/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C tree --no-same-owner --keep-directory-symlink \
        --exclude='./usr/share/doc*' --exclude='./usr/share/man*' --exclude='./usr/share/locale*' \
        --exclude='./usr/share/i18n*' --exclude='./usr/lib/*/gconv*'
done
rm -r apt

cd tree
mkdir -p dev proc sys run tmp mnt media etc root usr/lib/kpsc-test
rm -rf var/run var/lock
ln -s /run var/run
ln -s /run/lock var/lock
[ -e usr/bin/sh ] || ln -s dash usr/bin/sh
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
echo debian > etc/hostname
echo 00000000000000000000000000000001 > etc/machine-id
echo '/dev/nvme0n1 / ext4 defaults 0 1' > etc/fstab
cp "$here/../../crates/vm/src/agent.sh" usr/lib/kpsc-test/agent
cp "$here/agent.service" usr/lib/systemd/system/kpsc-test.service
# The first boot of each copy would do the work of a first boot.
touch etc/.updated var/.updated

run() {
    bwrap --unshare-user --uid 0 --gid 0 --cap-add CAP_DAC_OVERRIDE --clearenv --setenv PATH /usr/sbin:/usr/bin "$@"
}
run --bind . / --proc /proc --dev /dev sh -e <<'END'
systemd-sysusers
ldconfig
systemctl --quiet set-default multi-user.target
systemctl --quiet enable kpsc-test.service
# Nobody logs in, and nothing here uses these.
systemctl --quiet mask getty.target dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount
END
run --ro-bind . / --ro-bind . /media --bind "$folder" /mnt --proc /proc --dev /dev \
    mke2fs -q -t ext4 -m 0 -d /media /mnt/root.img 512M
cd ..
rm -r tree
