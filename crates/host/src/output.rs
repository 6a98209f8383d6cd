// SPDX-License-Identifier: GPL-2.0
//! Reads what a program prints. An author's makefile or a file in C decides what compilers print,
//! so there is a maximum: a program that prints more is stopped.

use crate::process::end_orphans;
use kps_diag::{Diagnostic, OUTPUT_TOO_LONG};
use rustix::fs::{fchmod, memfd_create, MemfdFlags, Mode};
use rustix::process::{kill_process, waitid, Pid, Signal, WaitId, WaitIdOptions};
use rustix::stdio::{stderr, stdin, stdout};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read, Seek as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};

/// The most that is read of each of the two streams of a program, in bytes. A build prints some
/// 100 KB if it shows every command.
const MOST: usize = 32 << 20;

/// What a line counts in addition to its bytes: short lines take more memory than they have bytes.
const LINE: usize = 64;

/// How a program ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// Whether it was stopped because it printed too much. The end of its output is missing then.
    pub is_cut: bool,
}

/// A program's whole output.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub ended: Ended,
    /// What it printed to standard output.
    pub stdout: Vec<u8>,
    /// What it printed to standard error.
    pub stderr: Vec<u8>,
}

/// The error about a program that was stopped.
pub fn too_long(program: &str) -> Diagnostic {
    Diagnostic::new(OUTPUT_TOO_LONG, format!("{program} printed too much and was stopped"))
        .note(format!("kpsc reads at most {} MiB of what a program prints", MOST >> 20))
        .help("look for a loop in the makefile, or for a message that is repeated without end")
}

/// Runs a program without input, and returns what it prints.
pub fn output(command: &mut Command) -> io::Result<Output> {
    collect(spawn(command)?)
}

/// Runs a program with an input, and returns what it prints. The input is in memory. The program
/// may also open it, as `/dev/stdin`, whoever it runs as and as often as it likes.
pub fn output_with(command: &mut Command, input: &[u8]) -> io::Result<Output> {
    collect(command.stdin(in_memory(input)?).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
}

/// A file without a name, which only those read who get it.
fn in_memory(contents: &[u8]) -> io::Result<File> {
    let new = |flags| memfd_create("input", MemfdFlags::CLOEXEC | flags);
    // Kernels before 6.3 do not know the flag, and others may be set to want it.
    let file = new(MemfdFlags::NOEXEC_SEAL).or_else(|_| new(MemfdFlags::empty()))?;
    fchmod(&file, Mode::from_raw_mode(0o444))?;
    let mut file = File::from(file);
    file.write_all(contents)?;
    file.rewind()?;
    Ok(file)
}

/// Starts a program without input, whose output is read.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// Returns what a program prints, when it has ended.
pub fn collect(mut child: Child) -> io::Result<Output> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let ended = read(
        &mut child,
        |stream| read_bytes(stream, &mut stdout),
        |stream| read_bytes(stream, &mut stderr),
    )?;
    Ok(Output { ended, stdout, stderr })
}

/// Runs a program without input, and passes on each line that it prints while it runs, except those
/// that are not UTF-8.
pub fn lines(
    command: &mut Command,
    stdout: impl FnMut(String) + Send,
    stderr: impl FnMut(String) + Send,
) -> io::Result<Ended> {
    read(
        &mut spawn(command)?,
        |stream| read_lines(stream, stdout),
        |stream| read_lines(stream, stderr),
    )
}

/// Waits for a program. Each function reads a stream, and returns whether it was read to its end.
fn read(
    child: &mut Child,
    read_stdout: impl FnOnce(&mut dyn Read) -> bool + Send,
    read_stderr: impl FnOnce(&mut dyn Read) -> bool + Send,
) -> io::Result<Ended> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let pid = Pid::from_child(child);
    let stop = || {
        // It may have ended meanwhile.
        let _ = kill_process(pid, Signal::KILL);
    };
    let is_cut = std::thread::scope(|scope| {
        // What outlives the program may keep its streams open.
        scope.spawn(|| {
            let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            let _ = waitid(WaitId::Pid(pid), ended);
            end_orphans();
        });
        // Each function closes its stream: programs that the stopped one had started end when they
        // print to it.
        let other = scope.spawn(|| {
            let is_whole = stdout.is_none_or(|mut stream| read_stdout(&mut stream));
            if !is_whole {
                stop();
            }
            is_whole
        });
        let is_whole = stderr.is_none_or(|mut stream| read_stderr(&mut stream));
        if !is_whole {
            stop();
        }
        !is_whole || !other.join().unwrap_or(false)
    });
    Ok(Ended { status: child.wait()?, is_cut })
}

