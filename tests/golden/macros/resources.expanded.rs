//! What a patch sets up for itself: `resource`.
#[cfg(kps_kernel)]
::kernel::prelude::module! {
    type : resources::livepatch::Module, name : "resources", description :
    "What a patch sets up for itself.", license : "GPL",
}
#[cfg(kps_kernel)]
#[allow(missing_docs, unreachable_pub, unknown_lints, dangerous_implicit_autorefs)]
mod resources {
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
            pub _pad4: [u8; 23],
            pub kobj: kobject,
            pub _pad6: [u8; 17],
            pub forced: bool,
            pub _pad8: [u8; 70],
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
            ::core::assert!(::core::mem::offset_of!(klp_patch, kobj) == 48);
            ::core::assert!(::core::mem::offset_of!(klp_patch, forced) == 129);
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
        pub struct kobject {
            pub _pad0: [u8; 40],
            pub ktype: *const kobj_type,
            pub _pad2: [u8; 16],
        }
        impl kobject {
            /// All members zero, as C leaves those that an initialiser does not mention.
            pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < kobject > () == 64);
            ::core::assert!(::core::mem::align_of:: < kobject > () == 8);
            ::core::assert!(::core::mem::offset_of!(kobject, ktype) == 40);
        };
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct kobj_type {
            pub release: ::core::option::Option<unsafe extern "C" fn(*mut kobject)>,
            pub _pad1: [u8; 40],
        }
        impl kobj_type {
            /// All members zero, as C leaves those that an initialiser does not mention.
            pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < kobj_type > () == 48);
            ::core::assert!(::core::mem::align_of:: < kobj_type > () == 8);
            ::core::assert!(::core::mem::offset_of!(kobj_type, release) == 0);
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
            pub _pad0: [u8; 16],
            pub count: usize,
            pub _pad2: [u8; 24],
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < seq_file > () == 48);
            ::core::assert!(::core::mem::align_of:: < seq_file > () == 8);
            ::core::assert!(::core::mem::offset_of!(seq_file, count) == 16);
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
    static OPEN: AtomicU32 = AtomicU32::new(0);
    macro_rules! one_less {
        ($count:expr) => {
            $count .fetch_sub(1, Ordering::Relaxed)
        };
    }
    /// The resource `lease`.
    #[allow(
        non_upper_case_globals,
        unused_unsafe,
        unused_variables,
        unreachable_code,
        clippy::all
    )]
    static lease: self::kps::resource::Resource<u32> = self::kps::resource::Resource::new(
        "lease",
        0x9ec8ae49e5610000,
        0x4b9428b06cf3d12b,
        self::kps::resource::never_stays,
        || {
            unsafe {
                if OPEN.fetch_add(1, Ordering::Relaxed) > 0 {
                    return Err(-EBUSY);
                }
                Ok(7)
            }
        },
        |_| {
            unsafe {
                one_less!(OPEN);
            }
        },
        ::core::option::Option::None,
    );
    /// The resource `number`.
    #[allow(
        non_upper_case_globals,
        unused_unsafe,
        unused_variables,
        unreachable_code,
        clippy::all
    )]
    static number: self::kps::resource::Resource<u64> = self::kps::resource::Resource::new(
        "number",
        0xdf5ddbd246250000,
        0x071d274fc840750f,
        self::livepatch::is_forced,
        || { unsafe { Ok(1) } },
        |_| { unsafe {} },
        ::core::option::Option::Some(|earlier| { unsafe { Ok(earlier + 1) } }),
    );
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
                if let Some(n) = number.get() {
                    seq_printf(m, c"number %llu\n".as_ptr(), *n);
                }
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
        use super::kps::persistent::Persistent;
        use super::kps::persistent::Trouble;
        use super::kps::resource;
        use super::types::{kobj_type, kobject};
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
                callbacks: klp_callbacks {
                    pre_patch: Some(data::pre_patch),
                    post_patch: Some(data::post_patch),
                    pre_unpatch: Some(data::pre_unpatch),
                    post_unpatch: Some(data::post_unpatch),
                    ..klp_callbacks::ZERO
                },
                ..klp_object::ZERO
            },
            klp_object::ZERO,
        ];
        static mut PATCH: klp_patch = klp_patch {
            objs: ::core::ptr::addr_of_mut!(OBJECTS).cast(),
            ..klp_patch::ZERO
        };
        /// The states, shadow variables and resources, in the order in which they begin.
        static DATA: [&dyn Persistent; 2] = [&super::lease, &super::number];
        /// The callbacks of the image, which keep what is in `DATA`.
        mod data {
            use super::super::kps::persistent::{self, Refusal};
            use super::super::types::klp_object;
            use super::*;
            pub(super) unsafe extern "C" fn pre_patch(_obj: *mut klp_object) -> c_int {
                unsafe { watch() };
                if let Err(refusal) = unsafe { persistent::acquire(&DATA) } {
                    return refused(refusal);
                }
                match unsafe {
                    persistent::begin(&DATA, (*::core::ptr::addr_of!(PATCH)).replace)
                } {
                    Ok(()) => 0,
                    Err(refusal) => refused(refusal),
                }
            }
            /// Logs why the patch is refused, and returns the error number.
            fn refused(refusal: Refusal) -> c_int {
                match refusal {
                    Refusal::OtherType(name) => {
                        unsafe {
                            message::error_about(
                                c"\u{1}3resources: refused: `%.*s` is there with another name or type\n",
                                name,
                            )
                        };
                    }
                    Refusal::Held(name) => {
                        unsafe {
                            message::error_about(
                                c"\u{1}3resources: refused: a patch that this one does not replace has the resource `%.*s`\n",
                                name,
                            )
                        };
                    }
                    Refusal::NotAcquired(name, errno) => {
                        unsafe {
                            message::error_with(
                                c"\u{1}3resources: refused: the resource `%.*s` cannot be acquired, error %d\n",
                                name,
                                errno,
                            )
                        };
                    }
                    Refusal::NoMemory => {}
                }
                refusal.errno()
            }
            pub(super) unsafe extern "C" fn post_patch(_obj: *mut klp_object) {
                unsafe {
                    let (replace, forced) = (
                        (*::core::ptr::addr_of!(PATCH)).replace,
                        (*::core::ptr::addr_of!(PATCH)).forced,
                    );
                    persistent::commit(&DATA, replace, forced, report);
                }
            }
            pub(super) unsafe extern "C" fn pre_unpatch(_obj: *mut klp_object) {
                unsafe { persistent::withdraw(&DATA) };
            }
            pub(super) unsafe extern "C" fn post_unpatch(_obj: *mut klp_object) {
                unsafe {
                    persistent::release(
                        &DATA,
                        (*::core::ptr::addr_of!(PATCH)).forced,
                        report,
                    )
                };
            }
        }
        /// The resources, which must be gone when the patch is.
        static RESOURCES: [&dyn Persistent; 2] = [&super::lease, &super::number];
        /// The type of the patch's kobject: the kernel's, with another release.
        static mut TYPE: kobj_type = kobj_type::ZERO;
        /// The kernel's own type of it.
        static mut TYPE_OF_THE_KERNEL: *const kobj_type = null();
        /// Makes the kernel call `gone` on every end of the patch. It calls no callback when
        /// another patch replaces this one, but it releases the kobject then too
        /// (`klp_free_patch_finish()` in `kernel/livepatch/core.c`), and waits for that before it
        /// lets the module go. The kobject is internal to the kernel. Without it the exit of the
        /// module would release what is left, later.
        unsafe fn watch() {
            unsafe {
                let kobject = ::core::ptr::addr_of_mut!(PATCH.kobj);
                TYPE_OF_THE_KERNEL = (*kobject).ktype;
                TYPE = *TYPE_OF_THE_KERNEL;
                TYPE.release = Some(gone);
                (*kobject).ktype = ::core::ptr::addr_of!(TYPE);
            }
        }
        unsafe extern "C" fn gone(kobject: *mut kobject) {
            unsafe {
                resource::end(
                    ::core::ptr::addr_of_mut!(kps_klp_mutex).cast(),
                    &RESOURCES,
                    report,
                );
                if let Some(release) = (*TYPE_OF_THE_KERNEL).release {
                    release(kobject);
                }
            }
        }
        fn report(trouble: Trouble) {
            match trouble {
                Trouble::Missing(name, errno) => {
                    unsafe {
                        message::error_with(
                            c"\u{1}3resources: the resource `%.*s` could not be taken over, error %d: the patch runs without it\n",
                            name,
                            errno,
                        )
                    };
                }
                Trouble::Stays(name) => {
                    unsafe {
                        message::error_about(
                            c"\u{1}3resources: the resource `%.*s` stays: the transition was forced, and some task may use it\n",
                            name,
                        )
                    };
                }
            }
        }
        /// Whether the kernel was forced to end the patch although tasks may run its code.
        pub(super) extern "C" fn is_forced() -> bool {
            unsafe { (*::core::ptr::addr_of!(PATCH)).forced }
        }
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
        static NOTE: Note<226> = Note::new(
            *b"\
            patch=resources\n\
            family=golden\n\
            resource=lease\n\
            resource=number\n\
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
            #[link_name = "kps.sym.vmlinux.klp_mutex,0"]
            static mut kps_klp_mutex: u8;
        }
        pub(crate) struct Module;
        impl ::core::ops::Drop for Module {
            fn drop(&mut self) {
                unsafe {
                    resource::end(
                        ::core::ptr::addr_of_mut!(kps_klp_mutex).cast(),
                        &RESOURCES,
                        report,
                    );
                }
            }
        }
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
                                c"\u{1}3resources: refused: this kernel is not 7.3.4-fixture with build-id 0102030405060708090a0b0c0d0e0f1011121314\n",
                            )
                        };
                        return Err(::kernel::error::code::ENOEXEC);
                    }
                    Err(Mismatch::Entry(function)) => {
                        unsafe {
                            message::error_about(
                                c"\u{1}3resources: refused: %.*s does not start as in 7.3.4-fixture\n",
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
mod resources {
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
            pub _pad4: [u8; 23],
            pub kobj: kobject,
            pub _pad6: [u8; 17],
            pub forced: bool,
            pub _pad8: [u8; 70],
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
            ::core::assert!(::core::mem::offset_of!(klp_patch, kobj) == 48);
            ::core::assert!(::core::mem::offset_of!(klp_patch, forced) == 129);
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
        pub struct kobject {
            pub _pad0: [u8; 40],
            pub ktype: *const kobj_type,
            pub _pad2: [u8; 16],
        }
        impl kobject {
            /// All members zero, as C leaves those that an initialiser does not mention.
            /// SAFETY: zero is a value of every C type that a kernel struct is made of.
            pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < kobject > () == 64);
            ::core::assert!(::core::mem::align_of:: < kobject > () == 8);
            ::core::assert!(::core::mem::offset_of!(kobject, ktype) == 40);
        };
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct kobj_type {
            pub release: ::core::option::Option<unsafe extern "C" fn(*mut kobject)>,
            pub _pad1: [u8; 40],
        }
        impl kobj_type {
            /// All members zero, as C leaves those that an initialiser does not mention.
            /// SAFETY: zero is a value of every C type that a kernel struct is made of.
            pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < kobj_type > () == 48);
            ::core::assert!(::core::mem::align_of:: < kobj_type > () == 8);
            ::core::assert!(::core::mem::offset_of!(kobj_type, release) == 0);
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
            pub _pad0: [u8; 16],
            pub count: usize,
            pub _pad2: [u8; 24],
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < seq_file > () == 48);
            ::core::assert!(::core::mem::align_of:: < seq_file > () == 8);
            ::core::assert!(::core::mem::offset_of!(seq_file, count) == 16);
        };
        extern "C" {
            pub fn seq_printf(m: *mut seq_file, f: *const c_char, ...);
        }
    }
    use self::{kps::prelude::*, types::*};
    static OPEN: AtomicU32 = AtomicU32::new(0);
    macro_rules! one_less {
        ($count:expr) => {
            $count .fetch_sub(1, Ordering::Relaxed)
        };
    }
    static lease: self::kps::resource::Resource<u32> = self::kps::resource::Resource::new(
        "lease",
        1,
        1,
        self::kps::resource::never_stays,
        || unsafe {
            if OPEN.fetch_add(1, Ordering::Relaxed) > 0 {
                return Err(-EBUSY);
            }
            Ok(7)
        },
        |_| unsafe {
            one_less!(OPEN);
        },
        ::core::option::Option::None,
    );
    static number: self::kps::resource::Resource<u64> = self::kps::resource::Resource::new(
        "number",
        1,
        1,
        self::kps::resource::never_stays,
        || unsafe { Ok(1) },
        |_| unsafe {},
        ::core::option::Option::Some(|earlier| unsafe { Ok(earlier + 1) }),
    );
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
                    if let Some(n) = number.get() {
                        seq_printf(m, c"number %llu\n".as_ptr(), *n);
                    }
                }
                ret
            }
        }
    }
}
