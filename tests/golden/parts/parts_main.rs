// SPDX-License-Identifier: GPL-2.0
//! The livepatch `parts` for Linux 7.3.4-fixture.
//!
//! kpsc wrote this file. Change the spec and not this.
#![allow(missing_docs, unreachable_pub, unknown_lints, dangerous_implicit_autorefs)]

#[allow(dead_code, unused_imports, unused_macros)]
#[path = "kps/lib.rs"]
mod kps;

#[path = "parts_types.rs"]
mod types;

#[allow(unused_imports)]
use self::{kps::prelude::*, types::*};

::kernel::prelude::module! {
    type: livepatch::Module,
    name: "parts",
    description: "What is not in the spec itself: text in files of Rust and C, and a module that may be another one.",
    license: "GPL",
}

/// What `module!` has no key for. The first entry makes the module a livepatch.
const _: () = {
    #[link_section = ".modinfo"]
    #[used]
    static LIVEPATCH: [::core::primitive::u8; 12] = *b"livepatch=Y\0";
};

kps::shim::long_names!("kps.sym.vmlinux.atomic_notifier_chain_register_unique_prio,0");

/// The module in parts.d/tally.rs:1, with what is in scope beside the objects.
mod tally {
//! Counts.

static SEEN: AtomicU32 = AtomicU32::new(0);

/// One more.
pub fn count() -> u32 {
    SEEN.fetch_add(1, Ordering::Relaxed)
}

    #[allow(unused_imports)]
    use super::*;
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
        fn kps_orig_cmdline_proc_show(m: *mut seq_file, value: *mut c_void) -> c_int;
    }

    super::kps::shim::entry!("cmdline_proc_show", stack_words = 0);

    super::kps::shim::original!(
        "cmdline_proc_show", old = "kps.sym.vmlinux.cmdline_proc_show,0", skip = 9
    );

    /// Runs in the place of `cmdline_proc_show`.
    #[no_mangle]
    unsafe extern "C" fn kps_body_cmdline_proc_show(
        mut m: *mut seq_file,
        mut value: *mut c_void,
    ) -> c_int {
        use kps_orig_cmdline_proc_show as original;
        // SAFETY: the author of parts.d/cmdline_proc_show.rs:3 answers for this text. ftrace calls
        // it in the place of the old function, with that function's arguments, and the frame of the
        // entry keeps the module loaded until it has returned.
        unsafe {
    seq_printf(m, c"%d\n".as_ptr(), reckon(unexported_helper(2)));
    original(m, value)
        }
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_version_proc_show();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.version_proc_show,0"]
        pub(super) fn kps_old_version_proc_show();
    }

    super::kps::shim::entry!("version_proc_show", stack_words = 0);

    super::kps::shim::original!(
        "version_proc_show", old = "kps.sym.vmlinux.version_proc_show,0", skip = 9
    );
}

/// What changes in dummy.
#[allow(
    unused_assignments,
    unused_imports,
    unused_mut,
    unused_unsafe,
    unused_variables,
    unreachable_code,
    clippy::all
)]
mod kps_in_dummy {
    use super::*;
    use super::types::{dummy_stats, klp_object, seq_file};
    use ::core::ffi::{c_int, c_ulong};

    extern "C" {
        #[link_name = "kps.sym.dummy.dummy_count,0"]
        pub static mut dummy_count: c_ulong;
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_dummy_get_stats();

        /// The old function, entered behind its ftrace site.
        fn kps_orig_dummy_get_stats(m: *mut seq_file, stats: *mut dummy_stats) -> c_int;
    }

    super::kps::shim::entry!("dummy_get_stats", stack_words = 0);

    super::kps::shim::original!(
        "dummy_get_stats", old = "kps.sym.dummy.dummy_get_stats,0", skip = 9
    );

