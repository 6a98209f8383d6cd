// SPDX-License-Identifier: GPL-2.0
//! The program is killed with SIGKILL at many of its steps: each time the kernel and what the
//! program says of it agree, and the next command ends right. `tests/vm/killed/steps.c` counts the
//! steps and kills.

use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::Steps;
use kps_tests::{cases, repository};
use std::fmt::{self, Display, Formatter};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        load_is_killed_at_twenty_steps.machine().about(60),
        unload_is_killed_at_twenty_steps.machine().about(60),
    ]
}

/// The cases that hold on other kernels too.
pub(crate) fn on_every_kernel() -> Vec<Case> {
    let case = |name: &str, run: fn()| Case::new(name, run).machine().long().about(60);
    vec![
        case("killed: at twenty steps of load", load_is_killed_at_twenty_steps),
        case("killed: at twenty steps of unload", unload_is_killed_at_twenty_steps),
    ]
}

/// At how many moments a command is killed.
const KILLS: usize = 20;
/// What `steps` ends with when it has killed the program.
const KILLED: i32 = 99;
/// The program under test, for `steps`.
const PROGRAM: &str = "/loader --library-path / /kpsc";
const PATCH: &str = "cmdline_mark";
const LOAD: &str = "load /cmdline_mark.ko";
const UNLOAD: &str = "unload cmdline_mark";

/// Before or after a step of a program.
#[derive(Debug, Clone)]
struct Moment {
    when: &'static str,
    number: usize,
    step: String,
}

impl Display for Moment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "killed {} {}: {}", self.when, self.number, self.step)
    }
}

impl Moment {
    /// Whether the step changes something, and does not only look.
    fn is_of_change(&self) -> bool {
        !self.step.starts_with("open")
    }

    /// Whether the step looks at a module beside the patch: there are some eighty, all alike.
    fn is_of_another_module(&self) -> bool {
        self.step.ends_with("/taint") && !self.step.contains(PATCH)
    }
}

/// The moments at which a command is killed: all of those at which it changes something, and others
/// between its start and its end. Its start is over when it comes to `first`.
fn moments(machine: &mut Steps, command: &str, first: &str) -> Vec<Moment> {
    machine.step(&format!("/steps list /tmp/steps {PROGRAM} {command}"), 0, &[]);
    let listed = machine.step("cat /tmp/steps", 0, &[first]);
    let steps = listed.lines().enumerate().skip_while(|(_, step)| !step.contains(first));
    let all = steps.flat_map(|(at, step)| {
        ["before", "after"].map(|when| Moment { when, number: at + 1, step: step.to_owned() })
    });
    let all = all.filter(|moment: &Moment| !moment.is_of_another_module());
    let (changes, looks): (Vec<_>, Vec<_>) = all.partition(Moment::is_of_change);
    let count = KILLS.saturating_sub(changes.len());
    assert!(!changes.is_empty() && looks.len() >= count, "{command} has too few steps:\n{listed}");
    let spread = (0..count).map(|n| looks[n * looks.len() / count].clone());
    changes.iter().cloned().chain(spread).collect()
}

/// Runs a command, and kills it at a moment.
fn kill(machine: &mut Steps, command: &str, moment: &Moment) {
    let Moment { when, number, .. } = moment;
    machine.step(
        &format!("/steps {when} {number} {PROGRAM} {command}"),
        KILLED,
        &[&moment.to_string()],
    );
}

/// What the kernel itself shows of the patch.
const SHOWN: &str = r#"
shown() {
    folder=/sys/kernel/livepatch/cmdline_mark
    flags=$(cat $folder/enabled $folder/transition 2> /dev/null | tr -d '\n')
    case $flags in
        10) echo enabled;;
        11) echo 'in transition to enabled';;
        01) echo 'in transition to disabled';;
        *) ! grep -q '^cmdline_mark ' /proc/modules || echo disabled;;
    esac
}
"#;

/// The state of the patch, in which the kernel and the program agree; empty if it is not loaded.
fn state(machine: &mut Steps, moment: &Moment) -> String {
    // A transition may end between two looks.
    let script = format!(
        "{SHOWN}
        until before=$(shown); said=$(kpsc list 2>&1); [ \"$before\" = \"$(shown)\" ]; do :; done
        echo \"$before\"; echo \"$said\""
    );
    let output = machine.step(&script, 0, &[]);
    let (state, said) = output.split_once('\n').unwrap_or_default();
    let wanted = match state {
        "" => "no livepatch is loaded".to_owned(),
        state => format!("{PATCH}\t{state}"),
    };
    assert!(said.starts_with(&wanted) && said.lines().count() == 1, "{moment}\n{said}\n{state:?}");
    state.to_owned()
}

/// Nothing is left of the patch.
fn is_gone(machine: &mut Steps, moment: &Moment) {
    assert_eq!(state(machine, moment), "", "{moment}");
    machine.step("! grep -q 'kps=1' /proc/cmdline", 0, &[]);
    machine.vm.check_log();
}

fn machine() -> Steps {
    let file = |path: &str| repository().join(path);
    let module = store::module(&file("examples/cmdline_mark/cmdline_mark.kps"));
    let steps = store::c_program(&file("tests/vm/killed/steps.c"));
    Steps::start_with(vec![("/cmdline_mark.ko".into(), module)], vec![("/steps".into(), steps)])
}

fn load_is_killed_at_twenty_steps() {
    let mut machine = machine();
    let moments = moments(&mut machine, LOAD, "/cmdline_mark.ko");
    machine.step(&format!("kpsc {UNLOAD}"), 0, &[]);
    for moment in &moments {
        kill(&mut machine, LOAD, moment);
        match state(&mut machine, moment).as_str() {
            "" => machine.step(&format!("kpsc {LOAD}"), 0, &["cmdline_mark\tenabled"]),
            _ => machine.step(&format!("kpsc {LOAD}"), 3, &["error[KPS1008]"]),
        };
        machine.step(&format!("kpsc {UNLOAD}"), 0, &[]);
        is_gone(&mut machine, moment);
    }
}

fn unload_is_killed_at_twenty_steps() {
    let mut machine = machine();
    machine.step(&format!("kpsc {LOAD}"), 0, &[]);
    for moment in &moments(&mut machine, UNLOAD, "/sys/kernel/livepatch") {
        machine.step(&format!("kpsc {LOAD}"), 0, &["cmdline_mark\tenabled"]);
        kill(&mut machine, UNLOAD, moment);
        match state(&mut machine, moment).as_str() {
            "" => machine.step(&format!("kpsc {UNLOAD}"), 3, &["error[KPS1003]"]),
            _ => machine.step(&format!("kpsc {UNLOAD}"), 0, &[]),
        };
        is_gone(&mut machine, moment);
    }
}
