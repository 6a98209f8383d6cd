// SPDX-License-Identifier: GPL-2.0
//! The private key that a user names. A token is asked by one program at a time, and never again
//! after it has refused: a smart card locks itself after a few wrong PINs, and several modules
//! would bring it there in one run.

use super::uri::{self, Uri};
use kps_diag::{Diagnostic, CANNOT_SIGN};
use kps_host::input;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A private key.
pub struct Key(pub(super) Place);

/// Where a private key is.
pub(super) enum Place {
    /// In a file, whose contents these are.
    File(Vec<u8>),
    /// In a token.
    Token(InToken),
}

/// A key in a token.
pub(super) struct InToken {
    pub(super) uri: Uri,
    has_refused: Mutex<bool>,
}

impl Key {
    /// The key that a user names, by a path or a URI.
    pub fn named(name: &str) -> Result<Key, Diagnostic> {
        Ok(Key(match name.starts_with(uri::SCHEME) {
            true => {
                Place::Token(InToken { uri: Uri::parse(name)?, has_refused: Mutex::new(false) })
            }
            false => Place::File(input::read(Path::new(name), input::KEY)?),
        }))
    }
}

/// What is printed for debugging ends up in logs, so the key and its PIN are not in it.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Place::File(_) => "Key(File)",
            Place::Token(_) => "Key(Token)",
        })
    }
}

impl InToken {
    /// Asks the token, unless it has refused before. `is_refusal` tells of a result whether the
    /// token may have counted it.
    pub(super) fn ask<T>(
        &self,
        ask: impl FnOnce(&Uri) -> Result<T, Diagnostic>,
        is_refusal: impl FnOnce(&T) -> bool,
    ) -> Result<T, Diagnostic> {
        let mut has_refused = self.has_refused.lock().unwrap_or_else(PoisonError::into_inner);
        if *has_refused {
            let message = "the token has refused another module, and was not asked again";
            return Err(Diagnostic::new(CANNOT_SIGN, message)
                .note("a token may lock itself after a few wrong PINs")
                .help("see what it says about the other module, and sign this one then"));
        }
        let result = ask(&self.uri)?;
        *has_refused = is_refusal(&result);
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_asked_again_after_it_has_refused() -> Result<(), Diagnostic> {
        let Key(Place::Token(token)) = Key::named("pkcs11:token=a;object=b")? else {
            return Err(Diagnostic::new(CANNOT_SIGN, "it is a token"));
        };
        let mut asked = Vec::new();
        let mut ask = |answer: bool| {
            let ask = |_: &Uri| {
                asked.push(answer);
                Ok(answer)
            };
            token.ask(ask, |answer| !answer).map_err(|error| error.code)
        };
        assert_eq!([true, true, false].map(&mut ask), [Ok(true), Ok(true), Ok(false)]);
        assert_eq!([true, false].map(&mut ask), [Err(CANNOT_SIGN), Err(CANNOT_SIGN)]);
        assert_eq!(asked, [true, true, false]);
        Ok(())
    }

    #[test]
    fn a_key_is_not_printed_for_debugging() -> Result<(), Diagnostic> {
        assert_eq!(format!("{:?}", Key(Place::File(b"secret".to_vec()))), "Key(File)");
        let token = Key::named("pkcs11:token=a?pin-value=1234")?;
        assert_eq!(format!("{token:?}"), "Key(Token)");
        Ok(())
    }
}
