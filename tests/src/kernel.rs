// SPDX-License-Identifier: GPL-2.0
//! The kernel that a case is about: the default target, unless the case was told to be about
//! another one. Every case runs in a thread of its own, and so does its kernel.
//!
//! [`kpsc`](crate::kpsc), [`target`](crate::target::target), machines and the store of modules ask
//! here, so that one case holds on several kernels.

use kps_targets::Cache;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// A kernel in the place of the default target: the one target of a cache.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// The folder of the cache.
    pub cache: PathBuf,
    /// The name of the target.
    pub name: String,
}

thread_local! {
    static HERE: RefCell<Option<Kernel>> = const { RefCell::new(None) };
}

/// Runs something that is about a kernel, on this thread.
pub fn on<T>(kernel: &Kernel, run: impl FnOnce() -> T) -> T {
    HERE.replace(Some(kernel.clone()));
    let result = run();
    HERE.take();
    result
}

/// Runs something about the default target in a case that is about another kernel.
pub fn on_default<T>(run: impl FnOnce() -> T) -> T {
    let here = HERE.take();
    let result = run();
    HERE.replace(here);
    result
}

/// The folder of the cache of this thread's kernel, if that is not the default target.
pub fn folder() -> Option<PathBuf> {
    HERE.with_borrow(|here| here.as_ref().map(|kernel| kernel.cache.clone()))
}

/// The cache of this thread's kernel.
pub fn cache() -> Cache {
    let cache = match folder() {
        Some(folder) => Ok(Cache::at(Path::new(&folder))),
        None => Cache::open(),
    };
    cache.unwrap_or_else(|error| panic!("{}", error.message))
}
