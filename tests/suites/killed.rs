// SPDX-License-Identifier: GPL-2.0
//! `kpsctl` is killed with SIGKILL at many of its steps: each time the kernel and what `kpsctl`
//! says of it agree, and the next command ends right. `tests/vm/killed/steps.c` counts the steps
//! and kills.

use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::Steps;
use kps_tests::{cases, repository, stem};
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        load_is_killed_at_twenty_steps.machine().about(30),
        a_load_that_is_taken_back_is_killed_at_twenty_steps.machine().long().about(30),
        unload_is_killed_at_twenty_steps.machine().about(30),
        install_is_killed_at_twenty_steps.machine().about(30),
        rollback_is_killed_at_twenty_steps.machine().long().about(30),
    ]
}

/// The cases that hold on other kernels too.
pub(crate) fn on_every_kernel() -> Vec<Case> {
    let case = |name: &str, run: fn()| Case::new(name, run).machine().long().about(40);
    vec![
        case("killed: load", load_is_killed_at_twenty_steps),
        case("killed: load, taken back", a_load_that_is_taken_back_is_killed_at_twenty_steps),
        case("killed: unload", unload_is_killed_at_twenty_steps),
        case("killed: install", install_is_killed_at_twenty_steps),
        case("killed: rollback", rollback_is_killed_at_twenty_steps),
    ]
}

/// At how many moments a command is killed.
const KILLS: usize = 20;
/// What `steps` ends with when it has killed the program.
const KILLED: i32 = 99;
const PROGRAM: &str = "/bin/kpsctl";

/// Before or after a step of a program.
#[derive(Debug, Clone)]
struct Moment {
    when: &'static str,
    step: String,
}

impl Display for Moment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "killed {} {}", self.when, self.step)
    }
}

impl Moment {
    /// Whether the step changes something, and does not only look.
    fn is_of_change(&self) -> bool {
        !self.step.starts_with("open")
    }
}

/// A machine in which commands about a livepatch are killed.
struct Trial {
    machine: Steps,
    patch: String,
}

/// What the kernel itself shows of a livepatch.
const SHOWN: &str = r#"
shown() {
    folder=/sys/kernel/livepatch/$1
    case $(cat $folder/enabled $folder/transition 2> /dev/null | tr -d '\n') in
        10) echo enabled;;
        11) echo 'in transition to enabled';;
        01) echo 'in transition to disabled';;
        *) ! grep -q "^$1 " /proc/modules || echo disabled;;
    esac
}
"#;

impl Trial {
    /// A machine with the modules of some specs; the commands are about the first one.
    fn of(specs: &[&str]) -> Trial {
        let specs: Vec<_> = specs.iter().map(|spec| repository().join(spec)).collect();
        let module = |spec: &PathBuf| (format!("/{}.ko", stem(spec)), store::module(spec));
        let steps = store::c_program(&repository().join("tests/vm/killed/steps.c"));
        let programs = vec![("/steps".into(), steps)];
        let machine = Steps::start_with(specs.iter().map(module).collect(), programs);
        Trial { machine, patch: specs.first().map(|spec| stem(spec)).unwrap_or_default() }
    }

    /// Runs a command, which ends with a status and says something.
    fn run(&mut self, command: &str, status: i32, said: &[&str]) {
        self.machine.step(&format!("{PROGRAM} {command}"), status, said);
    }

    /// The moments at which a command is killed: those at which it changes something, and others
    /// between its start and its end. Its start is over when it comes to `first`.
    fn moments(&mut self, command: &str, status: i32, first: &str) -> Vec<Moment> {
        let list = format!("/steps list /tmp/steps {PROGRAM} {command}");
        self.machine.step(&list, status, &[]);
        let listed = self.machine.step("cat /tmp/steps", 0, &[first]);
        let steps = listed.lines().skip_while(|step| !step.contains(first));
        // It looks at each module in turn, and at each task.
        let of_another =
            |step: &str| step.ends_with("/taint") && !step.contains(self.patch.as_str());
        let of_task = |step: &str| step.starts_with("openat /proc/") && step.contains("/task");
        let all = steps.filter(|step| !of_another(step) && !of_task(step)).flat_map(|step| {
            ["before", "after"].map(|when| Moment { when, step: step.to_owned() })
        });
        let (changes, looks): (Vec<_>, Vec<_>) = all.partition(Moment::is_of_change);
        let count = KILLS.saturating_sub(changes.len());
        assert!(!changes.is_empty() && looks.len() >= count, "{command}, few steps:\n{listed}");
        let spread = (0..count).map(|n| looks[n * looks.len() / count].clone());
        changes.iter().cloned().chain(spread).collect()
    }

    /// Runs a command and kills it.
    fn kill(&mut self, command: &str, moment: &Moment) {
        let Moment { when, step } = moment;
        self.machine.step(&format!("/steps {when} '{step}' {PROGRAM} {command}"), KILLED, &[]);
    }

