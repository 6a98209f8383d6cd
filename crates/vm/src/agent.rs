// SPDX-License-Identifier: GPL-2.0
//! What the agent in the machine answers.
//!
//! The other end of the line belongs to the machine, in which the test of a patch is root: it may
//! write to the line what it likes, at any time and without end. So every answer carries the token
//! of its command, which is drawn at random, and whatever else arrives ends the conversation.

use super::Output;
use base64::engine::general_purpose::STANDARD as BASE64;
use base64::Engine as _;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, BufRead, Read as _};

/// The longest line of an agent, and room to see that one is longer.
pub(super) const LINE: u64 = 256;
/// The longest line of encoded output, as base64 prints it.
const ENCODED: usize = 76;
/// The longest output of a script, encoded.
const OUTPUT: usize = 64 << 20;

/// A token that nothing in the machine can know before it is sent.
pub(super) fn token() -> String {
    // Each state is seeded with random bytes of the system.
    format!("{:016x}", RandomState::new().hash_one(0))
}

/// What arrives is no answer of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbled(pub String);

/// The next line of an agent; `None` at the end. A line that is longer than an agent's is cut, so
/// that it is no answer.
pub fn line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    from.take(LINE).read_until(b'\n', &mut bytes)?;
    match bytes.is_empty() {
        true => Ok(None),
        false => {
            Ok(Some(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned()))
        }
    }
}

/// Whether a line confirms a part of a script.
pub fn confirms(line: &str, token: &str) -> Result<(), Garbled> {
    match line.strip_prefix("ok ") {
        Some(rest) if rest == token => Ok(()),
        _ => Err(garbled(line)),
    }
}

/// The answer to a script, as it arrives.
#[derive(Debug)]
pub struct Answer {
    token: String,
    encoded: String,
}

impl Answer {
    /// The answer to the command with this token.
    pub fn to(token: &str) -> Answer {
        Answer { token: token.to_owned(), encoded: String::new() }
    }

    /// Takes a line. The last one completes the answer.
    pub fn take(&mut self, line: &str) -> Result<Option<Output>, Garbled> {
        let Some(rest) = line.strip_prefix(". ") else {
            if line.len() > ENCODED {
                return Err(garbled(line));
            }
            if self.encoded.len() + line.len() > OUTPUT {
                return Err(Garbled("more output than a script may have".to_owned()));
            }
            self.encoded.push_str(line);
            return Ok(None);
        };
        let status = match rest.split_once(' ') {
            Some((token, status)) if token == self.token => number(status),
            _ => None,
        };
        let bytes = BASE64.decode(&self.encoded).ok();
        let (Some(status), Some(bytes)) = (status, bytes) else { return Err(garbled(line)) };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Some(Output { text, status: status.into() }))
    }
}

/// An exit status as the shell prints it, without a sign or leading zeros.
fn number(text: &str) -> Option<u8> {
    text.parse().ok().filter(|number: &u8| number.to_string() == text)
}

fn garbled(line: &str) -> Garbled {
    Garbled(line.escape_default().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(lines: &[&str]) -> Result<Option<Output>, Garbled> {
        let mut answer = Answer::to("7f");
        lines.iter().try_fold(None, |_, line| answer.take(line))
    }

    #[test]
    fn an_answer_is_the_output_and_the_status() {
        let output = Output { text: "hello\n".to_owned(), status: 3 };
        assert_eq!(answer(&["aGVs", "bG8K", ". 7f 3"]), Ok(Some(output)));
        assert_eq!(answer(&[". 7f 0"]), Ok(Some(Output { text: String::new(), status: 0 })));
        assert_eq!(answer(&["aGVsbG8K"]), Ok(None));
        assert_eq!(confirms("ok 7f", "7f"), Ok(()));
    }

    #[test]
    fn what_the_agent_does_not_say_is_no_answer() {
        let forged: [&[&str]; 10] = [
            &[". 0"],
            &[". 7e 0"],
            &[". 7f"],
            &[". 7f 256"],
            &[". 7f +3"],
            &[". 7f 03"],
            &[". 7f 0 0"],
            &["ok 7f", ". 7f 0"],
            &["aGVsbG8", ". 7f 0"],
            &["ready", "aGVsbG8K", ". 7f 0"],
        ];
        for lines in forged {
            assert!(answer(lines).is_err(), "{lines:?}");
        }
        for line in ["ok", "ok 7e", "ok 7f 7f", "7f", ""] {
            assert!(confirms(line, "7f").is_err(), "{line:?}");
        }
    }

    #[test]
    fn a_line_without_an_end_and_output_without_an_end_are_cut() {
        let mut endless = io::repeat(b'a').take(1 << 20);
        let mut endless = io::BufReader::new(&mut endless);
        let first = line(&mut endless).ok().flatten().unwrap_or_default();
        assert_eq!(first.len() as u64, LINE);
        assert!(answer(&[&first]).is_err());
        let mut answer = Answer::to("7f");
        let taken = (0..).map_while(|_| answer.take(&first[..ENCODED]).ok()).count();
        assert_eq!(taken, OUTPUT / ENCODED);
    }

    #[test]
    fn two_tokens_differ() {
        assert_ne!(token(), token());
        assert_eq!(token().len(), 16);
    }
}
