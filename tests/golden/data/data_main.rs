// SPDX-License-Identifier: GPL-2.0
//! The livepatch `data` for Linux 7.3.4-fixture.
//!
//! kpsc wrote this file. Change the spec and not this.
#![allow(missing_docs, unreachable_pub, unknown_lints, dangerous_implicit_autorefs)]

#[allow(dead_code, unused_imports, unused_macros)]
#[path = "kps/lib.rs"]
mod kps;

#[path = "data_types.rs"]
mod types;

#[allow(unused_imports)]
use self::{kps::prelude::*, types::*};

::kernel::prelude::module! {
    type: livepatch::Module,
    name: "data",
    description: "Data that outlives functions: a state, and shadow variables with all that can be said of them.",
    license: "GPL",
}

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
    macro_rules! is_low { ($level:expr) => { $level < 7 }; }

/// The state `loglevel`, number 1.
#[allow(
    non_upper_case_globals,
    unused_unsafe,
    unused_variables,
    unreachable_code,
    clippy::all
)]
static loglevel: self::kps::state::State<c_int> = self::kps::state::State::new(
    "loglevel",
    0xc3e63af01c040000,
    0x1c3403703c351ace,
    || {
        // SAFETY: the author of data.kps:17 answers for this text. The callbacks of the image call
        // it, under `klp_mutex`.
        unsafe {
            console_printk[0]
        }
    },
    |saved| {
        // SAFETY: the author of data.kps:18 answers for this text. The callbacks of the image call
        // it, under `klp_mutex`.
        unsafe {
            if is_low!(saved) { console_printk[0] = 7; }
        }
    },
    |saved| {
        // SAFETY: the author of data.kps:19 answers for this text. The callbacks of the image call
        // it, under `klp_mutex`.
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
    || {
        // SAFETY: the author of data.kps:21 answers for this text. It is the value of new data.
        unsafe {
            AtomicU32::new(0)
        }
    },
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
        // SAFETY: the author of data.kps:22 answers for this text. It is the value of new data.
        unsafe {
            Seen { parent: 0, times: AtomicU32::new(0) }
        }
    },
    ::core::option::Option::Some(|parent, data| {
        // SAFETY: the author of data.kps:23 answers for this text. The kernel calls it under its
        // shadow lock, with interrupts off.
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
    // SAFETY: the author of data.kps:24 answers for this text. The kernel calls it under its shadow
    // lock, with interrupts off.
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
        // SAFETY: the old function gets the arguments that its caller passed or that the hook
        // before it chose. It is entered behind its ftrace site, so the call does not come back
        // here.
        let mut ret = unsafe { kps_orig_cmdline_proc_show(m, v) };
        // SAFETY: the author of data.kps:32 answers for this text. ftrace calls it in the place of
        // the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
                if let Some(n) = looks.get_or_init(m, GFP_KERNEL) { n.fetch_add(1, Ordering::Relaxed); }
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
        // SAFETY: the entry passes the frame that it has just built on this task's own stack.
        let kps_frame = unsafe { &mut *kps_frame };
        let mut skb: *mut sk_buff = kps_frame.args[0] as *mut sk_buff;
        // SAFETY: the author of data.kps:22 answers for this being the object that `netif_rx`
        // frees. Nobody uses its data any more.
        unsafe { super::kps::shadow::Shadow::remove(&super::seen, skb) };
        kps_frame.args[0] = skb as ::core::primitive::usize as ::core::primitive::u64;
        kps_frame.go_on = 1;
        // SAFETY: every C return type has the value zero, and the entry discards this one.
        unsafe { super::kps::frame::unread() }
    }

    pub(super) unsafe extern "C" fn kps_pre_patch(obj: *mut klp_object) -> c_int {
        // SAFETY: the author of data.kps:36 answers for this text. The kernel calls it under
        // `klp_mutex`, while the module is loaded.
        unsafe {
            if loglevel.taken_over() { 0 } else { -EINVAL }
        }
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
    static DATA: [&dyn Persistent; 3] = [&super::loglevel, &super::looks, &super::seen];
    /// The callbacks of the image, which keep what is in `DATA`.
    mod data {
        use super::super::kps::persistent::{self, Refusal};
        use super::super::types::klp_object;
        use super::*;
        pub(super) unsafe extern "C" fn pre_patch(obj: *mut klp_object) -> c_int {
            // SAFETY: this is `pre_patch`, under `klp_mutex`.
            if let Err(refusal) = unsafe { persistent::acquire(&DATA) } {
                return refused(refusal);
            }
            // SAFETY: the kernel has called this with the object.
            let status = unsafe { kps_in_vmlinux::kps_pre_patch(obj) };
            if status != 0 {
                // SAFETY: the kernel calls no `post_unpatch` of an object that refuses.
                unsafe { persistent::release(&DATA, false, |_| {}) };
                return status;
            }
            // SAFETY: all have joined.
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
                    // SAFETY: the format takes a name.
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
            // SAFETY: the kernel calls this when every task runs the new code, and has taken the
            // replaced patches away.
            unsafe {
                let (replace, forced) = (
                    (*::core::ptr::addr_of!(PATCH)).replace,
                    (*::core::ptr::addr_of!(PATCH)).forced,
                );
                persistent::commit(&DATA, replace, forced, |_| {});
            }
        }
        pub(super) unsafe extern "C" fn pre_unpatch(_obj: *mut klp_object) {
            // SAFETY: the kernel calls this before the first task leaves the new code.
            unsafe { persistent::withdraw(&DATA) };
        }
        pub(super) unsafe extern "C" fn post_unpatch(_obj: *mut klp_object) {
            // SAFETY: the kernel calls this when no task runs the new code, or has been forced to
            // think so.
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
    static NOTE: Note<265> = Note::new(
        *b"\
            patch=data\n\
            family=golden\n\
            state=1 2 loglevel\n\
            shadow=looks\n\
            shadow=seen\n\
            callback=pre_patch vmlinux\n\
            kernel=7.3.4-fixture\n\
            build-id=0102030405060708090a0b0c0d0e0f1011121314\n\
            source-sha256=20687250fb9c189fc4ccfa1f868f09458b0107bb833dc46d177639ef39a4c99c\n\
            made-by=kpsc 0.1.0\n",
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
        fn init(module: &'static ::kernel::ThisModule) -> ::kernel::error::Result<Self> {
            // SAFETY: the linker script of the kernel bounds its notes with these symbols, and
            // `ENTRIES` points to functions of the kernel.
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
                    // SAFETY: the format takes no arguments.
                    unsafe {
                        message::error(
                            c"\u{1}3data: refused: this kernel is not 7.3.4-fixture with build-id 0102030405060708090a0b0c0d0e0f1011121314\n",
                        )
                    };
                    return Err(::kernel::error::code::ENOEXEC);
                }
                Err(Mismatch::Entry(function)) => {
                    // SAFETY: the format takes a name.
                    unsafe {
                        message::error_about(
                            c"\u{1}3data: refused: %.*s does not start as in 7.3.4-fixture\n",
                            function,
                        )
                    };
                    return Err(::kernel::error::code::ENOEXEC);
                }
            }
            // SAFETY: nobody else knows the tables yet. They live as long as the module, which the
            // kernel pins until the last task has left the patch.
            let status = unsafe {
                let patch = ::core::ptr::addr_of_mut!(PATCH);
                (*patch).r#mod = module.as_ptr().cast();
                klp_enable_patch(patch)
            };
            // `pre_patch` may refuse with any number, and only a negative one keeps the module from
            // staying.
            let status = if status > 0 { -EINVAL } else { status };
            ::kernel::error::to_result(status)?;
            Ok(Module)
        }
    }
}
