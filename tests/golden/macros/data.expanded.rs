//! Data that outlives functions: `shadow`, `state`.
#[cfg(kps_kernel)]
::kernel::prelude::module! {
    type : data::livepatch::Module, name : "data", description :
    "Data that outlives functions.", license : "GPL",
}
#[cfg(kps_kernel)]
#[allow(missing_docs, unreachable_pub, unknown_lints, dangerous_implicit_autorefs)]
mod data {
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
            pub _pad4: [u8; 104],
            pub forced: bool,
            pub _pad6: [u8; 70],
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
        pub struct klp_state {
            pub id: c_ulong,
            pub version: c_uint,
            pub _pad2: [u8; 4],
            pub data: *mut c_void,
        }
        impl klp_state {
            /// All members zero, as C leaves those that an initialiser does not mention.
            pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < klp_state > () == 24);
            ::core::assert!(::core::mem::align_of:: < klp_state > () == 8);
            ::core::assert!(::core::mem::offset_of!(klp_state, id) == 0);
            ::core::assert!(::core::mem::offset_of!(klp_state, version) == 8);
            ::core::assert!(::core::mem::offset_of!(klp_state, data) == 16);
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
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct sk_buff {
            pub _pad0: [u8; 64],
            pub data: super::kps::flexible_array::FlexibleArray<u8>,
            pub _align: [u64; 0],
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < sk_buff > () == 64);
            ::core::assert!(::core::mem::align_of:: < sk_buff > () == 8);
            ::core::assert!(::core::mem::offset_of!(sk_buff, data) == 64);
        };
        extern "C" {
            #[link_name = "kps.sym.vmlinux.console_printk,0"]
            pub static mut console_printk: [c_int; 4];
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
    struct Seen {
        parent: usize,
        times: AtomicU32,
    }
    static GONE: AtomicU32 = AtomicU32::new(0);
    /// The state `level`, number 1.
    #[allow(
        non_upper_case_globals,
        unused_unsafe,
        unused_variables,
        unreachable_code,
        clippy::all
    )]
    static level: self::kps::state::State<c_int> = self::kps::state::State::new(
        "level",
        0xc3e63af01c040000,
        0x30f55d17cdce55b2,
        || { unsafe { console_printk[0] } },
        |saved| {
            unsafe {
                if saved < 7 {
                    console_printk[0] = 7;
                }
            }
        },
        |saved| {
            unsafe {
                console_printk[0] = saved;
            }
        },
    );
    /// The shadow variable `looks` of `seq_file`.
    #[allow(
        non_upper_case_globals,
        unused_unsafe,
        unused_variables,
        unused_parens,
        unreachable_code,
        clippy::all
    )]
    static looks: self::kps::shadow::Shadow<AtomicU32, self::types::seq_file> = self::kps::shadow::Shadow::new(
        "looks",
        0xc458e490f6a10000,
        0x55eb458bfdea5cda,
        || { unsafe { AtomicU32::new(0) } },
        ::core::option::Option::None,
        ::core::option::Option::None,
    );
    /// The shadow variable `seen` of `sk_buff`.
    #[allow(
        non_upper_case_globals,
        unused_unsafe,
        unused_variables,
        unused_parens,
        unreachable_code,
        clippy::all
    )]
    static seen: self::kps::shadow::Shadow<Seen, self::types::sk_buff> = self::kps::shadow::Shadow::new(
        "seen",
        0xa2e4f72a0fb20000,
        0xe4f57a672796ce77,
        || {
            unsafe {
                Seen {
                    parent: 0,
                    times: AtomicU32::new(0),
                }
            }
        },
        ::core::option::Option::Some(|parent, data| {
            unsafe {
                (*data).parent = parent as usize;
            }
        }),
        ::core::option::Option::Some(kps_destroy_seen),
    );
    /// Runs on data of `seen` that goes. The object may be gone.
    #[allow(unused_unsafe, unused_variables, unreachable_code, clippy::all)]
    unsafe extern "C" fn kps_destroy_seen(
        _: *mut ::core::ffi::c_void,
        kps_data: *mut ::core::ffi::c_void,
    ) {
        let data = self::kps::shadow::Shadow::data(&self::seen, kps_data);
        unsafe {
            GONE.fetch_add((*data).times.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
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
        use super::types::{klp_object, seq_file, sk_buff};
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
                if let Some(n) = looks.get_or_init(m, GFP_KERNEL) {
                    n.fetch_add(1, Ordering::Relaxed);
                }
            }
            ret
        }
        extern "C" {
            /// What ftrace sends callers to.
            pub(super) fn livepatch_netif_rx();
            /// The old function, for its address alone.
            #[allow(clashing_extern_declarations)]
            #[link_name = "kps.sym.vmlinux.netif_rx,0"]
            pub(super) fn kps_old_netif_rx();
        }
        super::kps::shim::pre_entry!(
            "netif_rx", old = "kps.sym.vmlinux.netif_rx,0", skip = 9
        );
        /// Frees shadow data before `netif_rx` frees its object.
        #[no_mangle]
        unsafe extern "C" fn kps_body_netif_rx(
            kps_frame: *mut super::kps::frame::Frame<0>,
        ) -> c_int {
            let kps_frame = unsafe { &mut *kps_frame };
            let mut skb: *mut sk_buff = kps_frame.args[0] as *mut sk_buff;
            unsafe { super::kps::shadow::Shadow::remove(&super::seen, skb) };
            kps_frame.args[0] = skb as ::core::primitive::usize
                as ::core::primitive::u64;
            kps_frame.go_on = 1;
            unsafe { super::kps::frame::unread() }
        }
        pub(super) unsafe extern "C" fn kps_pre_patch(obj: *mut klp_object) -> c_int {
            unsafe { if level.taken_over() { 0 } else { -EINVAL } }
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
        use super::types::klp_state;
        use super::kps_in_vmlinux;
        use ::core::ffi::{c_int, c_void};
        use ::core::option::Option::{None, Some};
        use ::core::primitive::{bool, u8};
        use ::core::ptr::null;
        use ::core::result::Result::{Err, Ok};
        static mut FUNCS_vmlinux: [klp_func; 3] = [
            klp_func {
                old_name: c"cmdline_proc_show".as_ptr(),
                new_func: kps_in_vmlinux::livepatch_cmdline_proc_show as *mut c_void,
                ..klp_func::ZERO
            },
            klp_func {
                old_name: c"netif_rx".as_ptr(),
                new_func: kps_in_vmlinux::livepatch_netif_rx as *mut c_void,
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
            states: ::core::ptr::addr_of_mut!(STATES).cast(),
            ..klp_patch::ZERO
        };
        /// The states and shadow variables, as the kernel knows them: a patch that takes the place
        /// of this one must have them.
        static mut STATES: [klp_state; 4] = [
            klp_state {
                id: 1,
                version: 2,
                ..klp_state::ZERO
            },
            klp_state {
                id: 0xc458e490f6a10000,
                version: 1,
                ..klp_state::ZERO
            },
            klp_state {
                id: 0xa2e4f72a0fb20000,
                version: 1,
                ..klp_state::ZERO
            },
            klp_state::ZERO,
        ];
        /// The states, shadow variables and resources, in the order in which they begin.
        static DATA: [&dyn Persistent; 3] = [&super::level, &super::looks, &super::seen];
        /// The callbacks of the image, which keep what is in `DATA`.
        mod data {
            use super::super::kps::persistent::{self, Refusal};
            use super::super::types::klp_object;
            use super::*;
            pub(super) unsafe extern "C" fn pre_patch(obj: *mut klp_object) -> c_int {
                if let Err(refusal) = unsafe { persistent::acquire(&DATA) } {
                    return refused(refusal);
                }
                let status = unsafe { kps_in_vmlinux::kps_pre_patch(obj) };
                if status != 0 {
                    unsafe { persistent::release(&DATA, false, |_| {}) };
                    return status;
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
                                c"\u{1}3data: refused: `%.*s` is there with another name or type\n",
                                name,
                            )
                        };
                    }
                    _ => {}
                }
                refusal.errno()
            }
            pub(super) unsafe extern "C" fn post_patch(_obj: *mut klp_object) {
                unsafe {
                    let (replace, forced) = (
                        (*::core::ptr::addr_of!(PATCH)).replace,
                        (*::core::ptr::addr_of!(PATCH)).forced,
                    );
                    persistent::commit(&DATA, replace, forced, |_| {});
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
                        |_| {},
                    )
                };
            }
        }
        /// The build-id of the target kernel.
        static BUILD_ID: [u8; 20] = [
            0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d,
            0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14,
        ];
        /// How the patched functions start there.
        static ENTRIES: [Entry; 2] = [
            Entry {
                name: "cmdline_proc_show",
                function: kps_in_vmlinux::kps_old_cmdline_proc_show as *const u8,
                landing_pad: true,
            },
            Entry {
                name: "netif_rx",
                function: kps_in_vmlinux::kps_old_netif_rx as *const u8,
                landing_pad: true,
            },
        ];
        #[link_section = ".note.kps"]
        #[used]
        static NOTE: Note<258> = Note::new(
            *b"\
            patch=data\n\
            family=golden\n\
            state=1 2 level\n\
            shadow=looks\n\
            shadow=seen\n\
            callback=pre_patch vmlinux\n\
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
                                c"\u{1}3data: refused: this kernel is not 7.3.4-fixture with build-id 0102030405060708090a0b0c0d0e0f1011121314\n",
                            )
                        };
                        return Err(::kernel::error::code::ENOEXEC);
                    }
                    Err(Mismatch::Entry(function)) => {
                        unsafe {
                            message::error_about(
                                c"\u{1}3data: refused: %.*s does not start as in 7.3.4-fixture\n",
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
mod data {
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
            pub _pad4: [u8; 104],
            pub forced: bool,
            pub _pad6: [u8; 70],
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
        pub struct klp_state {
            pub id: c_ulong,
            pub version: c_uint,
            pub _pad2: [u8; 4],
            pub data: *mut c_void,
        }
        impl klp_state {
            /// All members zero, as C leaves those that an initialiser does not mention.
            /// SAFETY: zero is a value of every C type that a kernel struct is made of.
            pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < klp_state > () == 24);
            ::core::assert!(::core::mem::align_of:: < klp_state > () == 8);
            ::core::assert!(::core::mem::offset_of!(klp_state, id) == 0);
            ::core::assert!(::core::mem::offset_of!(klp_state, version) == 8);
            ::core::assert!(::core::mem::offset_of!(klp_state, data) == 16);
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
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct sk_buff {
            pub _pad0: [u8; 64],
            pub data: super::kps::flexible_array::FlexibleArray<u8>,
            pub _align: [u64; 0],
        }
        const _: () = {
            ::core::assert!(::core::mem::size_of:: < sk_buff > () == 64);
            ::core::assert!(::core::mem::align_of:: < sk_buff > () == 8);
            ::core::assert!(::core::mem::offset_of!(sk_buff, data) == 64);
        };
        extern "C" {
            #[link_name = "kps.sym.vmlinux.console_printk,0"]
            pub static mut console_printk: [c_int; 4];
        }
    }
    use self::{kps::prelude::*, types::*};
    struct Seen {
        parent: usize,
        times: AtomicU32,
    }
    static GONE: AtomicU32 = AtomicU32::new(0);
    static level: self::kps::state::State<c_int> = self::kps::state::State::new(
        "level",
        1,
        1,
        || unsafe { console_printk[0] },
        |saved| unsafe {
            if saved < 7 {
                console_printk[0] = 7;
            }
        },
        |saved| unsafe {
            console_printk[0] = saved;
        },
    );
    static looks: self::kps::shadow::Shadow<AtomicU32, seq_file> = self::kps::shadow::Shadow::new(
        "looks",
        1,
        1,
        || unsafe { AtomicU32::new(0) },
        ::core::option::Option::None,
        ::core::option::Option::None,
    );
    static seen: self::kps::shadow::Shadow<Seen, sk_buff> = self::kps::shadow::Shadow::new(
        "seen",
        1,
        1,
        || unsafe {
            Seen {
                parent: 0,
                times: AtomicU32::new(0),
            }
        },
        ::core::option::Option::Some(|parent, data| unsafe {
            (*data).parent = parent as usize;
        }),
        ::core::option::Option::None,
    );
    fn kps_destroy_seen(data: *mut Seen) {
        unsafe {
            GONE.fetch_add((*data).times.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
    extern "C" {}
    extern "C" {
        static mut console_printk: [c_int; 4];
    }
    mod kps_in_vmlinux {
        use super::*;
        unsafe extern "C" fn kps_post_0(
            mut m: *mut seq_file,
            mut v: *mut c_void,
        ) -> c_int {
            let mut ret = super::kps::frame::unread();
            unsafe {
                {
                    if let Some(n) = looks.get_or_init(m, GFP_KERNEL) {
                        n.fetch_add(1, Ordering::Relaxed);
                    }
                }
                ret
            }
        }
        unsafe extern "C" fn kps_pre_patch(obj: *mut klp_object) -> c_int {
            unsafe { if level.taken_over() { 0 } else { -EINVAL } }
        }
    }
}
