// SPDX-License-Identifier: GPL-2.0
//! The livepatch `params` for Linux 7.3.4-fixture.
//!
//! kpsc wrote this file. Change the spec and not this.
#![allow(missing_docs, unreachable_pub, unknown_lints, dangerous_implicit_autorefs)]

#[allow(dead_code, unused_imports, unused_macros)]
#[path = "kps/lib.rs"]
mod kps;

#[path = "params_types.rs"]
mod types;

#[allow(unused_imports)]
use self::{kps::prelude::*, types::*};

::kernel::prelude::module! {
    type: livepatch::Module,
    name: "params",
    description: "Parameters of every kind, one of which decides whether the patch replaces others.",
    license: "GPL",
}

/// What `module!` has no key for. The first entry makes the module a livepatch.
#[allow(non_upper_case_globals)]
const _: () = {
    #[link_section = ".modinfo"]
    #[used]
    static LIVEPATCH: [::core::primitive::u8; 12] = *b"livepatch=Y\0";

    #[link_section = ".modinfo"]
    #[used]
    static parm_verbose: [::core::primitive::u8; 27] = *b"parm=verbose:log every hit\0";

    #[link_section = ".modinfo"]
    #[used]
    static parmtype_verbose: [::core::primitive::u8; 22] = *b"parmtype=verbose:bool\0";

    #[link_section = ".modinfo"]
    #[used]
    static parmtype_ratio: [::core::primitive::u8; 21] = *b"parmtype=ratio:short\0";

    #[link_section = ".modinfo"]
    #[used]
    static parm_most: [::core::primitive::u8; 27] = *b"parm=most:of them: at most\0";

    #[link_section = ".modinfo"]
    #[used]
    static parmtype_most: [::core::primitive::u8; 21] = *b"parmtype=most:ullong\0";

    #[link_section = ".modinfo"]
    #[used]
    static parm_levels: [::core::primitive::u8; 23] = *b"parm=levels:the levels\0";

    #[link_section = ".modinfo"]
    #[used]
    static parmtype_levels: [::core::primitive::u8; 29] = *b"parmtype=levels:array of int\0";

    #[link_section = ".modinfo"]
    #[used]
    static parmtype_flags: [::core::primitive::u8; 29] = *b"parmtype=flags:array of bool\0";

    #[link_section = ".modinfo"]
    #[used]
    static parmtype_device: [::core::primitive::u8; 22] = *b"parmtype=device:charp\0";

    #[link_section = ".modinfo"]
    #[used]
    static parm_label: [::core::primitive::u8; 28] = *b"parm=label:shown at the end\0";

    #[link_section = ".modinfo"]
    #[used]
    static parmtype_label: [::core::primitive::u8; 21] = *b"parmtype=label:charp\0";

    #[link_section = ".modinfo"]
    #[used]
    static parmtype_type: [::core::primitive::u8; 19] = *b"parmtype=type:byte\0";

    #[link_section = ".modinfo"]
    #[used]
    static parmtype_param_ops_byte: [::core::primitive::u8; 29] = *b"parmtype=param_ops_byte:bool\0";
};

