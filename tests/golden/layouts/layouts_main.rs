// SPDX-License-Identifier: GPL-2.0
//! The livepatch `layouts` for Linux 7.3.4-fixture.
//!
//! kpsc wrote this file. Change the spec and not this.
#![allow(missing_docs, unreachable_pub, unknown_lints, dangerous_implicit_autorefs)]

#[allow(dead_code, unused_imports, unused_macros)]
#[path = "kps/lib.rs"]
mod kps;

#[path = "layouts_types.rs"]
mod types;

#[allow(unused_imports)]
use self::{kps::prelude::*, types::*};

::kernel::prelude::module! {
    type: livepatch::Module,
    name: "layouts",
    description: "Structs as kernels have them: packed ones, unions whose members are not at their start, names that occur twice, bytes, bitfields, members that overlap, an array without a length, and a variable of every CPU.",
    license: "GPL",
}

/// What `module!` has no key for. The first entry makes the module a livepatch.
const _: () = {
    #[link_section = ".modinfo"]
    #[used]
    static LIVEPATCH: [::core::primitive::u8; 12] = *b"livepatch=Y\0";
};

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
    use super::types::{bpf_attr, remap_data, screen_info, seq_file, sk_buff};
    use ::core::ffi::{c_int, c_ulong, c_void};
    use ::core::primitive::u8;

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_array_map_alloc_check();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.array_map_alloc_check,0"]
        pub(super) fn kps_old_array_map_alloc_check();
    }

    super::kps::shim::pre_entry!(
        "array_map_alloc_check", old = "kps.sym.vmlinux.array_map_alloc_check,0", skip =
        9
    );

    /// Runs before `array_map_alloc_check`.
    #[no_mangle]
    unsafe extern "C" fn kps_body_array_map_alloc_check(
        kps_frame: *mut super::kps::frame::Frame<0>,
    ) -> c_int {
        // SAFETY: the entry passes the frame that it has just built on this task's own stack.
        let kps_frame = unsafe { &mut *kps_frame };
        let mut attr: *mut bpf_attr = kps_frame.args[0] as *mut bpf_attr;
        // SAFETY: the author of layouts.kps:11 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            if (*attr).max_entries > 65536 { return -E2BIG; }
        }
        kps_frame.args[0] = attr as ::core::primitive::usize as ::core::primitive::u64;
        kps_frame.go_on = 1;
        // SAFETY: every C return type has the value zero, and the entry discards this one.
        unsafe { super::kps::frame::unread() }
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_lfb_size();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.lfb_size,0"]
        pub(super) fn kps_old_lfb_size();

        /// The old function, entered behind its ftrace site.
        fn kps_orig_lfb_size(si: *mut screen_info) -> c_ulong;
    }

    super::kps::shim::entry!("lfb_size", stack_words = 0);

    super::kps::shim::original!(
        "lfb_size", old = "kps.sym.vmlinux.lfb_size,0", skip = 9
    );

    /// Runs `lfb_size` and then the hook.
    #[no_mangle]
    unsafe extern "C" fn kps_body_lfb_size(mut si: *mut screen_info) -> c_ulong {
        // SAFETY: the old function gets the arguments that its caller passed or that the hook
        // before it chose. It is entered behind its ftrace site, so the call does not come back
        // here.
        let mut ret = unsafe { kps_orig_lfb_size(si) };
        // SAFETY: the author of layouts.kps:12 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            if (*si).how.mode == 0 { ret = 0; }
        }
        ret
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_remap_pte_fn();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.remap_pte_fn,0"]
        pub(super) fn kps_old_remap_pte_fn();
    }

    super::kps::shim::pre_entry!(
        "remap_pte_fn", old = "kps.sym.vmlinux.remap_pte_fn,0", skip = 9
    );

    /// Runs before `remap_pte_fn`.
    #[no_mangle]
    unsafe extern "C" fn kps_body_remap_pte_fn(
        kps_frame: *mut super::kps::frame::Frame<0>,
    ) -> c_int {
        // SAFETY: the entry passes the frame that it has just built on this task's own stack.
        let kps_frame = unsafe { &mut *kps_frame };
        let mut data: *mut remap_data = kps_frame.args[0] as *mut remap_data;
        // SAFETY: the author of layouts.kps:14 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            let d = data as *mut remap_data; if (*d).prot == 0 { return -EINVAL; }
        }
        kps_frame.args[0] = data as ::core::primitive::usize as ::core::primitive::u64;
        kps_frame.go_on = 1;
        // SAFETY: every C return type has the value zero, and the entry discards this one.
        unsafe { super::kps::frame::unread() }
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_smp_call();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.smp_call,0"]
        pub(super) fn kps_old_smp_call();
    }

    super::kps::shim::pre_entry!(
        "smp_call", old = "kps.sym.vmlinux.smp_call,0", skip = 9
    );

    /// Runs before `smp_call`.
    #[no_mangle]
    unsafe extern "C" fn kps_body_smp_call(
        kps_frame: *mut super::kps::frame::Frame<0>,
    ) -> c_int {
        // SAFETY: the entry passes the frame that it has just built on this task's own stack.
        let kps_frame = unsafe { &mut *kps_frame };
        let mut cpu: c_int = kps_frame.args[0] as c_int;
        // SAFETY: C passes a function pointer or NULL, and None is NULL.
        let mut func: ::core::option::Option<unsafe extern "C" fn(*mut c_void)> = unsafe {
            ::core::mem::transmute::<
                ::core::primitive::u64,
                ::core::option::Option<unsafe extern "C" fn(*mut c_void)>,
            >(kps_frame.args[1])
        };
        let mut info: *mut c_void = kps_frame.args[2] as *mut c_void;
        // SAFETY: the author of layouts.kps:16 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            if cpu < 0 { func = None; }
        }
        kps_frame.args[0] = cpu as ::core::primitive::u64;
        kps_frame.args[1] = func
            .map_or(
                0,
                |kps_function| {
                    kps_function as ::core::primitive::usize as ::core::primitive::u64
                },
            );
        kps_frame.args[2] = info as ::core::primitive::usize as ::core::primitive::u64;
        kps_frame.go_on = 1;
        // SAFETY: every C return type has the value zero, and the entry discards this one.
        unsafe { super::kps::frame::unread() }
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_seq_putc();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.seq_putc,0"]
        pub(super) fn kps_old_seq_putc();
    }

    super::kps::shim::pre_entry!(
        "seq_putc", old = "kps.sym.vmlinux.seq_putc,0", skip = 9
    );

    /// Runs before `seq_putc`.
    #[no_mangle]
    unsafe extern "C" fn kps_body_seq_putc(kps_frame: *mut super::kps::frame::Frame<0>) {
        // SAFETY: the entry passes the frame that it has just built on this task's own stack.
        let kps_frame = unsafe { &mut *kps_frame };
        let mut m: *mut seq_file = kps_frame.args[0] as *mut seq_file;
        let mut c: u8 = kps_frame.args[1] as u8;
        // SAFETY: the author of layouts.kps:17 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            if c == b'x' { return; }
        }
        kps_frame.args[0] = m as ::core::primitive::usize as ::core::primitive::u64;
        kps_frame.args[1] = c as ::core::primitive::u64;
        kps_frame.go_on = 1;
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

    /// Runs before `netif_rx`.
    #[no_mangle]
    unsafe extern "C" fn kps_body_netif_rx(
        kps_frame: *mut super::kps::frame::Frame<0>,
    ) -> c_int {
        // SAFETY: the entry passes the frame that it has just built on this task's own stack.
        let kps_frame = unsafe { &mut *kps_frame };
        let mut skb: *mut sk_buff = kps_frame.args[0] as *mut sk_buff;
        // SAFETY: the author of layouts.kps:20 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
                if (*skb).released() && (*skb).depth() < 0 && (*skb).state() == SKB_LOST {
                    (*skb).set_pkt_type((*skb).fclone() + 1);
                    (*skb).set_stamp(*process_counts.this_cpu_ptr());
                }
                (*skb).list.next = (*skb).list.prev;
                (*skb).dev_scratch += (*skb).ll_node as usize as c_ulong;
                if (*skb).dev.is_null() && (*skb).users > 0 { *(*skb).data.as_mut_ptr() = (*skb).head.is_null() as u8; }
        }
        kps_frame.args[0] = skb as ::core::primitive::usize as ::core::primitive::u64;
        kps_frame.go_on = 1;
        // SAFETY: every C return type has the value zero, and the entry discards this one.
        unsafe { super::kps::frame::unread() }
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_show_mountinfo();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.show_mountinfo,0"]
        pub(super) fn kps_old_show_mountinfo();

        /// The old function, entered behind its ftrace site.
        fn kps_orig_show_mountinfo(m: *mut seq_file, v: *mut c_void) -> c_int;
    }

    super::kps::shim::entry!("show_mountinfo", stack_words = 0);

    super::kps::shim::original!(
        "show_mountinfo", old = "kps.sym.vmlinux.show_mountinfo,0", skip = 9
    );

    /// Runs `show_mountinfo` and then the hook.
    #[no_mangle]
    unsafe extern "C" fn kps_body_show_mountinfo(
        mut m: *mut seq_file,
        mut v: *mut c_void,
    ) -> c_int {
        // SAFETY: the old function gets the arguments that its caller passed or that the hook
        // before it chose. It is entered behind its ftrace site, so the call does not come back
        // here.
        let mut ret = unsafe { kps_orig_show_mountinfo(m, v) };
        // SAFETY: the author of layouts.kps:31 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
                // Nothing names a member of `file`, and it is as large as it is.
                core::ptr::copy_nonoverlapping((*m).file, (*m).file.add(1), 1);
                copy_page(v, v);
                perf_load_guest_lvtpc(0);
                let n: size_t = (*m).size;
                if n == 0 { ret = 0; }
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
    static mut FUNCS_vmlinux: [klp_func; 8] = [
        klp_func {
            old_name: c"array_map_alloc_check".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_array_map_alloc_check as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"lfb_size".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_lfb_size as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"remap_pte_fn".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_remap_pte_fn as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"smp_call".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_smp_call as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"seq_putc".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_seq_putc as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"netif_rx".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_netif_rx as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"show_mountinfo".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_show_mountinfo as *mut c_void,
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
    static ENTRIES: [Entry; 7] = [
        Entry {
            name: "array_map_alloc_check",
            function: kps_in_vmlinux::kps_old_array_map_alloc_check as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "lfb_size",
            function: kps_in_vmlinux::kps_old_lfb_size as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "remap_pte_fn",
            function: kps_in_vmlinux::kps_old_remap_pte_fn as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "smp_call",
            function: kps_in_vmlinux::kps_old_smp_call as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "seq_putc",
            function: kps_in_vmlinux::kps_old_seq_putc as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "netif_rx",
            function: kps_in_vmlinux::kps_old_netif_rx as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "show_mountinfo",
            function: kps_in_vmlinux::kps_old_show_mountinfo as *const u8,
            landing_pad: true,
        },
    ];
    #[link_section = ".note.kps"]
    #[used]
    static NOTE: Note<183> = Note::new(
        *b"\
            patch=layouts\n\
            kernel=7.3.4-fixture\n\
            build-id=0102030405060708090a0b0c0d0e0f1011121314\n\
            source-sha256=3fa7cd248dc6b8d60c473f9848cd3071874024578399a640c8acff128137fb75\n\
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
                            c"\u{1}3layouts: refused: this kernel is not 7.3.4-fixture with build-id 0102030405060708090a0b0c0d0e0f1011121314\n",
                        )
                    };
                    return Err(::kernel::error::code::ENOEXEC);
                }
                Err(Mismatch::Entry(function)) => {
                    // SAFETY: the format takes a name.
                    unsafe {
                        message::error_about(
                            c"\u{1}3layouts: refused: %.*s does not start as in 7.3.4-fixture\n",
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
