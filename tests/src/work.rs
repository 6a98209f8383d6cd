// SPDX-License-Identifier: GPL-2.0
//! What a machine does while patches are loaded.

/// A script that works with processes, files, pipes, and the network with itself, a number of
/// times.
pub fn rounds(count: usize) -> String {
    format!("rounds={count}{WORK}")
}

const WORK: &str = "
    ip link set lo up; mkdir -p /tmp/work; cd /tmp/work
    fails() { echo round $round: $1; exit 1; }
    for round in $(seq $rounds); do
        seq 1 2000 > numbers && sort -rn numbers | head -n 1 | grep -q 2000 || fails processes
        cp numbers copy && cmp numbers copy && ln -sf copy link && test \"$(wc -l < link)\" = 2000 || fails files
        gzip -c numbers | gunzip -c | cmp - numbers && mv copy moved && rm moved link || fails pipes
        ping -c 1 -W 5 127.0.0.1 > /dev/null || fails ping
        nc -l -p 4000 -e cat &
        until cat /proc/net/tcp /proc/net/tcp6 2> /dev/null | grep -q ':0FA0 0*:0000 0A'; do usleep 10000; done
        echo over the network | nc -w 5 127.0.0.1 4000 > answer; wait
        grep -q network answer || fails network
        cat /proc/meminfo /proc/stat /proc/mounts /proc/self/maps > /dev/null && ps > /dev/null || fails proc
    done
    echo rounds: $round";
