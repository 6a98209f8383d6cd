#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The agent in the virtual machine: does what it is told over the second serial port.
#
# In:  "+ TOKEN BASE64" adds to the script, "! TOKEN" runs it; every line is answered, so that no buffer overflows.
# Out: "ok TOKEN" to the first; lines of BASE64 (the script's output) and ". TOKEN STATUS" to the second.

# A machine that does not answer is asked for its tasks from outside (stuck.rs). Not every kernel has both files.
echo 1 > /proc/sys/kernel/sysrq
echo 1 > /proc/sys/kernel/unknown_nmi_panic

open_line() {
    exec 3<>/dev/ttyS1
    stty -F /dev/ttyS1 raw -echo 115200
}
open_line
# A firmware has written to the line before, and left it open.
printf '\nready\n' >&3
script=/run/script
: > $script
while read -r verb token text <&3; do
    case $verb in
    +)
        echo "$text" | base64 -d >> $script
        echo "ok $token" >&3
        ;;
    !)
        mv $script $script.now
        : > $script
        sh $script.now > /run/output 2>&1 < /dev/null 3>&-
        status=$?
        # A shell that had the line as its terminal has hung it up (shell.rs).
        [ -e /run/hung-up ] && rm /run/hung-up && open_line
        base64 /run/output >&3
        echo ". $token $status" >&3
        ;;
    esac
done
