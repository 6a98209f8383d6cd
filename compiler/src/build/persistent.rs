// SPDX-License-Identifier: GPL-2.0
//! Rewords rustc's errors about the types of states, shadow variables and resources in the
//! language's terms: their bounds and assertions are in the runtime, which the author does not see.

use kps_diag::{
    Code, Diagnostic, PERSISTENT_ALIGNMENT, PERSISTENT_DROP, PERSISTENT_NOT_SYNC,
    PERSISTENT_TOO_LARGE,
};
use kps_grammar::Span;

/// The message about a type, if rustc's error is one of these. `said` is all of rustc's output,
/// `ty` the type.
pub(super) fn about(said: &str, headline: &str, ty: Span) -> Option<Diagnostic> {
    // The assertions of the runtime start with the code of their message.
    let asserted = |code: Code| said.contains(&format!("{}: ", code.id()));
    if asserted(PERSISTENT_DROP) {
        return Some(
            Diagnostic::new(PERSISTENT_DROP, "persistent data cannot have a destructor")
                .at(ty, "this type has a destructor")
                .note("the kernel frees the data, and does not run Rust destructors")
                .help("use a type without one, and clean up in `dtor`"),
        );
    }
    if asserted(PERSISTENT_ALIGNMENT) {
        return Some(
            Diagnostic::new(
                PERSISTENT_ALIGNMENT,
                "persistent data cannot be aligned this strictly",
            )
            .at(ty, "this type is aligned to more than 8 bytes")
            .note("the kernel aligns the data to 8 bytes")
            .help("use a type that is aligned to at most 8 bytes"),
        );
    }
    if asserted(PERSISTENT_TOO_LARGE) {
        return Some(
            Diagnostic::new(PERSISTENT_TOO_LARGE, "persistent data is too large")
                .at(ty, "this type has more than 1024 bytes")
                .note("its initial value is built on the kernel stack, which has 16 KiB in total")
                .help("keep a pointer to memory that a body allocates, and that `dtor` or `release` frees"),
        );
    }
    let bound = ["`Shadow`", "`State`", "`Shadow::<", "`State::<"];
    if !bound.iter().any(|of| said.contains(&format!("required by a bound in {of}"))) {
        return None;
    }
    let error = if said.contains("core::marker::Copy` is not satisfied") {
        Diagnostic::new(PERSISTENT_NOT_SYNC, "the value of a state must be `Copy`")
            .at(ty, "this type is not `Copy`")
            .help("use a `Copy` type, such as integers and arrays, or derive `Clone` and `Copy`")
    } else {
        Diagnostic::new(
            PERSISTENT_NOT_SYNC,
            "tasks share persistent data, and this type cannot be shared",
        )
        .at(ty, "this type is not `Send` and `Sync`")
        .note(format!("rustc says: {headline}"))
        .help("use atomic types, `AtomicU32` or `AtomicPtr<T>`")
    };
    Some(error)
}
