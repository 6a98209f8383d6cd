// SPDX-License-Identifier: GPL-2.0
//! The preparation of a stock kernel is killed in its steps and runs out of room in some.
//! It never looks more finished than it is, each next run goes on with it, and the last one leaves
//! nothing but the target.
//!
//! kpsc says on standard error which steps it has finished, so a step is reached when the one
//! before it is said to be over.

use super::damage;
use super::stops::{finished, Interrupted, Stop, Work, BUILDING, FACTS};
use super::there::{succeed, There};
use kps_tests::printed;
use rustix::fs::Mode;
use rustix::process::umask;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::time::Duration;

/// How long a run is listened to before one looks at what it has left in the cache meanwhile.
const LISTEN: Duration = Duration::from_millis(10);

/// Prepares a release under interruptions in its steps, all of which `stops` has; `words` are more
/// for `kpsc kernel add`. The cache must be on a disk of its own, in memory.
pub(super) fn prepare(
    there: &There,
    release: &str,
    words: &[&str],
    stops: &[&Stop],
    interrupted: Interrupted,
) {
    let preparation = Preparation { there, release, words, stops };
    let mut done = BTreeSet::new();
    for (n, stop) in stops.iter().enumerate().filter(|(_, stop)| interrupted.holds(stop)) {
        done.extend(preparation.kill_in(n));
        preparation.is_not_ready(n);
        if let Some(room) = stop.room {
            done.extend(preparation.run_out_of_room_in(n, room));
            preparation.is_not_ready(n);
        }
    }
    let said = succeed(&mut preparation.add());
    done.extend(preparation.steps(said.lines()));
    assert_eq!(there.state().as_deref(), Some("ready to build"));
    // Whoever adds a step says here how it is interrupted.
    let known: BTreeSet<String> = stops.iter().map(|stop| stop.step.to_owned()).collect();
    assert_eq!(
        done, known,
        "these are the steps of a preparation, and those that it can be killed in"
    );

    damage::is_found(there);
    // Once more is no harm, and nothing is left of all that.
    succeed(&mut preparation.add());
    let left = succeed(&mut there.kpsc(&["kernel", "remove", "--unused"]));
    assert!(!left.contains("partial") && !left.contains("kernels/"), "{left}");
}

struct Preparation<'a> {
    there: &'a There,
    release: &'a str,
    words: &'a [&'a str],
    stops: &'a [&'a Stop],
}

impl Preparation<'_> {
    /// Adds it as a user does who lets nobody else read what he makes: the sandbox must be able to.
    fn add(&self) -> Command {
        let words = ["kernel", "add", "--release", self.release, "--name", &self.there.name];
        let mut command = self.there.kpsc(&words);
        command.args(self.words);
        let strict = || {
            umask(Mode::from_raw_mode(0o077));
            Ok(())
        };
        // SAFETY: the closure makes one system call and allocates nothing.
        unsafe { command.pre_exec(strict) };
        command
    }

    /// Kills a run, and nothing that it has started, while it does a step. Returns the steps that
    /// it has done.
    fn kill_in(&self, n: usize) -> Vec<String> {
        let (stop, work) = (self.stops[n], Work::on(self.there));
        let mut child = self
            .add()
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{error}"));
        let lines = lines(child.stderr.take());
        let mut said: Vec<String> = Vec::new();
        while !(self.is_reached(n, &said) && (stop.is_under_way)(&work)) {
            match lines.recv_timeout(LISTEN) {
                Ok(line) => said.push(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    panic!(
                        "a run that was to be killed in `{}` has ended:\n{}",
                        stop.step,
                        said.join("\n")
                    );
                }
            }
        }
        child.kill().and_then(|()| child.wait()).unwrap_or_else(|error| panic!("{error}"));
        said.extend(lines);
        assert!(
            self.is_reached(n, &said),
            "`{}` was over when it was killed:\n{}",
            stop.step,
            said.join("\n")
        );
        self.steps(said.iter().map(String::as_str))
    }

    /// Leaves so many megabytes free, has a run go wrong in a step, and makes room again. Returns
    /// the steps that it has done.
    fn run_out_of_room_in(&self, n: usize, room: u32) -> Vec<String> {
        let resize = |size: &str| {
            let option = format!("remount,size={size}");
            succeed(Command::new("mount").args(["-o", &option]).arg(&self.there.cache));
        };
        let used = succeed(Command::new("df").args(["-k", "--output=used"]).arg(&self.there.cache));
        let used: u64 =
            used.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
        resize(&format!("{}k", used + u64::from(room) * 1024));
        let output = self.add().output().unwrap_or_else(|error| panic!("{error}"));
        resize(SIZE);
        let said = printed(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("KPS0711"), "it is not said that the disk is full:\n{said}");
        let lines: Vec<String> = said.lines().map(str::to_owned).collect();
        assert!(
            self.is_reached(n, &lines),
            "the disk is not full in `{}`:\n{said}",
            self.stops[n].step
        );
        self.steps(said.lines())
    }

    /// Until the facts are read there is no target. From then on there is one that cannot be built
    /// for.
    fn is_not_ready(&self, n: usize) {
        let state = if is_in(self.stops[n], FACTS) { None } else { Some("facts only".to_owned()) };
        assert_eq!(self.there.state(), state, "interrupted in `{}`", self.stops[n].step);
    }

    /// Whether a run that has said this does a step: the last that it has said is what comes before
    /// it.
    fn is_reached(&self, n: usize, said: &[String]) -> bool {
        let last = self.positions(said.iter().map(String::as_str)).pop().unwrap_or_default();
        let before = n.checked_sub(1).map(|n| self.stops[n]);
        let part = if is_in(self.stops[n], FACTS) { FACTS } else { BUILDING };
        match before {
            Some(before) if is_in(before, part) => last == before.step,
            _ => last == part,
        }
    }

    /// The steps that a run has done, each behind the part of the preparation that it belongs to.
    fn steps<'t>(&self, said: impl Iterator<Item = &'t str>) -> Vec<String> {
        let parts = [FACTS, BUILDING];
        self.positions(said)
            .into_iter()
            .filter(|position| !parts.contains(&position.as_str()))
            .collect()
    }

    /// How far a run has got, one position after the other: a part of the preparation that it has
    /// begun, or a step that it has done.
    fn positions<'t>(&self, said: impl Iterator<Item = &'t str>) -> Vec<String> {
        let mut part = "nothing";
        let mut positions = Vec::new();
        for line in said {
            if line.starts_with("Fetching Debian's kernel") {
                part = FACTS;
                positions.push(part.to_owned());
            } else if line.starts_with("Preparing to build for") {
                part = BUILDING;
                positions.push(part.to_owned());
            } else if let Some(step) = finished(line, self.release) {
                positions.push(format!("{part}: {step}"));
            }
        }
        positions
    }
}

/// How large the disk is while it is large enough.
pub(super) const SIZE: &str = "4g";

fn is_in(stop: &Stop, part: &str) -> bool {
    stop.step.starts_with(part)
}

/// The lines of a stream, as they come.
fn lines(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in
            stream.map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok)
        {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}
