// SPDX-License-Identifier: GPL-2.0
//! The callbacks of an object: `struct klp_callbacks`.

/// A callback, in the order in which the kernel calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Callback {
    /// Runs before the object is patched; a value other than 0 refuses the patch.
    PrePatch,
    /// Runs when every task uses the new functions.
    PostPatch,
    /// Runs before the object is unpatched.
    PreUnpatch,
    /// Runs when no task uses the new functions any more.
    PostUnpatch,
}

impl Callback {
    /// All of them.
    pub const ALL: [Callback; 4] =
        [Callback::PrePatch, Callback::PostPatch, Callback::PreUnpatch, Callback::PostUnpatch];

    /// Its name in `struct klp_callbacks`, in specs and as an attribute.
    pub const fn name(self) -> &'static str {
        match self {
            Callback::PrePatch => "pre_patch",
            Callback::PostPatch => "post_patch",
            Callback::PreUnpatch => "pre_unpatch",
            Callback::PostUnpatch => "post_unpatch",
        }
    }

    /// The callback of this name.
    pub fn of(name: &str) -> Option<Callback> {
        Self::ALL.into_iter().find(|callback| callback.name() == name)
    }

    /// Whether it runs when the object is unpatched. The kernel does not call it when another patch
    /// replaces this one (`Documentation/livepatch/cumulative-patches.rst`).
    pub fn undoes(self) -> bool {
        matches!(self, Callback::PreUnpatch | Callback::PostUnpatch)
    }

    /// Whether it returns a status: whether the object may be patched.
    pub fn returns(self) -> bool {
        self == Callback::PrePatch
    }
}

/// The callbacks that an object has, each with its body.
#[derive(Debug, Clone)]
pub struct Callbacks<B>([Option<B>; 4]);

impl<B> Callbacks<B> {
    /// The callbacks for which `body` returns a body.
    pub fn new(body: impl FnMut(Callback) -> Option<B>) -> Self {
        Callbacks(Callback::ALL.map(body))
    }

    /// The body of a callback.
    pub fn get(&self, callback: Callback) -> Option<&B> {
        self.0[callback as usize].as_ref()
    }

    /// The callbacks that exist.
    pub fn each(&self) -> impl Iterator<Item = (Callback, &B)> {
        Callback::ALL
            .into_iter()
            .zip(&self.0)
            .filter_map(|(callback, body)| Some((callback, body.as_ref()?)))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

impl<B> Default for Callbacks<B> {
    fn default() -> Self {
        Callbacks::new(|_| None)
    }
}
