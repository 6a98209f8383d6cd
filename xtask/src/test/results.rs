// SPDX-License-Identifier: GPL-2.0
//! How many tests have passed and failed, added up from what test programs say in the end.

use anyhow::{Context as _, Result};
use std::fmt;
use std::io::{BufRead as _, BufReader, Write};
use std::process::{Command, Stdio};

/// Tests that have run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    passed: usize,
    /// Those that have failed, and programs that have failed otherwise.
    pub(crate) failed: usize,
}

impl Sum {
    /// Runs tests. What they print is shown as it comes.
    pub(crate) fn run(&mut self, command: &mut Command, shown: &mut impl Write) -> Result<()> {
        let child = command.stdout(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("cannot run {command:?}"))?;
        let failed = self.failed;
        for line in child
            .stdout
            .take()
            .map(BufReader::new)
            .into_iter()
            .flat_map(|stdout| stdout.split(b'\n'))
        {
            let line = line?;
            shown
                .write_all(&line)
                .and_then(|()| shown.write_all(b"\n"))
                .and_then(|()| shown.flush())?;
            self.add(&String::from_utf8_lossy(&line));
        }
        // A program that was killed, or has not even started, has said nothing.
        if !child.wait()?.success() && self.failed == failed {
            self.failed += 1;
        }
        Ok(())
    }

    /// Adds what a line says, if it is the last of a test program:
    /// `test result: ok. 4 passed; 0 failed; 0 ignored; ..`.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let counts = result.split_once(". ").map_or("", |(_, counts)| counts);
        for count in counts.split("; ") {
            match count.split_once(' ').map(|(number, what)| (number.parse::<usize>(), what)) {
                Some((Ok(number), "passed")) => self.passed += number,
                Some((Ok(number), "failed")) => self.failed += number,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::Sum;
    use std::process::Command;

    /// What is shown goes nowhere: these results are not those of this program.
    fn sum(script: &str) -> String {
        let mut sum = Sum::default();
        let run = sum.run(Command::new("sh").args(["-c", script]), &mut std::io::sink());
        run.unwrap_or_else(|error| panic!("{error:#}"));
        sum.to_string()
    }

    #[test]
    fn the_results_of_all_programs_are_added_up() {
        let script = "echo 'running 5 tests'
            echo 'test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s'
            echo '    test result: ok. 9 passed; 9 failed; of something inside'
            echo 'test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out'; exit 101";
        assert_eq!(sum(script), "12 passed, 2 failed");
    }

    #[test]
    fn a_program_that_fails_without_a_result_is_a_failure() {
        assert_eq!(sum("exit 101"), "0 passed, 1 failed");
        assert_eq!(sum("kill -9 $$"), "0 passed, 1 failed");
        assert_eq!(sum("true"), "0 passed, 0 failed");
    }
}
