//! Items for some kernels: those for others leave no trace.
#[cfg(kps_kernel)]
::kernel::prelude::module! {
    type : alternatives::livepatch::Module, name : "alternatives", description :
    "Alternatives.", license : "GPL",
}
#[cfg(kps_kernel)]
#[allow(missing_docs, unreachable_pub, unknown_lints, dangerous_implicit_autorefs)]
mod alternatives {
    use ::kps;
    mod types {
        //! What the patch uses of the kernel, as its BTF says it.
        #![allow(
            non_camel_case_types,
            non_upper_case_globals,
            improper_ctypes,
            missing_docs,
            dead_code
        )]
        use ::core::ffi::*;
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct klp_patch {
            pub r#mod: *mut module,
            pub objs: *mut klp_object,
            pub states: *mut c_void,
            pub replace: bool,
            pub _pad4: [u8; 175],
        }
        impl klp_patch {
            /// All members zero, as C leaves those that an initialiser does not mention.
            pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < klp_patch > () == 200);
            ::core::assert!(::core::mem::align_of:: < klp_patch > () == 8);
            ::core::assert!(::core::mem::offset_of!(klp_patch, r#mod) == 0);
            ::core::assert!(::core::mem::offset_of!(klp_patch, objs) == 8);
            ::core::assert!(::core::mem::offset_of!(klp_patch, states) == 16);
            ::core::assert!(::core::mem::offset_of!(klp_patch, replace) == 24);
        };
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct module {
            pub _pad0: [u8; 64],
            pub _align: [u64; 0],
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < module > () == 64);
            ::core::assert!(::core::mem::align_of:: < module > () == 8);
        };
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct klp_object {
            pub name: *const c_char,
            pub funcs: *mut klp_func,
            pub callbacks: klp_callbacks,
            pub _pad3: [u8; 112],
        }
        impl klp_object {
            /// All members zero, as C leaves those that an initialiser does not mention.
            pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < klp_object > () == 168);
            ::core::assert!(::core::mem::align_of:: < klp_object > () == 8);
            ::core::assert!(::core::mem::offset_of!(klp_object, name) == 0);
            ::core::assert!(::core::mem::offset_of!(klp_object, funcs) == 8);
            ::core::assert!(::core::mem::offset_of!(klp_object, callbacks) == 16);
        };
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct klp_func {
            pub old_name: *const c_char,
            pub new_func: *mut c_void,
            pub old_sympos: c_ulong,
            pub _pad3: [u8; 128],
        }
        impl klp_func {
            /// All members zero, as C leaves those that an initialiser does not mention.
            pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < klp_func > () == 152);
            ::core::assert!(::core::mem::align_of:: < klp_func > () == 8);
            ::core::assert!(::core::mem::offset_of!(klp_func, old_name) == 0);
            ::core::assert!(::core::mem::offset_of!(klp_func, new_func) == 8);
            ::core::assert!(::core::mem::offset_of!(klp_func, old_sympos) == 16);
        };
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct klp_callbacks {
            pub pre_patch: ::core::option::Option<
                unsafe extern "C" fn(*mut klp_object) -> c_int,
            >,
            pub post_patch: ::core::option::Option<
                unsafe extern "C" fn(*mut klp_object),
            >,
            pub pre_unpatch: ::core::option::Option<
                unsafe extern "C" fn(*mut klp_object),
            >,
            pub post_unpatch: ::core::option::Option<
                unsafe extern "C" fn(*mut klp_object),
            >,
            pub _pad4: [u8; 8],
        }
        impl klp_callbacks {
            /// All members zero, as C leaves those that an initialiser does not mention.
            pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < klp_callbacks > () == 40);
            ::core::assert!(::core::mem::align_of:: < klp_callbacks > () == 8);
            ::core::assert!(::core::mem::offset_of!(klp_callbacks, pre_patch) == 0);
            ::core::assert!(::core::mem::offset_of!(klp_callbacks, post_patch) == 8);
            ::core::assert!(::core::mem::offset_of!(klp_callbacks, pre_unpatch) == 16);
            ::core::assert!(::core::mem::offset_of!(klp_callbacks, post_unpatch) == 24);
        };
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct seq_file {
            pub _pad0: [u8; 48],
            pub _align: [u64; 0],
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < seq_file > () == 48);
            ::core::assert!(::core::mem::align_of:: < seq_file > () == 8);
        };
        extern "C" {
            pub fn seq_printf(m: *mut seq_file, f: *const c_char, ...);
        }
    }
    #[allow(unused_imports)]
    use self::{kps::prelude::*, types::*};
    /// What `module!` has no key for. The first entry makes the module a livepatch.
    const _: () = {
        #[link_section = ".modinfo"]
        #[used]
        static LIVEPATCH: [::core::primitive::u8; 12] = *b"livepatch=Y\0";
    };
    const MARK: &CStr = c"newer\n";
    /// What changes in vmlinux.
    #[allow(
        unused_assignments,
        unused_imports,
        unused_mut,
        unused_unsafe,
        unused_variables,
        unreachable_code,
        clippy::all
    )]
    mod kps_in_vmlinux {
        use super::*;
        use super::types::seq_file;
        use ::core::ffi::{c_int, c_void};
        extern "C" {
            /// What ftrace sends callers to.
            pub(super) fn livepatch_cmdline_proc_show();
            /// The old function, for its address alone.
            #[allow(clashing_extern_declarations)]
            #[link_name = "kps.sym.vmlinux.cmdline_proc_show,0"]
            pub(super) fn kps_old_cmdline_proc_show();
            /// The old function, entered behind its ftrace site.
            fn kps_orig_cmdline_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int;
        }
        super::kps::shim::entry!("cmdline_proc_show", stack_words = 0);
        super::kps::shim::original!(
            "cmdline_proc_show", old = "kps.sym.vmlinux.cmdline_proc_show,0", skip = 9
        );
        /// Runs `cmdline_proc_show` and then the hook.
        #[no_mangle]
        unsafe extern "C" fn kps_body_cmdline_proc_show(
            mut m: *mut seq_file,
            mut v: *mut c_void,
        ) -> c_int {
            let mut ret = unsafe { kps_orig_cmdline_proc_show(m, v) };
            unsafe {
                seq_printf(m, MARK.as_ptr());
            }
            ret
        }
    }
    /// The tables that the kernel is given, and the moment when it is.
    #[allow(non_upper_case_globals, unused_imports)]
    pub(crate) mod livepatch {
        use super::kps::errno::EINVAL;
        use super::kps::guard::{self, Entry, Mismatch};
        use super::kps::message;
        use super::kps::note::Note;
        use super::types::{klp_callbacks, klp_func, klp_object, klp_patch};
        use super::kps_in_vmlinux;
        use ::core::ffi::{c_int, c_void};
        use ::core::option::Option::{None, Some};
        use ::core::primitive::{bool, u8};
        use ::core::ptr::null;
        use ::core::result::Result::{Err, Ok};
        static mut FUNCS_vmlinux: [klp_func; 2] = [
            klp_func {
                old_name: c"cmdline_proc_show".as_ptr(),
                new_func: kps_in_vmlinux::livepatch_cmdline_proc_show as *mut c_void,
                ..klp_func::ZERO
            },
            klp_func::ZERO,
        ];
        static mut OBJECTS: [klp_object; 2] = [
            klp_object {
                name: null(),
                funcs: ::core::ptr::addr_of_mut!(FUNCS_vmlinux).cast(),
                ..klp_object::ZERO
            },
            klp_object::ZERO,
        ];
        static mut PATCH: klp_patch = klp_patch {
            objs: ::core::ptr::addr_of_mut!(OBJECTS).cast(),
            ..klp_patch::ZERO
        };
        /// The build-id of the target kernel.
        static BUILD_ID: [u8; 20] = [
            0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d,
            0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14,
        ];
        /// How the patched functions start there.
        static ENTRIES: [Entry; 1] = [
            Entry {
                name: "cmdline_proc_show",
                function: kps_in_vmlinux::kps_old_cmdline_proc_show as *const u8,
                landing_pad: true,
            },
        ];
        #[link_section = ".note.kps"]
        #[used]
        static NOTE: Note<184> = Note::new(
            *b"\
            patch=alternatives\n\
            kernel=7.3.4-fixture\n\
            build-id=0102030405060708090a0b0c0d0e0f1011121314\n\
            source-sha256=0000000000000000000000000000000000000000000000000000000000000000\n\
            made-by=a test\n",
        );
        extern "C" {
            fn klp_enable_patch(patch: *mut klp_patch) -> c_int;
            #[link_name = "kps.sym.vmlinux.__start_notes,0"]
            static kps_start_notes: u8;
            #[link_name = "kps.sym.vmlinux.__stop_notes,0"]
            static kps_stop_notes: u8;
        }
        pub(crate) struct Module;
        impl ::kernel::Module for Module {
            fn init(
                module: &'static ::kernel::ThisModule,
            ) -> ::kernel::error::Result<Self> {
                let same = unsafe {
                    let notes = (
                        ::core::ptr::addr_of!(kps_start_notes),
                        ::core::ptr::addr_of!(kps_stop_notes),
                    );
                    guard::check(&BUILD_ID, notes, &ENTRIES)
                };
                match same {
                    Ok(()) => {}
                    Err(Mismatch::BuildId) => {
                        unsafe {
                            message::error(
                                c"\u{1}3alternatives: refused: this kernel is not 7.3.4-fixture with build-id 0102030405060708090a0b0c0d0e0f1011121314\n",
                            )
                        };
                        return Err(::kernel::error::code::ENOEXEC);
                    }
                    Err(Mismatch::Entry(function)) => {
                        unsafe {
                            message::error_about(
                                c"\u{1}3alternatives: refused: %.*s does not start as in 7.3.4-fixture\n",
                                function,
                            )
                        };
                        return Err(::kernel::error::code::ENOEXEC);
                    }
                }
                let status = unsafe {
                    let patch = ::core::ptr::addr_of_mut!(PATCH);
                    (*patch).r#mod = module.as_ptr().cast();
                    klp_enable_patch(patch)
                };
                let status = if status > 0 { -EINVAL } else { status };
                ::kernel::error::to_result(status)?;
                Ok(Module)
            }
        }
    }
}
#[cfg(not(kps_kernel))]
const _: () = {
    #[allow(dead_code)]
    fn depends() {
        let _ = ::core::include_bytes!("in_c.c");
        let _ = ::core::option_env!("KPS_FACTS");
    }
};
#[cfg(not(kps_kernel))]
#[allow(dead_code)]
const ONE_LIVEPATCH_AT_THE_ROOT_OF_THE_CRATE: () = {
    let path = ::core::module_path!().as_bytes();
    let mut n = 0;
    while n < path.len() {
        if path[n] == b':' {
            ::core::panic!(
                "`#[livepatch]` belongs at the root of the crate, src/lib.rs: the kernel's `module!` works only there"
            );
        }
        n += 1;
    }
};
#[cfg(not(kps_kernel))]
#[allow(
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_code,
    unreachable_pub,
    unused,
    clippy::all,
    clippy::nursery,
    clippy::pedantic,
    clippy::restriction
)]
mod alternatives {
    use ::kps;
    mod types {
        //! What the patch uses of the kernel, as its BTF says it.
        #![allow(
            non_camel_case_types,
            non_upper_case_globals,
            improper_ctypes,
            missing_docs,
            dead_code
        )]
        use ::core::ffi::*;
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct klp_patch {
            pub r#mod: *mut module,
            pub objs: *mut klp_object,
            pub states: *mut c_void,
            pub replace: bool,
            pub _pad4: [u8; 175],
        }
        impl klp_patch {
            /// All members zero, as C leaves those that an initialiser does not mention.
            /// SAFETY: zero is a value of every C type that a kernel struct is made of.
            pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < klp_patch > () == 200);
            ::core::assert!(::core::mem::align_of:: < klp_patch > () == 8);
            ::core::assert!(::core::mem::offset_of!(klp_patch, r#mod) == 0);
            ::core::assert!(::core::mem::offset_of!(klp_patch, objs) == 8);
            ::core::assert!(::core::mem::offset_of!(klp_patch, states) == 16);
            ::core::assert!(::core::mem::offset_of!(klp_patch, replace) == 24);
        };
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct module {
            pub _pad0: [u8; 64],
            pub _align: [u64; 0],
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < module > () == 64);
            ::core::assert!(::core::mem::align_of:: < module > () == 8);
        };
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct klp_object {
            pub name: *const c_char,
            pub funcs: *mut klp_func,
            pub callbacks: klp_callbacks,
            pub _pad3: [u8; 112],
        }
        impl klp_object {
            /// All members zero, as C leaves those that an initialiser does not mention.
            /// SAFETY: zero is a value of every C type that a kernel struct is made of.
            pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < klp_object > () == 168);
            ::core::assert!(::core::mem::align_of:: < klp_object > () == 8);
            ::core::assert!(::core::mem::offset_of!(klp_object, name) == 0);
            ::core::assert!(::core::mem::offset_of!(klp_object, funcs) == 8);
            ::core::assert!(::core::mem::offset_of!(klp_object, callbacks) == 16);
        };
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct klp_func {
            pub old_name: *const c_char,
            pub new_func: *mut c_void,
            pub old_sympos: c_ulong,
            pub _pad3: [u8; 128],
        }
        impl klp_func {
            /// All members zero, as C leaves those that an initialiser does not mention.
            /// SAFETY: zero is a value of every C type that a kernel struct is made of.
            pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < klp_func > () == 152);
            ::core::assert!(::core::mem::align_of:: < klp_func > () == 8);
            ::core::assert!(::core::mem::offset_of!(klp_func, old_name) == 0);
            ::core::assert!(::core::mem::offset_of!(klp_func, new_func) == 8);
            ::core::assert!(::core::mem::offset_of!(klp_func, old_sympos) == 16);
        };
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct klp_callbacks {
            pub pre_patch: ::core::option::Option<
                unsafe extern "C" fn(*mut klp_object) -> c_int,
            >,
            pub post_patch: ::core::option::Option<
                unsafe extern "C" fn(*mut klp_object),
            >,
            pub pre_unpatch: ::core::option::Option<
                unsafe extern "C" fn(*mut klp_object),
            >,
            pub post_unpatch: ::core::option::Option<
                unsafe extern "C" fn(*mut klp_object),
            >,
            pub _pad4: [u8; 8],
        }
        impl klp_callbacks {
            /// All members zero, as C leaves those that an initialiser does not mention.
            /// SAFETY: zero is a value of every C type that a kernel struct is made of.
            pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < klp_callbacks > () == 40);
            ::core::assert!(::core::mem::align_of:: < klp_callbacks > () == 8);
            ::core::assert!(::core::mem::offset_of!(klp_callbacks, pre_patch) == 0);
            ::core::assert!(::core::mem::offset_of!(klp_callbacks, post_patch) == 8);
            ::core::assert!(::core::mem::offset_of!(klp_callbacks, pre_unpatch) == 16);
            ::core::assert!(::core::mem::offset_of!(klp_callbacks, post_unpatch) == 24);
        };
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct seq_file {
            pub _pad0: [u8; 48],
            pub _align: [u64; 0],
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < seq_file > () == 48);
            ::core::assert!(::core::mem::align_of:: < seq_file > () == 8);
        };
        extern "C" {
            pub fn seq_printf(m: *mut seq_file, f: *const c_char, ...);
        }
    }
    use self::{kps::prelude::*, types::*};
    const MARK: &CStr = c"newer\n";
    extern "C" {}
    extern "C" {}
    mod kps_in_vmlinux {
        use super::*;
        unsafe extern "C" fn kps_post_0(
            mut m: *mut seq_file,
            mut v: *mut c_void,
        ) -> c_int {
            let mut ret = super::kps::frame::unread();
            unsafe {
                {
                    seq_printf(m, MARK.as_ptr());
                }
                ret
            }
        }
    }
}