/// The parameters as the loader and sysfs know them (`kernel/params.c`). The loader takes
/// the section for an array of these structs.
#[allow(non_upper_case_globals)]
const _: () = {
    use self::kps::param::Record;
    use self::types::{kernel_param, kparam_array};

    extern "C" {
        static __this_module: ::core::primitive::u8;
        static param_array_ops: ::core::primitive::u8;
        static param_ops_bool: ::core::primitive::u8;
        static param_ops_byte: ::core::primitive::u8;
        static param_ops_charp: ::core::primitive::u8;
        static param_ops_int: ::core::primitive::u8;
        static param_ops_short: ::core::primitive::u8;
        static param_ops_ullong: ::core::primitive::u8;
    }

    static array_levels: Record<kparam_array> = Record(kparam_array {
        max: self::kps::param::Array::max(&self::levels),
        elemsize: ::core::mem::size_of::<::core::ffi::c_int>() as ::core::primitive::u32,
        num: self::kps::param::Array::len_ptr(&self::levels),
        ops: ::core::ptr::addr_of!(param_ops_int).cast(),
        elem: self::kps::param::Array::as_ptr(&self::levels).cast(),
        ..kparam_array::ZERO
    });

    static array_flags: Record<kparam_array> = Record(kparam_array {
        max: self::kps::param::Array::max(&self::flags),
        elemsize: ::core::mem::size_of::<::core::primitive::bool>()
            as ::core::primitive::u32,
        num: self::kps::param::Array::len_ptr(&self::flags),
        ops: ::core::ptr::addr_of!(param_ops_bool).cast(),
        elem: self::kps::param::Array::as_ptr(&self::flags).cast(),
        ..kparam_array::ZERO
    });

    #[link_section = "__param"]
    #[used]
    static PARAMS: Record<[kernel_param; 9]> = Record([
        kernel_param {
            name: c"verbose".as_ptr(),
            r#mod: ::core::ptr::addr_of!(__this_module).cast_mut().cast(),
            ops: ::core::ptr::addr_of!(param_ops_bool).cast(),
            perm: 0o644,
            level: -1,
            arg: self::kps::param::Param::as_ptr(&self::verbose).cast(),
            ..kernel_param::ZERO
        },
        kernel_param {
            name: c"ratio".as_ptr(),
            r#mod: ::core::ptr::addr_of!(__this_module).cast_mut().cast(),
            ops: ::core::ptr::addr_of!(param_ops_short).cast(),
            perm: 0o444,
            level: -1,
            arg: self::kps::param::Param::as_ptr(&self::ratio).cast(),
            ..kernel_param::ZERO
        },
        kernel_param {
            name: c"most".as_ptr(),
            r#mod: ::core::ptr::addr_of!(__this_module).cast_mut().cast(),
            ops: ::core::ptr::addr_of!(param_ops_ullong).cast(),
            perm: 0,
            level: -1,
            arg: self::kps::param::Param::as_ptr(&self::most).cast(),
            ..kernel_param::ZERO
        },
        kernel_param {
            name: c"levels".as_ptr(),
            r#mod: ::core::ptr::addr_of!(__this_module).cast_mut().cast(),
            ops: ::core::ptr::addr_of!(param_array_ops).cast(),
            perm: 0o600,
            level: -1,
            arg: ::core::ptr::addr_of!(array_levels).cast_mut().cast(),
            ..kernel_param::ZERO
        },
        kernel_param {
            name: c"flags".as_ptr(),
            r#mod: ::core::ptr::addr_of!(__this_module).cast_mut().cast(),
            ops: ::core::ptr::addr_of!(param_array_ops).cast(),
            perm: 0o444,
            level: -1,
            arg: ::core::ptr::addr_of!(array_flags).cast_mut().cast(),
            ..kernel_param::ZERO
        },
        kernel_param {
            name: c"device".as_ptr(),
            r#mod: ::core::ptr::addr_of!(__this_module).cast_mut().cast(),
            ops: ::core::ptr::addr_of!(param_ops_charp).cast(),
            perm: 0o444,
            level: -1,
            arg: self::kps::param::Charp::as_ptr(&self::device).cast(),
            ..kernel_param::ZERO
        },
        kernel_param {
            name: c"label".as_ptr(),
            r#mod: ::core::ptr::addr_of!(__this_module).cast_mut().cast(),
            ops: ::core::ptr::addr_of!(param_ops_charp).cast(),
            perm: 0o640,
            level: -1,
            arg: self::kps::param::SharedCharp::as_ptr(&self::label).cast(),
            ..kernel_param::ZERO
        },
        kernel_param {
            name: c"type".as_ptr(),
            r#mod: ::core::ptr::addr_of!(__this_module).cast_mut().cast(),
            ops: ::core::ptr::addr_of!(param_ops_byte).cast(),
            perm: 0o444,
            level: -1,
            arg: self::kps::param::Param::as_ptr(&self::r#type).cast(),
            ..kernel_param::ZERO
        },
        kernel_param {
            name: c"param_ops_byte".as_ptr(),
            r#mod: ::core::ptr::addr_of!(__this_module).cast_mut().cast(),
            ops: ::core::ptr::addr_of!(param_ops_bool).cast(),
            perm: 0o444,
            level: -1,
            arg: self::kps::param::Param::as_ptr(&self::param_ops_byte).cast(),
            ..kernel_param::ZERO
        },
    ]);
};

/// The parameter `verbose`.
#[allow(non_upper_case_globals)]
static verbose: self::kps::param::Param<::core::primitive::bool> = self::kps::param::Param::new(
    false,
);

/// The parameter `ratio`.
#[allow(non_upper_case_globals)]
static ratio: self::kps::param::Param<::core::primitive::i16> = self::kps::param::Param::new(
    -3,
);

/// The parameter `most`.
#[allow(non_upper_case_globals)]
static most: self::kps::param::Param<::core::primitive::u64> = self::kps::param::Param::new(
    18446744073709551615,
);

/// The parameter `levels`.
#[allow(non_upper_case_globals)]
static levels: self::kps::param::Array<::core::ffi::c_int, 4> = self::kps::param::Array::new(
    [1, 16, 0, 0],
    2,
);

/// The parameter `flags`.
#[allow(non_upper_case_globals)]
static flags: self::kps::param::Array<::core::primitive::bool, 2> = self::kps::param::Array::new(
    [false; 2],
    0,
);

/// The parameter `device`.
#[allow(non_upper_case_globals)]
static device: self::kps::param::Charp = self::kps::param::Charp::new(c"eth0");

/// The parameter `label`.
#[allow(non_upper_case_globals)]
static label: self::kps::param::SharedCharp = self::kps::param::SharedCharp::new(
    c"\"none\"",
);

/// The parameter `type`.
#[allow(non_upper_case_globals)]
static r#type: self::kps::param::Param<::core::primitive::u8> = self::kps::param::Param::new(
    0,
);