    /// The state in which the kernel and the program agree; empty if nothing is loaded.
    fn state(&mut self, moment: &Moment) -> String {
        let Trial { machine, patch } = self;
        // A transition may end between two looks.
        let script = format!(
            "{SHOWN}
            until before=$(shown {patch}); said=$({PROGRAM} list 2>&1)
                [ \"$before\" = \"$(shown {patch})\" ]; do :; done
            echo \"$before\"; echo \"$said\""
        );
        let output = machine.step(&script, 0, &[]);
        let (state, said) = output.split_once('\n').unwrap_or_default();
        let wanted = match state {
            "" => "no livepatch is loaded".to_owned(),
            state => format!("{patch}\t{state}"),
        };
        let agrees = said.starts_with(&wanted) && said.lines().count() == 1;
        assert!(agrees, "{moment}: the kernel shows {state:?}, and `list` says\n{said}");
        state.to_owned()
    }

    /// The names of what is installed.
    fn installed(&mut self) -> String {
        let listed = self.machine.step(&format!("{PROGRAM} list --installed"), 0, &[]);
        let names = listed.lines().filter_map(|line| line.split('\t').nth(1));
        names.collect::<Vec<_>>().join(" ")
    }

    /// Nothing that was begun is left in the store.
    fn is_tidy(&mut self) {
        self.machine.step("! find /var/lib/kpsc /etc/modprobe.d | grep tmp", 0, &[]);
    }

    /// Nothing is left of the livepatch.
    fn is_gone(&mut self, moment: &Moment) {
        assert_eq!(self.state(moment), "", "{moment}");
        self.machine.step("! grep -q 'kps=1' /proc/cmdline", 0, &[]);
        self.machine.vm.check_log();
    }
}

const MARK: &str = "examples/cmdline_mark/cmdline_mark.kps";
const LOAD: &str = "load /cmdline_mark.ko";
const UNLOAD: &str = "unload cmdline_mark";

fn load_is_killed_at_twenty_steps() {
    let mut trial = Trial::of(&[MARK]);
    let moments = trial.moments(LOAD, 0, "/cmdline_mark.ko");
    trial.run(UNLOAD, 0, &[]);
    for moment in &moments {
        trial.kill(LOAD, moment);
        match trial.state(moment).as_str() {
            "" => trial.run(LOAD, 0, &["cmdline_mark\tenabled"]),
            _ => trial.run(LOAD, 3, &["error[KPS1008]"]),
        }
        trial.run(UNLOAD, 0, &[]);
        trial.is_gone(moment);
    }
}

/// A task in the function that changes holds up each load, so it is also killed while it waits and
/// while it reverses the transition.
fn a_load_that_is_taken_back_is_killed_at_twenty_steps() {
    const LOAD: &str = "load /post_sleeps.ko --timeout 0";
    const TAKEN_BACK: i32 = 6;
    let mut trial = Trial::of(&["tests/vm/unload/post_sleeps.kps"]);
    let sleeps =
        "sleep 100000 > /dev/null 2>&1 & until grep -q nanosleep /proc/$!/stack; do :; done";
    trial.machine.step(sleeps, 0, &[]);
    for moment in &trial.moments(LOAD, TAKEN_BACK, "/post_sleeps.ko") {
        trial.kill(LOAD, moment);
        match trial.state(moment).as_str() {
            "" => trial.run(LOAD, TAKEN_BACK, &["error[KPS1027]"]),
            _ => trial.run("unload post_sleeps", 0, &[]),
        }
        trial.is_gone(moment);
    }
}

fn unload_is_killed_at_twenty_steps() {
    let mut trial = Trial::of(&[MARK]);
    trial.run(LOAD, 0, &[]);
    for moment in &trial.moments(UNLOAD, 0, "/sys/kernel/livepatch") {
        trial.run(LOAD, 0, &["cmdline_mark\tenabled"]);
        trial.kill(UNLOAD, moment);
        match trial.state(moment).as_str() {
            "" => trial.run(UNLOAD, 3, &["error[KPS1003]"]),
            _ => trial.run(UNLOAD, 0, &[]),
        }
        trial.is_gone(moment);
    }
}

/// What is installed one after the other.
const SPECS: [&str; 2] = ["tests/vm/operate/net_fix.kps", "tests/vm/operate/other_fix.kps"];
/// The store is as if the machine were new, so the same steps have the same names.
const NEW: &str = "rm -rf /var/lib/kpsc /etc/modprobe.d; mkdir -p /var/lib /etc/modprobe.d";
const INSTALL: &str = "install /other_fix.ko";

fn install_is_killed_at_twenty_steps() {
    let mut trial = Trial::of(&SPECS);
    let first = format!("{NEW}; {PROGRAM} install /net_fix.ko");
    trial.machine.step(&first, 0, &[]);
    for moment in &trial.moments(INSTALL, 0, "/other_fix.ko") {
        trial.machine.step(&first, 0, &[]);
        trial.kill(INSTALL, moment);
        let installed = trial.installed();
        assert!(["net_fix", "net_fix other_fix"].contains(&&*installed), "{moment}: {installed}");
        trial.run(INSTALL, 0, &[]);
        assert_eq!(trial.installed(), "net_fix other_fix", "{moment}");
        trial.is_tidy();
    }
    trial.machine.vm.check_log();
}

fn rollback_is_killed_at_twenty_steps() {
    const ROLLBACK: &str = "rollback";
    let mut trial = Trial::of(&SPECS);
    let both = format!("{NEW}; {PROGRAM} install /net_fix.ko && {PROGRAM} {INSTALL}");
    trial.machine.step(&both, 0, &[]);
    for moment in &trial.moments(ROLLBACK, 0, "/var/lib/kpsc") {
        trial.machine.step(&both, 0, &[]);
        trial.kill(ROLLBACK, moment);
        let left = match trial.installed().as_str() {
            "net_fix other_fix" => "net_fix",
            "net_fix" => "",
            other => panic!("{moment}: {other:?} is installed"),
        };
        trial.run(ROLLBACK, 0, &[]);
        assert_eq!(trial.installed(), left, "{moment}");
        trial.is_tidy();
    }
    trial.machine.vm.check_log();
}
