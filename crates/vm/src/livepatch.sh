#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# livepatch load FILE [PARAM=VALUE ..] | unload NAME | wait NAME: what a test does with a patch, waiting for states and not for time.
# It reads nothing that a patch is likely to change.
# Exit status: 0 done, 1 the kernel refused, 5 the transition did not complete within LIMIT seconds.
limit=${LIMIT:-60}

# Waits until a command holds; if it does not, lists the tasks in patch state $2, which hold the transition up.
until_holds() {
    end=$(($(date +%s) + limit))
    until eval "$1"; do
        if [ "$(date +%s)" -ge $end ]; then
            for task in /proc/[0-9]*; do
                [ "$(cat $task/patch_state 2>/dev/null)" = "$2" ] || continue
                echo "held up by $(cat $task/comm), process ${task#/proc/}:"
                cat $task/stack
            done
            exit 5
        fi
        usleep 20000
    done
}

settled() {
    until_holds "[ \"\$(cat /sys/kernel/livepatch/$1/transition 2>/dev/null)\" = 0 ]" 0
}

# Runs a command; if it fails, shows what the kernel said meanwhile.
try() {
    before=$(dmesg | wc -l)
    "$@" && return
    dmesg | tail -n +$((before + 1))
    exit 1
}

case $1 in
load)
    shift
    try insmod "$@"
    settled "$(basename "$1" .ko)"
    ;;
wait)
    settled "$2"
    ;;
unload)
    # A patch that was replaced is disabled already.
    if [ -e "/sys/kernel/livepatch/$2" ]; then
        echo 0 > "/sys/kernel/livepatch/$2/enabled" || exit 1
        until_holds "[ ! -e /sys/kernel/livepatch/$2 ]" 1
    fi
    # The kernel drops its reference to the module a little later.
    until_holds "[ \"\$(cat /sys/module/$2/refcnt)\" = 0 ]" 1
    try rmmod "$2"
    ;;
esac