/// Runs a program for somebody who looks at a terminal. It gets what kpsc has got, but never the
/// terminal: it could read what is typed there, change it for good, and print what moves the
/// cursor. So `print` gets each line for a terminal, and says whether it could be printed.
pub fn run(
    command: &mut Command,
    print: impl Fn(Stream, &str) -> bool + Sync,
) -> io::Result<ExitStatus> {
    if stdin().is_terminal() {
        command.stdin(Stdio::null());
    }
    if stdout().is_terminal() {
        command.stdout(Stdio::piped());
    }
    if stderr().is_terminal() {
        command.stderr(Stdio::piped());
    }
    let mut child = command.spawn()?;
    let pass_on = |stream: &mut dyn Read, of: Stream| {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        // A line without end is printed in parts.
        while matches!(stream.by_ref().take(LONGEST).read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line);
            if !print(of, text.strip_suffix('\n').unwrap_or(&text)) {
                return false;
            }
            line.clear();
        }
        true
    };
    let ended = read(
        &mut child,
        |stream| pass_on(stream, Stream::Output),
        |stream| pass_on(stream, Stream::Error),
    )?;
    Ok(ended.status)
}

/// The longest line that is passed on whole, in bytes.
const LONGEST: u64 = 1 << 16;

/// A stream that a program prints to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

fn read_bytes(stream: &mut dyn Read, into: &mut Vec<u8>) -> bool {
    // Like a closed stream, an error ends the output.
    let _ = stream.take(MOST as u64 + 1).read_to_end(into);
    let is_whole = into.len() <= MOST;
    into.truncate(MOST);
    is_whole
}

fn read_lines(stream: &mut dyn Read, mut pass_on: impl FnMut(String)) -> bool {
    let mut stream = BufReader::new(stream);
    let mut left = MOST;
    loop {
        let mut line = Vec::new();
        match stream.by_ref().take(left as u64 + 1).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return true,
            Ok(_) => {}
        }
        left = match left.checked_sub(line.len() + LINE) {
            Some(left) => left,
            None => return false,
        };
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        if let Ok(line) = String::from_utf8(line) {
            pass_on(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::program;

    fn shell(script: &str) -> Command {
        let mut command = program("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_that_prints_without_end_is_stopped() -> io::Result<()> {
        // Lines, no line at all, an empty one after the other, on either stream, and by a program
        // that the stopped one has started.
        for script in [
            "yes",
            "cat /dev/zero",
            "yes ''",
            "yes >&2",
            "cat /dev/zero >&2",
            "yes & yes >&2 & wait",
        ] {
            let Output { ended, stdout, stderr } = output(&mut shell(script))?;
            assert!(ended.is_cut && !ended.status.success(), "{script}");
            assert_eq!(stdout.len().max(stderr.len()), MOST, "{script}");
            let (mut out, mut err) = (0, 0);
            let count = |sum: &mut usize, line: String| *sum += line.len() + LINE;
            let ended = lines(
                &mut shell(script),
                |line| count(&mut out, line),
                |line| count(&mut err, line),
            )?;
            assert!(ended.is_cut && !ended.status.success(), "{script}");
            assert!(out <= MOST && err <= MOST, "{script}: {out}, {err}");
        }
        Ok(())
    }

    #[test]
    fn a_program_reads_its_input_never_or_often() -> io::Result<()> {
        // More than a pipe holds.
        let input = vec![b'a'; 1 << 20];
        let all = output_with(&mut shell("cat"), &input)?;
        assert!(all.ended.status.success() && all.stdout == input);
        for (script, read) in
            [("true", ""), ("head -c 1", "a"), ("cat /dev/stdin /dev/stdin", "bb")]
        {
            let all = output_with(&mut shell(script), if read == "bb" { b"b" } else { &input })?;
            assert!(all.ended.status.success() && all.stdout == read.as_bytes(), "{script}");
        }
        Ok(())
    }

    #[test]
    fn what_a_program_prints_is_passed_on_as_it_is() -> io::Result<()> {
        let script = "printf 'a\\n\\nb\\n\\377\\nc'; printf 'd\\n' >&2; exit 3";
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let ended = lines(&mut shell(script), |line| out.push(line), |line| err.push(line))?;
        assert_eq!((ended.status.code(), ended.is_cut), (Some(3), false));
        assert_eq!((out.join("|"), err.join("|")), ("a||b|c".to_owned(), "d".to_owned()));
        let all = output(&mut shell(script))?;
        assert_eq!((all.ended.status.code(), all.ended.is_cut), (Some(3), false));
        assert_eq!((all.stdout, all.stderr), (b"a\n\nb\n\xff\nc".to_vec(), b"d\n".to_vec()));
        // As much as is read, and no byte more.
        let all = output(&mut shell(&format!("head -c {MOST} /dev/zero")))?;
        assert!(all.ended.status.success() && !all.ended.is_cut && all.stdout.len() == MOST);
        Ok(())
    }
}
