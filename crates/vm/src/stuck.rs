// SPDX-License-Identifier: GPL-2.0
//! What a machine that does not answer is doing: the stacks of its tasks.
//!
//! No program in the machine can be asked. The kernel's own answer to Alt+SysRq comes from an
//! interrupt of the keyboard, which a task that sleeps or runs forever does not keep away. A
//! processor that takes no interrupts takes an NMI, which `agent.sh` has made a panic.

/// What a key prints with Alt+SysRq (`drivers/tty/sysrq.c`): the tasks of each processor, and all
/// tasks.
pub(super) const KEYS: [&str; 2] = ["l", "t"];

/// The parts of the kernel's list of tasks that show what holds the machine up: programs other than
/// init, tasks that run, and threads in code of a module.
pub(super) fn tasks(log: &str) -> String {
    let lines: Vec<&str> = log.lines().map(without_time).collect();
    let starts = lines.iter().enumerate().filter(|(_, line)| line.starts_with("task:"));
    let starts: Vec<usize> = starts.map(|(at, _)| at).collect();
    let task = |&start: &usize| {
        let rest = &lines[start + 1..];
        let inner = |line: &&str| line.starts_with(' ') || line.starts_with("Call Trace:");
        // What follows the stacks of all tasks is about the scheduler.
        let end = rest.iter().position(|line| !inner(line)).unwrap_or(rest.len());
        let (head, stack) = (lines[start], &rest[..end]);
        let field = |name: &str| {
            let value = head.split(name).nth(1)?.split_whitespace().next()?;
            Some(value.trim_start_matches(':').to_owned())
        };
        let is_thread = field(" ppid").as_deref() == Some("2");
        let is_first = matches!(field(" pid").as_deref(), Some("1" | "2"));
        let runs = field(" state").as_deref() == Some("R");
        let in_module = stack.iter().any(|line| line.trim_end().ends_with(']'));
        let matters = !is_first && (!is_thread || runs || in_module);
        matters.then(|| [&[head], stack].concat().join("\n"))
    };
    starts.iter().filter_map(task).collect::<Vec<_>>().join("\n")
}

/// A line without the time at its start.
fn without_time(line: &str) -> &str {
    let rest = line.strip_prefix('[').and_then(|line| line.split_once("] "));
    rest.map_or(line, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_threads_in_a_module_are_shown() {
        let log = "[9.1] sysrq: Show State\n\
            [9.1] task:init            state:S stack:0 pid:1     tgid:1 ppid:0 flags:0x2\n\
            [9.1] Call Trace:\n[9.1]  <TASK>\n[9.1]  schedule+0x1/0x2\n[9.1]  </TASK>\n\
            [9.1] task:kthreadd        state:S stack:0 pid:2     tgid:2 ppid:0 flags:0x2\n\
            [9.1] task:beats           state:S stack:0 pid:40    tgid:40 ppid:2 flags:0x2\n\
            [9.1] Call Trace:\n[9.1]  beat+0x1/0x2 [beats_1]\n\
            [9.1] task:kworker/0:1     state:I stack:0 pid:9     tgid:9 ppid:2 flags:0x2\n\
            [9.1] Call Trace:\n[9.1]  schedule+0x1/0x2\n\
            [9.1] task:sleep           state:S stack:0 pid:77    tgid:77 ppid:76 flags:0x2\n\
            [9.1] Call Trace:\n[9.1]  hrtimer_nanosleep+0x1/0x2\n\
            [9.1] Sched Debug Version: v0.11\n";
        let shown = tasks(log);
        let heads: Vec<&str> = shown
            .lines()
            .filter_map(|line| line.strip_prefix("task:")?.split(' ').next())
            .collect();
        assert_eq!(heads, ["beats", "sleep"], "{shown}");
        assert!(shown.contains(" hrtimer_nanosleep+0x1/0x2") && shown.contains("beat+0x1"));
        assert!(!shown.contains("Sched Debug"), "{shown}");
        assert_eq!(tasks("[    1.0] nothing\n"), "");
    }
}