/// The parameter `param_ops_byte`.
#[allow(non_upper_case_globals)]
static param_ops_byte: self::kps::param::Param<::core::primitive::bool> = self::kps::param::Param::new(
    true,
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
        // SAFETY: the old function gets the arguments that its caller passed or that the hook
        // before it chose. It is entered behind its ftrace site, so the call does not come back
        // here.
        let mut ret = unsafe { kps_orig_cmdline_proc_show(m, v) };
        // SAFETY: the author of params.kps:19 answers for this text. ftrace calls it in the place
        // of the old function, with that function's arguments, and the frame of the entry keeps the
        // module loaded until it has returned.
        unsafe {
                if verbose.get() {
                    seq_printf(m, c"%d of %d\n".as_ptr(), levels.get(0).unwrap_or(ratio.get().into()), levels.len() as c_int);
                }
                if flags.get(1) == Some(true) || most.get() > 4 || r#type.get() == 1 || param_ops_byte.get() { ret = 1; }
                seq_printf(m, c"%s\n".as_ptr(), device.get().as_ptr());
                label.with(|text| unsafe { seq_printf(m, c"%s\n".as_ptr(), text.as_ptr()) });
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
    static NOTE: Note<199> = Note::new(
        *b"\
            patch=params\n\
            replace=if ratio\n\
            kernel=7.3.4-fixture\n\
            build-id=0102030405060708090a0b0c0d0e0f1011121314\n\
            source-sha256=38c0511df4288d6f31a206e3cf2d370864ec036213928ed3b6b21eb5371aba60\n\
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
                            c"\u{1}3params: refused: this kernel is not 7.3.4-fixture with build-id 0102030405060708090a0b0c0d0e0f1011121314\n",
                        )
                    };
                    return Err(::kernel::error::code::ENOEXEC);
                }
                Err(Mismatch::Entry(function)) => {
                    // SAFETY: the format takes a name.
                    unsafe {
                        message::error_about(
                            c"\u{1}3params: refused: %.*s does not start as in 7.3.4-fixture\n",
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
                (*patch).replace = super::kps::param::Param::get(&super::ratio) != 0;
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
