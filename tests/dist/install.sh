#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Installs the packages in /media in the root of a Debian, asks what they have brought, and removes them.
set -eu
export DEBIAN_FRONTEND=noninteractive HOME=/root
apt() {
    # There is only one user.
    apt-get -q -o APT::Sandbox::User=root "$@" > /tmp/apt 2>&1 || { cat /tmp/apt; exit 1; }
}
# All files but those in which apt and dpkg themselves remember packages.
listing() {
    find / -xdev \( -path /proc -o -path /dev -o -path /media -o -path /tmp -o -path /run -o -path /var/lib/dpkg \
        -o -path /var/lib/apt -o -path /var/cache -o -path /var/log \) -prune -o -print | sort
}
listing > /tmp/before
apt install --yes --no-install-recommends /media/kpsc_*.deb /media/kpsctl_*.deb

kpsc --version
kpsctl --version
man -w kpsc kpsc-build kpsc-kernel-add kpsctl kpsctl-load
bash -c 'for program in kpsc kpsctl; do
    source /usr/share/bash-completion/completions/$program
    complete -p $program
done'
ls /usr/share/zsh/vendor-completions/_kpsc /usr/share/fish/vendor_completions.d/kpsc.fish
ls /usr/share/doc/kpsc/README.md /usr/share/doc/kpsc/docs/language.md
dpkg --verify kpsc kpsctl

# It needs no file beside it.
cd /tmp
kpsc new hello
kpsc fmt --check hello.kps
kpsc doc language > /tmp/page
echo doctor
kpsc doctor || echo "status $?"
[ ! -e /root/.cache/kpsc ] || rm -r /root/.cache

# The unit is enabled, and names the program.
systemctl --root=/ is-enabled kpsc.service
grep ExecStart /etc/systemd/system/kpsc.service

# An upgrade keeps what the administrator has undone; an installation does not.
kpsctl setup --remove > /tmp/removed
apt install --yes --reinstall --no-install-recommends /media/kpsctl_*.deb
[ ! -e /etc/systemd/system/kpsc.service ]
apt remove --yes kpsctl
apt install --yes --no-install-recommends /media/kpsctl_*.deb
[ -e /etc/systemd/system/kpsc.service ]

apt remove --yes kpsc kpsctl
listing > /tmp/after
diff /tmp/before /tmp/after
mkdir /var/lib/kpsc
apt purge --yes kpsctl
[ ! -e /var/lib/kpsc ]
if dpkg --list 'kps*' > /tmp/left 2>&1; then
    cat /tmp/left
    exit 1
fi
echo "nothing is left"
