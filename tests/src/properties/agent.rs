// SPDX-License-Identifier: GPL-2.0
//! What a virtual machine sends to the host.

use base64::engine::general_purpose::STANDARD as BASE64;
use base64::Engine as _;
use kps_vm::agent::{confirms, line, Answer};
use kps_vm::complaint;

/// The token of the commands, which seeds can hold as they are made for it.
const TOKEN: &str = "00c0ffee00c0ffee";
/// More bytes than a line of an agent has, each of which may become a replacement character.
const LINE: usize = 256 * 3;

/// An answer is what an agent sends that has read its command, line by line, and nothing else is
/// one; no line is longer than an agent's. A complaint is a line of the log, shown with those around
/// it.
pub fn agent(bytes: &[u8]) {
    let mut reader = bytes;
    let (mut answer, mut taken) = (Answer::to(TOKEN), String::new());
    while let Ok(Some(line)) = line(&mut reader) {
        assert!(line.len() <= LINE && !line.contains('\n'), "{line:?}");
        assert_eq!(confirms(&line, TOKEN).is_ok(), line == format!("ok {TOKEN}"));
        match answer.take(&line) {
            Ok(None) => taken.push_str(&line),
            Ok(Some(output)) => {
                assert_eq!(line, format!(". {TOKEN} {}", output.status));
                assert!((0..256).contains(&output.status));
                let sent = BASE64.decode(&taken).map(|sent| String::from_utf8_lossy(&sent).into());
                assert_eq!(sent, Ok(output.text));
                (answer, taken) = (Answer::to(TOKEN), String::new());
            }
            // The conversation ends.
            Err(_) => break,
        }
    }
    // As the console keeps it.
    let log = String::from_utf8_lossy(bytes).replace('\r', "");
    if let Some(kps_vm::VmError::Complaint { line, log: around }) = complaint(&log) {
        assert!(log.lines().any(|of_log| of_log == line) && around.lines().any(|of| of == line));
        assert!(around.lines().count() <= 65);
    }
}
