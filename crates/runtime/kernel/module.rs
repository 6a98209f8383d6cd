// SPDX-License-Identifier: GPL-2.0
//! The module as its loader sees it: `module!`, and the type that it makes.

use crate::error::Result;
use core::ffi::c_void;

/// The `struct module` of this module.
pub struct ThisModule(*mut c_void);

// SAFETY: the pointer is a number here; whoever uses it obeys the kernel's rules.
unsafe impl Sync for ThisModule {}

impl ThisModule {
    /// The `struct module` at an address.
    ///
    /// # Safety
    ///
    /// It is that of this module.
    pub const unsafe fn from_ptr(module: *mut c_void) -> Self {
        ThisModule(module)
    }

    /// Its address.
    pub const fn as_ptr(&self) -> *mut c_void {
        self.0
    }
}

/// What runs when the module is loaded; its `Drop` runs when it is removed.
pub trait Module: Sized + Sync + Send {
    /// Runs when the module is loaded. An error refuses it.
    fn init(module: &'static ThisModule) -> Result<Self>;
}

/// An entry of `.modinfo`: `KEY=VALUE` and a NUL.
#[doc(hidden)]
pub const fn modinfo<const N: usize>(key: &str, value: &str) -> [u8; N] {
    let (key, value, mut entry, mut n) = (key.as_bytes(), value.as_bytes(), [0; N], 0);
    while n < key.len() {
        entry[n] = key[n];
        n += 1;
    }
    entry[n] = b'=';
    while n - key.len() < value.len() {
        entry[n + 1] = value[n - key.len()];
        n += 1;
    }
    entry
}

/// `module!` with the keys that generated code writes, in its order.
#[macro_export]
macro_rules! module {
    (
        type: $($module:ident)::+,
        name: $name:literal,
        $(author: $author:literal,)?
        $(authors: [$($authors:literal),* $(,)?],)?
        $(description: $description:literal,)?
        license: $license:literal,
        $(imports_ns: [$($namespace:literal),* $(,)?],)?
    ) => {
        #[doc(hidden)]
        pub(crate) const __MODULE_NAME: &::core::primitive::str = $name;

        // Named as in the real crate.
        #[doc(hidden)]
        mod __module_init {
            use ::core::ffi::{c_int, c_void};

            $crate::module!(@info "license", $license);
            $($crate::module!(@info "description", $description);)?
            $($crate::module!(@info "author", $author);)?
            $($($crate::module!(@info "author", $authors);)*)?
            $($($crate::module!(@info "import_ns", $namespace);)*)?

            extern "C" {
                static mut __this_module: [u8; 0];
            }
            // SAFETY: modpost defines it for this module.
            static THIS_MODULE: $crate::ThisModule = unsafe {
                $crate::ThisModule::from_ptr((&raw mut __this_module).cast::<c_void>())
            };
            static mut MODULE: ::core::option::Option<super::$($module)::+> = ::core::option::Option::None;

            #[no_mangle]
            #[link_section = ".init.text"]
            extern "C" fn init_module() -> c_int {
                match <super::$($module)::+ as $crate::Module>::init(&THIS_MODULE) {
                    ::core::result::Result::Ok(module) => {
                        // SAFETY: the kernel calls this once, and `cleanup_module` after it.
                        unsafe { MODULE = ::core::option::Option::Some(module) };
                        0
                    }
                    ::core::result::Result::Err(error) => error.to_errno(),
                }
            }

            #[no_mangle]
            #[link_section = ".exit.text"]
            extern "C" fn cleanup_module() {
                // SAFETY: nothing of the module runs beside it.
                unsafe { MODULE = ::core::option::Option::None };
            }

            // The kernel calls both through pointers in `struct module`, which modpost writes after
            // objtool has run. Without these references objtool lets the kernel overwrite ENDBR.
            #[used]
            #[link_section = ".init.data"]
            static INIT: extern "C" fn() -> c_int = init_module;
            #[used]
            #[link_section = ".exit.data"]
            static EXIT: extern "C" fn() = cleanup_module;
        }
    };
    (@info $key:literal, $value:literal) => {
        const _: () = {
            #[used]
            #[link_section = ".modinfo"]
            static INFO: [u8; $key.len() + $value.len() + 2] = $crate::modinfo($key, $value);
        };
    };
}
