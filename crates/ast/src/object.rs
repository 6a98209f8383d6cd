// SPDX-License-Identifier: GPL-2.0
//! The objects of a patch: what it changes in the kernel image or in a module, and what it uses.

use crate::{Body, Callback, Code, Conditions, Hook, Name, Prototype, Span, Symbol, Text};

/// `object NAME { .. }`.
#[derive(Debug, Clone)]
pub struct Object {
    /// `vmlinux` or a module.
    pub name: Name,
    /// `from "FILE.ko"`, for a module that did not come with the kernel.
    pub from: Option<Text>,
    /// `when ..`
    pub when: Conditions,
    /// `fn NAME { .. }`
    pub funcs: Vec<Func>,
    /// `use fn NAME(..);`
    pub use_fns: Vec<UseFn>,
    /// `use static NAME: TYPE;`
    pub use_statics: Vec<UseStatic>,
    /// `use percpu NAME: TYPE;`
    pub use_percpus: Vec<UsePerCpu>,
    /// `pre_patch { .. }` and the others.
    pub callbacks: Vec<CallbackBody>,
}

impl Object {
    /// An object without changes.
    pub fn new(name: Name, from: Option<Text>) -> Object {
        Object {
            name,
            from,
            when: Conditions::new(),
            funcs: Vec::new(),
            use_fns: Vec::new(),
            use_statics: Vec::new(),
            use_percpus: Vec::new(),
            callbacks: Vec::new(),
        }
    }

    /// The symbols in its `use` lines.
    pub fn used_symbols(&self) -> impl Iterator<Item = &Symbol> {
        let functions = self.use_fns.iter().map(|item| &item.symbol);
        let statics = self.use_statics.iter().map(|item| &item.symbol);
        functions.chain(statics).chain(self.use_percpus.iter().map(|item| &item.symbol))
    }
}

/// A changed function.
#[derive(Debug, Clone)]
pub struct Func {
    /// Its symbol.
    pub symbol: Symbol,
    /// The prototype, if the author gave one.
    pub prototype: Option<Prototype>,
    /// `when ..`
    pub when: Conditions,
    /// `replace { .. }`
    pub replace: Option<Body>,
    /// `replace c "FILE";`
    pub replace_c: Option<Text>,
    /// `replace from "FILE";`
    pub replace_from: Option<Text>,
    /// `pre { .. }`
    pub pre: Option<Body>,
    /// `post { .. }`
    pub post: Option<Body>,
    /// `arguments "..";`: where the prototype of a clone comes from.
    pub arguments: Option<Text>,
}

impl Func {
    /// A function without hooks.
    pub fn new(symbol: Symbol, prototype: Option<Prototype>) -> Func {
        Func {
            symbol,
            prototype,
            when: Conditions::new(),
            replace: None,
            replace_c: None,
            replace_from: None,
            pre: None,
            post: None,
            arguments: None,
        }
    }

    /// The body of a hook.
    pub fn hook(&self, hook: Hook) -> Option<Body> {
        match hook {
            Hook::Replace => self.replace,
            Hook::Pre => self.pre,
            Hook::Post => self.post,
        }
    }

    /// The slot of a hook's body.
    pub fn hook_mut(&mut self, hook: Hook) -> &mut Option<Body> {
        match hook {
            Hook::Replace => &mut self.replace,
            Hook::Pre => &mut self.pre,
            Hook::Post => &mut self.post,
        }
    }
}

/// `use fn NAME(..) -> T;`.
#[derive(Debug, Clone)]
pub struct UseFn {
    /// Its symbol.
    pub symbol: Symbol,
    /// The prototype, if the author gave one.
    pub prototype: Option<Prototype>,
    /// `when ..`
    pub when: Conditions,
}

/// `use static NAME;` or `use static NAME: TYPE;`.
#[derive(Debug, Clone)]
pub struct UseStatic {
    /// Its symbol.
    pub symbol: Symbol,
    /// Its Rust type, if the author gave one. Only Rust needs it; BTF has that of few variables.
    pub ty: Option<Code>,
    /// `when ..`
    pub when: Conditions,
}

/// `use percpu NAME;` or `use percpu NAME: TYPE;`.
#[derive(Debug, Clone)]
pub struct UsePerCpu {
    /// Its symbol.
    pub symbol: Symbol,
    /// The Rust type of each CPU's variable, if the author gave one.
    pub ty: Option<Code>,
    /// `when ..`
    pub when: Conditions,
}

/// `pre_patch { .. }` and the like.
#[derive(Debug, Clone, Copy)]
pub struct CallbackBody {
    /// Which callback.
    pub callback: Callback,
    /// The keyword.
    pub word: Span,
    /// The text between the braces.
    pub code: Code,
}
