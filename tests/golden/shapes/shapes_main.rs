// SPDX-License-Identifier: GPL-2.0
//! The livepatch `shapes` for Linux 7.3.4-fixture.
//!
//! kpsc wrote this file. Change the spec and not this.
#![allow(missing_docs, unreachable_pub, unknown_lints, dangerous_implicit_autorefs)]

#[allow(dead_code, unused_imports, unused_macros)]
#[path = "kps/lib.rs"]
mod kps;

#[path = "shapes_types.rs"]
mod types;

#[allow(unused_imports)]
use self::{kps::prelude::*, types::*};

::kernel::prelude::module! {
    type: livepatch::Module,
    name: "shapes",
    authors: ["Somebody <somebody@example.com>"],
    description: "Every shape of generated code: a new body, hooks before, after and around, callbacks, symbols of both kinds.",
    license: "GPL",
    imports_ns: ["FIXTURE"],
}

/// What `module!` has no key for. The first entry makes the module a livepatch.
const _: () = {
    #[link_section = ".modinfo"]
    #[used]
    static LIVEPATCH: [::core::primitive::u8; 12] = *b"livepatch=Y\0";

    #[link_section = ".modinfo"]
    #[used]
    static VERSION: [::core::primitive::u8; 12] = *b"version=1.0\0";
};

    static SEEN: AtomicU32 = AtomicU32::new(0);

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
    use super::types::{klp_object, open_how, pt_regs, seq_file, sockptr_t, timespec64};
    use ::core::ffi::{c_char, c_int, c_long, c_void};
    use ::core::primitive::usize;

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

    /// Runs in the place of `cmdline_proc_show`.
    #[no_mangle]
    unsafe extern "C" fn kps_body_cmdline_proc_show(
        mut m: *mut seq_file,
        mut v: *mut c_void,
    ) -> c_int {
        use kps_orig_cmdline_proc_show as original;
        // SAFETY: the author of shapes.kps:18 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
                SEEN.fetch_add(1, Ordering::Relaxed);
                let raw = c"spans
 two lines\n";
                seq_printf(m, raw.as_ptr());
                original(m, v)
        }
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_do_sys_openat2();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.do_sys_openat2,0"]
        pub(super) fn kps_old_do_sys_openat2();

        /// The old function, entered behind its ftrace site.
        fn kps_orig_do_sys_openat2(
            dfd: c_int,
            filename: *const c_char,
            how: *mut open_how,
        ) -> c_int;
    }

    super::kps::shim::entry!("do_sys_openat2", stack_words = 0);

    super::kps::shim::original!(
        "do_sys_openat2", old = "kps.sym.vmlinux.do_sys_openat2,0", skip = 5
    );

    /// Runs a hook, `do_sys_openat2` and another hook.
    #[no_mangle]
    unsafe extern "C" fn kps_body_do_sys_openat2(
        mut dfd: c_int,
        mut filename: *const c_char,
        mut how: *mut open_how,
    ) -> c_int {
        // SAFETY: the author of shapes.kps:26 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            if (*how).flags > 4096 { return -EINVAL; }
        }
        // SAFETY: the old function gets the arguments that its caller passed or that the hook
        // before it chose. It is entered behind its ftrace site, so the call does not come back
        // here.
        let mut ret = unsafe { kps_orig_do_sys_openat2(dfd, filename, how) };
        // SAFETY: the author of shapes.kps:27 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            if ret < 0 { ret = unexported_helper(ret); }
        }
        ret
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_eight_arguments();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.eight_arguments,0"]
        pub(super) fn kps_old_eight_arguments();
    }

    super::kps::shim::pre_entry!(
        "eight_arguments", old = "kps.sym.vmlinux.eight_arguments,0", skip = 9
    );

    /// Runs before `eight_arguments`.
    #[no_mangle]
    unsafe extern "C" fn kps_body_eight_arguments(
        kps_frame: *mut super::kps::frame::Frame<2>,
    ) -> c_long {
        // SAFETY: the entry passes the frame that it has just built on this task's own stack.
        let kps_frame = unsafe { &mut *kps_frame };
        let mut a: c_long = kps_frame.args[0] as c_long;
        let mut b: c_long = kps_frame.args[1] as c_long;
        let mut c: c_long = kps_frame.args[2] as c_long;
        let mut d: c_long = kps_frame.args[3] as c_long;
        let mut e: c_long = kps_frame.args[4] as c_long;
        let mut f: c_long = kps_frame.args[5] as c_long;
        let mut g: c_long = kps_frame.stack[0] as c_long;
        let mut h: c_long = kps_frame.stack[1] as c_long;
        // SAFETY: the author of shapes.kps:29 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            h = a;
        }
        kps_frame.args[0] = a as ::core::primitive::u64;
        kps_frame.args[1] = b as ::core::primitive::u64;
        kps_frame.args[2] = c as ::core::primitive::u64;
        kps_frame.args[3] = d as ::core::primitive::u64;
        kps_frame.args[4] = e as ::core::primitive::u64;
        kps_frame.args[5] = f as ::core::primitive::u64;
        kps_frame.stack[0] = g as ::core::primitive::u64;
        kps_frame.stack[1] = h as ::core::primitive::u64;
        kps_frame.go_on = 1;
        // SAFETY: every C return type has the value zero, and the entry discards this one.
        unsafe { super::kps::frame::unread() }
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_takes_sockptr();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.takes_sockptr,0"]
        pub(super) fn kps_old_takes_sockptr();
    }

    super::kps::shim::pre_entry!(
        "takes_sockptr", old = "kps.sym.vmlinux.takes_sockptr,0", skip = 9
    );

    /// Runs before `takes_sockptr`.
    #[no_mangle]
    unsafe extern "C" fn kps_body_takes_sockptr(
        kps_frame: *mut super::kps::frame::Frame<0>,
    ) -> c_int {
        // SAFETY: the entry passes the frame that it has just built on this task's own stack.
        let kps_frame = unsafe { &mut *kps_frame };
        // SAFETY: the caller passes a value of this type, in these words.
        let mut optval: sockptr_t = unsafe {
            super::kps::frame::take(&kps_frame.args[0..2])
        };
        // SAFETY: the author of shapes.kps:30 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            if optval.is_kernel { return -EINVAL; }
        }
        super::kps::frame::put(&mut kps_frame.args[0..2], optval);
        kps_frame.go_on = 1;
        // SAFETY: every C return type has the value zero, and the entry discards this one.
        unsafe { super::kps::frame::unread() }
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch___x64_sys_openat2();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.__x64_sys_openat2,0"]
        pub(super) fn kps_old___x64_sys_openat2();

        /// The old function, entered behind its ftrace site.
        fn kps_orig___x64_sys_openat2(regs: *const pt_regs) -> c_long;
    }

    super::kps::shim::entry!("__x64_sys_openat2", stack_words = 0);

    super::kps::shim::original!(
        "__x64_sys_openat2", old = "kps.sym.vmlinux.__x64_sys_openat2,0", skip = 9
    );

    /// Runs a hook, `__x64_sys_openat2` and another hook.
    #[no_mangle]
    unsafe extern "C" fn kps_body___x64_sys_openat2(kps_regs: *const pt_regs) -> c_long {
        // SAFETY: the kernel passes the registers of the caller, which stay in memory for as long
        // as the call lasts. What is changed is a copy: the caller gets its own ones back.
        let kps_regs = unsafe { *kps_regs };
        let mut dfd: c_int = kps_regs.di as c_int;
        let mut filename: super::kps::user::UserPtr<c_char> = super::kps::user::UserPtr::new(
            kps_regs.si as *mut c_char,
        );
        let mut how: super::kps::user::UserPtr<open_how> = super::kps::user::UserPtr::new(
            kps_regs.dx as *mut open_how,
        );
        let mut usize: usize = kps_regs.r10 as usize;
        let original = |
            dfd: c_int,
            filename: super::kps::user::UserPtr<c_char>,
            how: super::kps::user::UserPtr<open_how>,
            usize: usize|
        {
            let kps_regs = pt_regs {
                di: dfd as ::core::primitive::u64,
                si: filename.as_ptr() as ::core::primitive::usize
                    as ::core::primitive::u64,
                dx: how.as_ptr() as ::core::primitive::usize as ::core::primitive::u64,
                r10: usize as ::core::primitive::u64,
                ..kps_regs
            };
            // SAFETY: the old system call gets the registers that its caller had, but for these
            // arguments. It is entered behind its ftrace site, so the call does not come back here.
            unsafe { kps_orig___x64_sys_openat2(&kps_regs) }
        };
        // SAFETY: the author of shapes.kps:32 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            dfd = PIDTYPE_TGID as c_int;
        }
        let mut ret = original(dfd, filename, how, usize);
        // SAFETY: the author of shapes.kps:33 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            if how.is_null() { ret = -1; }
        }
        ret
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch___x64_sys_unsaid();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.__x64_sys_unsaid,0"]
        pub(super) fn kps_old___x64_sys_unsaid();

        /// The old function, entered behind its ftrace site.
        fn kps_orig___x64_sys_unsaid(regs: *const pt_regs) -> c_long;
    }

    super::kps::shim::entry!("__x64_sys_unsaid", stack_words = 0);

    super::kps::shim::original!(
        "__x64_sys_unsaid", old = "kps.sym.vmlinux.__x64_sys_unsaid,0", skip = 9
    );

    /// Runs in the place of `__x64_sys_unsaid`.
    #[no_mangle]
    unsafe extern "C" fn kps_body___x64_sys_unsaid(kps_regs: *const pt_regs) -> c_long {
        // SAFETY: the kernel passes the registers of the caller, which stay in memory for as long
        // as the call lasts. What is changed is a copy: the caller gets its own ones back.
        let kps_regs = unsafe { *kps_regs };
        let mut r#type: c_int = kps_regs.di as c_int;
        // SAFETY: C passes a function pointer or NULL, and None is NULL.
        let mut handler: ::core::option::Option<unsafe extern "C" fn(c_int)> = unsafe {
            ::core::mem::transmute::<
                ::core::primitive::u64,
                ::core::option::Option<unsafe extern "C" fn(c_int)>,
            >(kps_regs.si)
        };
        let original = |
            r#type: c_int,
            handler: ::core::option::Option<unsafe extern "C" fn(c_int)>|
        {
            let kps_regs = pt_regs {
                di: r#type as ::core::primitive::u64,
                si: handler
                    .map_or(
                        0,
                        |kps_function| {
                            kps_function as ::core::primitive::usize
                                as ::core::primitive::u64
                        },
                    ),
                ..kps_regs
            };
            // SAFETY: the old system call gets the registers that its caller had, but for these
            // arguments. It is entered behind its ftrace site, so the call does not come back here.
            unsafe { kps_orig___x64_sys_unsaid(&kps_regs) }
        };
        // SAFETY: the author of shapes.kps:36 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            if handler.is_some() { original(r#type, None) } else { 0 }
        }
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch___x64_sys_getpid();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.__x64_sys_getpid,0"]
        pub(super) fn kps_old___x64_sys_getpid();
    }

    super::kps::shim::pre_entry!(
        "__x64_sys_getpid", old = "kps.sym.vmlinux.__x64_sys_getpid,0", skip = 9
    );

    /// Runs before `__x64_sys_getpid`.
    #[no_mangle]
    unsafe extern "C" fn kps_body___x64_sys_getpid(
        kps_frame: *mut super::kps::frame::Frame<0>,
    ) -> c_long {
        // SAFETY: the entry passes the frame that it has just built on this task's own stack. The
        // first argument in it is the address of the caller's registers, which stay in memory for
        // as long as the call lasts. They are the caller's own and not to be changed.
        let (kps_frame, kps_regs) = unsafe {
            let kps_frame = &mut *kps_frame;
            let kps_regs = &*(kps_frame.args[0] as *const pt_regs);
            (kps_frame, kps_regs)
        };
        // SAFETY: the author of shapes.kps:38 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            if SEEN.load(Ordering::Relaxed) > 9 { return 1; }
        }
        kps_frame.go_on = 1;
        // SAFETY: every C return type has the value zero, and the entry discards this one.
        unsafe { super::kps::frame::unread() }
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_returns_timespec();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.returns_timespec,0"]
        pub(super) fn kps_old_returns_timespec();

        /// The old function, entered behind its ftrace site.
        fn kps_orig_returns_timespec() -> timespec64;
    }

    super::kps::shim::entry!("returns_timespec", stack_words = 0);

    super::kps::shim::original!(
        "returns_timespec", old = "kps.sym.vmlinux.returns_timespec,0", skip = 9
    );

    /// Runs `returns_timespec` and then the hook.
    #[no_mangle]
    unsafe extern "C" fn kps_body_returns_timespec() -> timespec64 {
        // SAFETY: the old function gets the arguments that its caller passed or that the hook
        // before it chose. It is entered behind its ftrace site, so the call does not come back
        // here.
        let mut ret = unsafe { kps_orig_returns_timespec() };
        // SAFETY: the author of shapes.kps:39 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            ret.tv_nsec = 0;
        }
        ret
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_show_type();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.show_type,2"]
        pub(super) fn kps_old_show_type();
    }

    super::kps::shim::pre_entry!(
        "show_type", old = "kps.sym.vmlinux.show_type,2", skip = 5
    );

    /// Runs before `show_type`.
    #[no_mangle]
    unsafe extern "C" fn kps_body_show_type(
        kps_frame: *mut super::kps::frame::Frame<0>,
    ) {
        // SAFETY: the entry passes the frame that it has just built on this task's own stack.
        let kps_frame = unsafe { &mut *kps_frame };
        let mut m: *mut seq_file = kps_frame.args[0] as *mut seq_file;
        // SAFETY: the author of shapes.kps:40 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            (*m).count = 0;
        }
        kps_frame.args[0] = m as ::core::primitive::usize as ::core::primitive::u64;
        kps_frame.go_on = 1;
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_show_type_2();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.show_type,1"]
        pub(super) fn kps_old_show_type_2();

        /// The old function, entered behind its ftrace site.
        fn kps_orig_show_type_2(m: *mut seq_file);
    }

    super::kps::shim::entry!("show_type_2", stack_words = 0);

    super::kps::shim::original!(
        "show_type_2", old = "kps.sym.vmlinux.show_type,1", skip = 9
    );

    /// Runs `show_type` and then the hook.
    #[no_mangle]
    unsafe extern "C" fn kps_body_show_type_2(mut m: *mut seq_file) {
        // SAFETY: the old function gets the arguments that its caller passed or that the hook
        // before it chose. It is entered behind its ftrace site, so the call does not come back
        // here.
        unsafe { kps_orig_show_type_2(m) };
        // SAFETY: the author of shapes.kps:41 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            do_nothing();
        }
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_clone_me_isra_0();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.clone_me.isra.0,0"]
        pub(super) fn kps_old_clone_me_isra_0();

        /// The old function, entered behind its ftrace site.
        fn kps_orig_clone_me_isra_0(m: *mut seq_file, v: *mut c_void) -> c_int;
    }

    super::kps::shim::entry!("clone_me_isra_0", stack_words = 0);

    super::kps::shim::original!(
        "clone_me_isra_0", old = "kps.sym.vmlinux.clone_me.isra.0,0", skip = 9
    );

    /// Runs `clone_me.isra.0` and then the hook.
    #[no_mangle]
    unsafe extern "C" fn kps_body_clone_me_isra_0(
        mut m: *mut seq_file,
        mut v: *mut c_void,
    ) -> c_int {
        // SAFETY: the old function gets the arguments that its caller passed or that the hook
        // before it chose. It is entered behind its ftrace site, so the call does not come back
        // here.
        let mut ret = unsafe { kps_orig_clone_me_isra_0(m, v) };
        // SAFETY: the author of shapes.kps:42 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            if (*(*m).file).f_pos == PIDTYPE_TGID as i64 { ret = 0; }
        }
        ret
    }

    extern "C" {
        /// What ftrace sends callers to.
        pub(super) fn livepatch_odd_names();

        /// The old function, for its address alone.
        #[allow(clashing_extern_declarations)]
        #[link_name = "kps.sym.vmlinux.odd_names,0"]
        pub(super) fn kps_old_odd_names();

        /// The old function, entered behind its ftrace site.
        fn kps_orig_odd_names(
            r#type: c_int,
            self_: c_int,
            ret_: c_int,
            arg3: c_int,
            r#match: c_int,
            original_: c_int,
        ) -> c_int;
    }

    super::kps::shim::entry!("odd_names", stack_words = 0);

    super::kps::shim::original!(
        "odd_names", old = "kps.sym.vmlinux.odd_names,0", skip = 9
    );

    /// Runs `odd_names` and then the hook.
    #[no_mangle]
    unsafe extern "C" fn kps_body_odd_names(
        mut r#type: c_int,
        mut self_: c_int,
        mut ret_: c_int,
        mut arg3: c_int,
        mut r#match: c_int,
        mut original_: c_int,
    ) -> c_int {
        // SAFETY: the old function gets the arguments that its caller passed or that the hook
        // before it chose. It is entered behind its ftrace site, so the call does not come back
        // here.
        let mut ret = unsafe {
            kps_orig_odd_names(r#type, self_, ret_, arg3, r#match, original_)
        };
        // SAFETY: the author of shapes.kps:44 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
            ret = r#type + self_ + ret_ + arg3 + r#match + original_;
        }
        ret
    }

    pub(super) unsafe extern "C" fn kps_pre_patch(obj: *mut klp_object) -> c_int {
        // SAFETY: the author of shapes.kps:46 answers for this text. The kernel calls it under
        // `klp_mutex`, while the module is loaded.
        unsafe {
            if obj.is_null() { return -EINVAL; } 0
        }
    }

    pub(super) unsafe extern "C" fn kps_post_unpatch(obj: *mut klp_object) {
        // SAFETY: the author of shapes.kps:47 answers for this text. The kernel calls it under
        // `klp_mutex`, while the module is loaded.
        unsafe {
            console_printk[0] = 4;
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
    use super::kps_in_vmlinux;
    use ::core::ffi::{c_int, c_void};
    use ::core::option::Option::{None, Some};
    use ::core::primitive::{bool, u8};
    use ::core::ptr::null;
    use ::core::result::Result::{Err, Ok};
    static mut FUNCS_vmlinux: [klp_func; 13] = [
        klp_func {
            old_name: c"cmdline_proc_show".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_cmdline_proc_show as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"do_sys_openat2".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_do_sys_openat2 as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"eight_arguments".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_eight_arguments as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"takes_sockptr".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_takes_sockptr as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"__x64_sys_openat2".as_ptr(),
            new_func: kps_in_vmlinux::livepatch___x64_sys_openat2 as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"__x64_sys_unsaid".as_ptr(),
            new_func: kps_in_vmlinux::livepatch___x64_sys_unsaid as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"__x64_sys_getpid".as_ptr(),
            new_func: kps_in_vmlinux::livepatch___x64_sys_getpid as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"returns_timespec".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_returns_timespec as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"show_type".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_show_type as *mut c_void,
            old_sympos: 2,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"show_type".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_show_type_2 as *mut c_void,
            old_sympos: 1,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"clone_me.isra.0".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_clone_me_isra_0 as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func {
            old_name: c"odd_names".as_ptr(),
            new_func: kps_in_vmlinux::livepatch_odd_names as *mut c_void,
            ..klp_func::ZERO
        },
        klp_func::ZERO,
    ];
    static mut OBJECTS: [klp_object; 2] = [
        klp_object {
            name: null(),
            funcs: ::core::ptr::addr_of_mut!(FUNCS_vmlinux).cast(),
            callbacks: klp_callbacks {
                pre_patch: Some(kps_in_vmlinux::kps_pre_patch),
                post_unpatch: Some(kps_in_vmlinux::kps_post_unpatch),
                ..klp_callbacks::ZERO
            },
            ..klp_object::ZERO
        },
        klp_object::ZERO,
    ];
    static mut PATCH: klp_patch = klp_patch {
        objs: ::core::ptr::addr_of_mut!(OBJECTS).cast(),
        replace: true,
        ..klp_patch::ZERO
    };
    /// The build-id of the target kernel.
    static BUILD_ID: [u8; 20] = [
        0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d,
        0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14,
    ];
    /// How the patched functions start there.
    static ENTRIES: [Entry; 12] = [
        Entry {
            name: "cmdline_proc_show",
            function: kps_in_vmlinux::kps_old_cmdline_proc_show as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "do_sys_openat2",
            function: kps_in_vmlinux::kps_old_do_sys_openat2 as *const u8,
            landing_pad: false,
        },
        Entry {
            name: "eight_arguments",
            function: kps_in_vmlinux::kps_old_eight_arguments as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "takes_sockptr",
            function: kps_in_vmlinux::kps_old_takes_sockptr as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "__x64_sys_openat2",
            function: kps_in_vmlinux::kps_old___x64_sys_openat2 as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "__x64_sys_unsaid",
            function: kps_in_vmlinux::kps_old___x64_sys_unsaid as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "__x64_sys_getpid",
            function: kps_in_vmlinux::kps_old___x64_sys_getpid as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "returns_timespec",
            function: kps_in_vmlinux::kps_old_returns_timespec as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "show_type",
            function: kps_in_vmlinux::kps_old_show_type as *const u8,
            landing_pad: false,
        },
        Entry {
            name: "show_type",
            function: kps_in_vmlinux::kps_old_show_type_2 as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "clone_me.isra.0",
            function: kps_in_vmlinux::kps_old_clone_me_isra_0 as *const u8,
            landing_pad: true,
        },
        Entry {
            name: "odd_names",
            function: kps_in_vmlinux::kps_old_odd_names as *const u8,
            landing_pad: true,
        },
    ];
    #[link_section = ".note.kps"]
    #[used]
    static NOTE: Note<286> = Note::new(
        *b"\
            patch=shapes\n\
            version=1.0\n\
            fixes=CVE-2026-0001\n\
            replace=always\n\
            callback=pre_patch vmlinux\n\
            callback=post_unpatch vmlinux\n\
            kernel=7.3.4-fixture\n\
            build-id=0102030405060708090a0b0c0d0e0f1011121314\n\
            source-sha256=c5e19d54b6720d9e6fe69b2db7064b3f5739b08c6d3207dee966524d8cbefde8\n\
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
                            c"\u{1}3shapes: refused: this kernel is not 7.3.4-fixture with build-id 0102030405060708090a0b0c0d0e0f1011121314\n",
                        )
                    };
                    return Err(::kernel::error::code::ENOEXEC);
                }
                Err(Mismatch::Entry(function)) => {
                    // SAFETY: the format takes a name.
                    unsafe {
                        message::error_about(
                            c"\u{1}3shapes: refused: %.*s does not start as in 7.3.4-fixture\n",
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