    /// Runs `dummy_get_stats` and then the hook.
    #[no_mangle]
    unsafe extern "C" fn kps_body_dummy_get_stats(
        mut m: *mut seq_file,
        mut stats: *mut dummy_stats,
    ) -> c_int {
        // SAFETY: the old function gets the arguments that its caller passed or that the hook
        // before it chose. It is entered behind its ftrace site, so the call does not come back
        // here.
        let mut ret = unsafe { kps_orig_dummy_get_stats(m, stats) };
        // SAFETY: the author of parts.kps:21 answers for this text. ftrace calls it in the place of
        // the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            (*stats).bytes = dummy_count; tally::count();
        }
        ret
    }

    pub(super) unsafe extern "C" fn kps_pre_patch(obj: *mut klp_object) -> c_int {
        // SAFETY: the author of parts.kps:22 answers for this text. The kernel calls it under
        // `klp_mutex`, while the module is loaded.
        unsafe {
            0
        }
    }

    pub(super) unsafe extern "C" fn kps_post_patch(obj: *mut klp_object) {
        // SAFETY: the author of parts.kps:23 answers for this text. The kernel calls it under
        // `klp_mutex`, while the module is loaded.
        unsafe {
            pr_info!("patched\n");
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
    use super::{kps_in_vmlinux, kps_in_dummy};
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
            old_name: c"version_proc_show".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_version_proc_show as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func::ZERO,
    ];
    static mut FUNCS_dummy: [klp_func; 2] = [
        klp_func {
            old_name: c"dummy_get_stats".as_ptr(),
            new_func: kps_in_dummy::livepatch_dummy_get_stats as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func::ZERO,
    ];
    static mut OBJECTS: [klp_object; 3] = [
        klp_object {
            name: null(),
            funcs: ::core::ptr::addr_of_mut!(FUNCS_vmlinux).cast(),
            ..klp_object::ZERO
        },
        klp_object {
            name: c"dummy".as_ptr(),
            funcs: ::core::ptr::addr_of_mut!(FUNCS_dummy).cast(),
            callbacks: klp_callbacks {
                pre_patch: Some(gate_dummy::pre_patch),
                post_patch: Some(gate_dummy::post_patch),
                post_unpatch: Some(gate_dummy::post_unpatch),
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
            name: "version_proc_show",
            function: kps_in_vmlinux::kps_old_version_proc_show as *const u8,
            landing_pad: true,
        },
    ];
    /// Lets the patch into the `dummy` that it was made for, and into no other.
    mod gate_dummy {
        use super::super::kps::errno::EINVAL;
        use super::super::kps::gate::{self, Func};
        use super::super::kps::message;
        use super::super::types::klp_object;
        use super::super::kps_in_dummy;
        use ::core::ffi::{c_int, c_ulong, c_void};
        use ::core::primitive::{bool, u8, usize};
        use ::core::sync::atomic::{AtomicBool, Ordering};
        /// The build-id of the module in the target kernel.
        const BUILD_ID: &[u8] = &[
            0xb1, 0xb1, 0xb1, 0xb1, 0xb1, 0xb1, 0xb1, 0xb1, 0xb1, 0xb1, 0xb1, 0xb1, 0xb1,
            0xb1, 0xb1, 0xb1, 0xb1, 0xb1, 0xb1, 0xb1,
        ];
        /// The functions that change, as they stand in the object's table.
        const FUNCS: [Func; 1] = [
            Func {
                entry: kps_in_dummy::livepatch_dummy_get_stats,
                landing_pad: true,
            },
        ];
        /// Whether the module that is there is that one.
        static OPEN: AtomicBool = AtomicBool::new(false);
        pub(super) unsafe extern "C" fn pre_patch(obj: *mut klp_object) -> c_int {
            // SAFETY: the kernel calls this under `klp_mutex` while the module is there, its
            // functions found and its symbols relocated. Nobody runs the table's functions before
            // this has returned.
            let open = unsafe {
                let rodata = (*(*obj).r#mod).mem[2];
                let funcs = (*obj).funcs;
                let same = gate::has_build_id(
                    rodata.base.cast(),
                    rodata.size as usize,
                    BUILD_ID,
                )
                    && FUNCS
                        .iter()
                        .enumerate()
                        .all(|(n, func)| {
                            gate::starts_as(
                                (*funcs.add(n)).old_func.cast(),
                                func.landing_pad,
                            )
                        });
                if !same {
                    for n in 0..FUNCS.len() {
                        let func = funcs.add(n);
                        let behind = gate::behind_site((*func).old_func.cast());
                        (*func).new_func = behind.cast_mut().cast();
                        let site = behind.offset_from((*func).old_func.cast())
                            as c_ulong;
                        (*func).new_size = (*func).old_size.saturating_sub(site);
                    }
                }
                same
            };
            OPEN.store(open, Ordering::Relaxed);
            if !open {
                // SAFETY: the format takes no arguments.
                unsafe {
                    message::error(
                        c"\u{1}3parts: dummy is not the module that this patch was made for, that of 7.3.4-fixture: it stays unpatched\n",
                    )
                };
                return 0;
            }
            // SAFETY: the kernel has called this with the object.
            let status = unsafe { kps_in_dummy::kps_pre_patch(obj) };
            if status > 0 { -EINVAL } else { status }
        }
        pub(super) unsafe extern "C" fn post_patch(obj: *mut klp_object) {
            if OPEN.load(Ordering::Relaxed) {
                // SAFETY: the kernel has called this with the object.
                unsafe { kps_in_dummy::kps_post_patch(obj) }
            }
        }
        pub(super) unsafe extern "C" fn post_unpatch(obj: *mut klp_object) {
            // SAFETY: the kernel calls this under `klp_mutex`, when no task uses the table any
            // more. It looks the entries up again when the module is loaded the next time.
            unsafe {
                let funcs = (*obj).funcs;
                for (n, func) in FUNCS.iter().enumerate() {
                    (*funcs.add(n)).new_func = func.entry as *mut c_void;
                }
            }
        }
    }

    #[link_section = ".note.kps"]
    #[used]
    static NOTE: Note<286> = Note::new(
        *b"\
            patch=parts\n\
            callback=pre_patch dummy\n\
            callback=post_patch dummy\n\
            kernel=7.3.4-fixture\n\
            build-id=0102030405060708090a0b0c0d0e0f1011121314\n\
            module=dummy b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1\n\
            source-sha256=5a8c07f4b298421be7cca19c12a1f85999c3d3e758a8981432710517ba136f36\n\
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
                            c"\u{1}3parts: refused: this kernel is not 7.3.4-fixture with build-id 0102030405060708090a0b0c0d0e0f1011121314\n",
                        )
                    };
                    return Err(::kernel::error::code::ENOEXEC);
                }
                Err(Mismatch::Entry(function)) => {
                    // SAFETY: the format takes a name.
                    unsafe {
                        message::error_about(
                            c"\u{1}3parts: refused: %.*s does not start as in 7.3.4-fixture\n",
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
