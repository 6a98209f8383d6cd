// SPDX-License-Identifier: GPL-2.0
//! The verbs that manage the livepatches of a machine. The program `kpsctl` has these, for servers,
//! and `kpsc` has them too.

mod answer;
mod context;
mod installed;
mod livepatch;
mod loading;
mod program;
mod progress;
mod prometheus;
mod requests;
mod text;
mod verbs;

pub use program::{command, main};
pub use verbs::{TimeoutArgs, Verb};
