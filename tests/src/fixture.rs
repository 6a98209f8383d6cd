// SPDX-License-Identifier: GPL-2.0
//! A kernel that no machine runs, small enough to know by heart. Stages of the compiler are tested
//! on it.
//!
//! Its names are those of real kernels, so that examples in the documentation read like patches.

use crate::btf::{BtfWriter, VOID};
use kps_facts::btf::Btf;
use kps_facts::{
    DebugInfo, Export, Facts, Identity, Object, Section, Site, Sites, SourceLine, Sym, Symbols,
    SyscallParam,
};
use std::collections::BTreeMap;

/// Where `.text` starts.
pub const TEXT: u64 = 0xffff_ffff_8100_0000;
/// The build-id of its image.
const BUILD_ID: [u8; 20] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20];
const DATA: u64 = 0xffff_ffff_8200_0000;
const INIT: u64 = 0xffff_ffff_8300_0000;

const ENDBR_CALL: [u8; kps_facts::ENTRY_BYTES] = [0xf3, 0x0f, 0x1e, 0xfa, 0xe8, 1, 2, 3, 4];
const CALL: [u8; kps_facts::ENTRY_BYTES] = [0xe8, 1, 2, 3, 4, 0x55, 0x48, 0x89, 0xe5];
const PUSH_CALL: [u8; kps_facts::ENTRY_BYTES] = [0x55, 0xe8, 1, 2, 3, 4, 0x48, 0x89, 0xe5];

/// How a function of the fixture starts.
#[derive(Debug, Clone, Copy)]
enum Start {
    Endbr,
    Bare,
    Odd,
    NoSite,
}

/// The functions by address, sixteen bytes apart.
const FUNCTIONS: &[(&str, Start)] = &[
    ("_text", Start::NoSite),
    ("asm_entry", Start::NoSite),
    ("cmdline_proc_show", Start::Endbr),
    ("do_sys_openat2", Start::Bare),
    ("show_mountinfo", Start::Endbr),
    ("show_type", Start::Endbr),
    ("mountstats_open", Start::Endbr),
    ("meminfo_proc_show", Start::Endbr),
    ("show_type", Start::Bare),
    ("version_proc_show", Start::Endbr),
    ("seq_printf", Start::Endbr),
    ("seq_puts", Start::Endbr),
    ("msleep", Start::Endbr),
    ("odd_start", Start::Odd),
    ("no_btf_function", Start::Endbr),
    ("two_prototypes", Start::Endbr),
    ("takes_sockptr", Start::Endbr),
    ("returns_timespec", Start::Endbr),
    ("eight_arguments", Start::Endbr),
    ("do_nothing", Start::Bare),
    ("unexported_helper", Start::Endbr),
    ("clone_me.isra.0", Start::Endbr),
    ("odd_names", Start::Endbr),
    ("hrtimer_nanosleep", Start::Endbr),
    ("remap_pte_fn", Start::Endbr),
    ("array_map_alloc_check", Start::Endbr),
    ("lfb_size", Start::Endbr),
    ("seq_putc", Start::Endbr),
    ("copy_page", Start::NoSite),
    ("perf_load_guest_lvtpc", Start::Endbr),
    ("smp_call", Start::Endbr),
    ("do_exit", Start::Endbr),
    ("worker_thread", Start::Endbr),
    ("dput", Start::Endbr),
    ("dput.part.0", Start::Bare),
    ("tz_trip_up", Start::Endbr),
    ("__x64_sys_getpid", Start::Endbr),
    ("__x64_sys_openat2", Start::Endbr),
    ("__ia32_sys_openat2", Start::Endbr),
    ("__x64_sys_unsaid", Start::Endbr),
    ("takes_packed", Start::Endbr),
    ("returns_wide", Start::Endbr),
    ("netif_rx", Start::Endbr),
    ("_RNvNtCs1234_6kernel5print4emit", Start::NoSite),
    ("kfree_skbmem", Start::Endbr),
    ("wake_up_klogd", Start::Endbr),
    ("smp_call.cold", Start::NoSite),
    ("path_put", Start::Endbr),
];

/// The variables by address, with the bytes to the next one.
const VARIABLES: &[(&str, u64)] = &[
    ("saved_command_line", 8),
    ("console_printk", 16),
    ("jiffies", 8),
    ("init_task", 4096),
    ("__end_of_data", 16),
];

/// What is freed after boot, sixteen bytes apart: code, a variable, and the first values of per-CPU
/// variables.
const FREED: &[&str] = &[
    "__init_begin",
    "start_kernel",
    "initcall_debug",
    "process_counts",
    "cpu_number",
    "__init_end",
];

/// The facts of the fixture.
pub fn facts() -> Facts {
    let mut symbols = Vec::new();
    let mut sites = Sites::default();
    for (n, &(name, start)) in FUNCTIONS.iter().enumerate() {
        let address = TEXT + 16 * n as u64;
        symbols.push(Sym { address, kind: 't', name });
        let site = match start {
            Start::Endbr => Site { offset: 4, bytes: ENDBR_CALL },
            Start::Bare => Site { offset: 0, bytes: CALL },
            Start::Odd => Site { offset: 1, bytes: PUSH_CALL },
            Start::NoSite => continue,
        };
        sites.insert(address, site);
    }
    for (name, twin) in [("tz_trip_down", "tz_trip_up"), ("__do_sys_getpid", "__x64_sys_getpid")] {
        let n = FUNCTIONS.iter().position(|(name, _)| *name == twin).unwrap_or_default();
        symbols.push(Sym { address: TEXT + 16 * n as u64, kind: 't', name });
    }
    let mut address = DATA;
    for &(name, size) in VARIABLES {
        symbols.push(Sym { address, kind: 'D', name });
        address += size;
    }
    for (n, &name) in FREED.iter().enumerate() {
        symbols.push(Sym { address: INIT + 16 * n as u64, kind: 'T', name });
    }
    sites.insert(INIT + 16, Site { offset: 4, bytes: ENDBR_CALL });

    let export = |gpl| Export { gpl, namespace: None };
    let in_namespace = |namespace| Export { gpl: true, namespace: Some(namespace) };
    let exports = [
        ("seq_printf", export(false)),
        ("seq_puts", export(false)),
        ("msleep", export(false)),
        ("jiffies", export(false)),
        ("seq_putc", export(false)),
        ("copy_page", export(false)),
        ("perf_load_guest_lvtpc", in_namespace("module:kvm,kvm-intel")),
        ("do_nothing", in_namespace("FIXTURE")),
    ];
    let parameters = [
        "param_ops_bool",
        "param_ops_byte",
        "param_ops_short",
        "param_ops_ushort",
        "param_ops_int",
        "param_ops_uint",
        "param_ops_long",
        "param_ops_ulong",
        "param_ops_ullong",
        "param_ops_charp",
        "param_array_ops",
        "kernel_param_lock",
        "kernel_param_unlock",
    ];
    let exports = exports.into_iter().chain(parameters.map(|name| (name, export(false)))).collect();
    let section = |name: &str, address, size| Section { name: name.into(), address, size };
    let options = [
        ("CONFIG_LIVEPATCH", "y"),
        ("CONFIG_RUST", "y"),
        ("CONFIG_INET", "y"),
        ("CONFIG_HZ", "250"),
    ];
    Facts {
        identity: Identity { release: "7.3.4-fixture".into(), build_id: BUILD_ID.to_vec() },
        config: options.iter().map(|(option, value)| ((*option).into(), (*value).into())).collect(),
        vmlinux: Object {
            symbols: Symbols::new(symbols),
            sections: vec![
                section(".text", TEXT, 0x10000),
                section(".data", DATA, 0x10000),
                section(".init.text", INIT, 32),
                section(".init.data", INIT + 32, 16),
                section(".data..percpu", INIT + 48, 32),
            ],
            sites,
        },
        exports,
        syscalls: syscalls(),
        btf: btf(),
        modules: BTreeMap::new(),
        module_names: Vec::new(),
        debug: Some(debug()),
    }
}

/// Where functions are written, and the copies of two: of `path_put`, of which one is gone after
/// boot, and of `lfb_size` in a function that cannot be redirected.
pub fn debug() -> DebugInfo {
    let files = [
        "fs/namei.c",
        "fs/proc_namespace.c",
        "drivers/base/bus.c",
        "fs/open.c",
        "arch/x86/lib/copy.c",
    ];
    let files = files.map(str::to_owned);
    let place = |file, line| SourceLine { file, line };
    let functions = vec![
        (address_of("path_put", 0), place(0, 571)),
        (address_of("show_type", 0), place(1, 87)),
        (address_of("show_type", 1), place(2, 212)),
    ];
    let copies = [
        ("path_put", "show_mountinfo", place(1, 156)),
        ("path_put", "do_sys_openat2", place(3, 1411)),
        ("lfb_size", "copy_page", place(4, 20)),
    ];
    let copies =
        copies.map(|(of, caller, place)| (address_of(of, 0), address_of(caller, 0), place));
    let of_boot = (address_of("path_put", 0), INIT + 16, place(0, 4000));
    DebugInfo::new(&BUILD_ID, &files, functions, copies.into_iter().chain([of_boot]).collect())
}

/// The address of a function, the first one of its name or a later one.
fn address_of(name: &str, before: usize) -> u64 {
    let all = FUNCTIONS.iter().enumerate().filter(|(_, (known, _))| *known == name);
    all.map(|(n, _)| TEXT + 16 * n as u64)
        .nth(before)
        .unwrap_or_else(|| panic!("there is no {name}"))
}

fn syscalls() -> BTreeMap<String, Vec<SyscallParam>> {
    let param =
        |(ty, name): &(&str, &str)| SyscallParam { ty: (*ty).to_owned(), name: (*name).to_owned() };
    let openat2 = [
        ("int", "dfd"),
        ("const char __user *", "filename"),
        ("struct open_how __user *", "how"),
        ("size_t", "usize"),
    ];
    let calls: [(&str, &[(&str, &str)]); 2] = [("openat2", &openat2), ("getpid", &[])];
    calls
        .iter()
        .map(|(name, params)| ((*name).to_owned(), params.iter().map(param).collect()))
        .collect()
}

fn btf() -> Btf {
    Btf::parse(types().0.finish_with_layout())
        .unwrap_or_else(|error| panic!("the fixture's BTF: {error}"))
}

/// The types, and those that the module uses of them: `int`, `u64` by another name, and a pointer
/// to a `seq_file`.
fn types() -> (BtfWriter, [u32; 3]) {
    let mut w = BtfWriter::default();
    let int = w.int("int", 4, true);
    let char = w.int("char", 1, true);
    let bool = w.int("_Bool", 1, false);
    let long = w.int("long int", 8, true);
    let ulong = w.int("long unsigned int", 8, false);
    let uint = w.int("unsigned int", 4, false);
    let u32 = w.typedef("u32", uint);
    let size_t = w.typedef("size_t", ulong);
    let loff_t = w.typedef("loff_t", long);
    let void_p = w.pointer(VOID);
    let const_char = w.constant(char);
    let const_char_p = w.pointer(const_char);
    let char_p = w.pointer(char);
    let file = w.structure("file", 16, &[("f_flags", uint, 0, None), ("f_pos", loff_t, 64, None)]);
    let file_p = w.pointer(file);
    // An anonymous union, a bitfield and members that a body may name.
    let either = w.union("", 8, &[("tag", u32, 0, None), ("cookie", ulong, 0, None)]);
    let seq_file = w.structure(
        "seq_file",
        48,
        &[
            ("buf", char_p, 0, None),
            ("size", size_t, 64, None),
            ("count", size_t, 128, None),
            ("", either, 192, None),
            ("dirty", uint, 256, Some(1)),
            ("file", file_p, 320, None),
        ],
    );
    let seq_file_p = w.pointer(seq_file);
    let open_how =
        w.structure("open_how", 24, &[("flags", ulong, 0, None), ("mode", ulong, 64, None)]);
    let open_how_p = w.pointer(open_how);
    let sockptr =
        w.structure("sockptr_t", 16, &[("user", void_p, 0, None), ("is_kernel", bool, 64, None)]);
    let timespec =
        w.structure("timespec64", 16, &[("tv_sec", long, 0, None), ("tv_nsec", long, 64, None)]);
    w.enumeration("pid_type", &[("PIDTYPE_PID", 0), ("PIDTYPE_TGID", 1), ("PIDTYPE_MAX", -1)]);
    // Names with two meanings.
    w.enumeration("shmem_param", &[("Opt_size", 6)]);
    w.enumeration("other_param", &[("Opt_size", 5)]);
    w.structure("remap_data", 32, &[("prot", ulong, 128, None)]);
    let remap_data = w.structure("remap_data", 104, &[("prot", ulong, 512, None)]);
    let remap_data_p = w.pointer(remap_data);
    // A union whose anonymous struct has members behind its start.
    let inner = w.structure("", 16, &[("map_type", u32, 0, None), ("max_entries", u32, 96, None)]);
    let attr = w.union("bpf_attr", 16, &[("", inner, 0, None), ("other_entries", ulong, 0, None)]);
    let attr_p = w.pointer(attr);
    // A packed struct that holds one that is not.
    let screen =
        w.structure("screen_info", 25, &[("flag", char, 0, None), ("how", open_how, 8, None)]);
    let screen_p = w.pointer(screen);
    let skb_p = sk_buff(&mut w, [int, uint, ulong, bool, void_p]);
    w.variable("process_counts", ulong);
    klp(&mut w, [int, uint, ulong, bool, const_char_p, void_p]);
    parameters(&mut w, [uint, const_char_p, void_p]);

    let show = [("m", seq_file_p), ("v", void_p)];
    for name in [
        "cmdline_proc_show",
        "meminfo_proc_show",
        "version_proc_show",
        "odd_start",
        "clone_me.isra.0",
    ] {
        w.function(name, int, &show);
    }
    w.function(
        "do_sys_openat2",
        int,
        &[("dfd", int), ("filename", const_char_p), ("how", open_how_p)],
    );
    w.function("show_type", VOID, &[("m", seq_file_p)]);
    w.function("show_mountinfo", int, &show);
    w.function("seq_printf", VOID, &[("m", seq_file_p), ("f", const_char_p), ("...", VOID)]);
    w.function("msleep", VOID, &[("msecs", uint)]);
    w.function("two_prototypes", VOID, &[("a", int)]);
    w.function("two_prototypes", VOID, &[("a", void_p)]);
    let wide = w.int("__int128", 16, true);
    let packed =
        w.structure("packed_pair", 9, &[("kind", bool, 0, None), ("value", ulong, 8, None)]);
    let pt_regs = w.structure(
        "pt_regs",
        168,
        &[
            ("r10", ulong, 7 * 64, None),
            ("r9", ulong, 8 * 64, None),
            ("r8", ulong, 9 * 64, None),
            ("dx", ulong, 12 * 64, None),
            ("si", ulong, 13 * 64, None),
            ("di", ulong, 14 * 64, None),
        ],
    );
    let const_pt_regs = w.constant(pt_regs);
    let const_pt_regs_p = w.pointer(const_pt_regs);
    for name in ["__x64_sys_getpid", "__x64_sys_openat2", "__ia32_sys_openat2", "__x64_sys_unsaid"]
    {
        w.function(name, long, &[("regs", const_pt_regs_p)]);
    }
    w.function("takes_packed", int, &[("level", int), ("pair", packed)]);
    w.function("returns_wide", wide, &[]);
    w.function("takes_sockptr", int, &[("optval", sockptr)]);
    w.function("returns_timespec", timespec, &[]);
    let many: Vec<_> =
        ["a", "b", "c", "d", "e", "f", "g", "h"].into_iter().map(|name| (name, long)).collect();
    w.function("eight_arguments", long, &many);
    w.function("do_nothing", VOID, &[]);
    w.function("unexported_helper", int, &[("value", int)]);
    let names = ["type", "self", "ret", "", "match", "original"];
    let odd: Vec<_> = names.into_iter().map(|name| (name, int)).collect();
    w.function("odd_names", int, &odd);
    w.function("hrtimer_nanosleep", long, &[("rqtp", loff_t), ("mode", uint), ("clockid", int)]);
    w.function("remap_pte_fn", int, &[("data", remap_data_p)]);
    w.function("array_map_alloc_check", int, &[("attr", attr_p)]);
    w.function("lfb_size", ulong, &[("si", screen_p)]);
    w.function("seq_putc", VOID, &[("m", seq_file_p), ("c", char)]);
    w.function("copy_page", VOID, &[]);
    w.function("perf_load_guest_lvtpc", VOID, &[("entry", u32)]);
    let handler = w.prototype(VOID, &[("info", void_p)]);
    let handler_p = w.pointer(handler);
    w.function("smp_call", int, &[("cpu", int), ("func", handler_p), ("info", void_p)]);
    w.function("do_exit", VOID, &[("code", long)]);
    w.function("worker_thread", int, &[("__worker", void_p)]);
    w.function("dput", VOID, &[("dentry", void_p)]);
    w.function("tz_trip_up", int, &[("p", void_p)]);
    w.function("netif_rx", int, &[("skb", skb_p)]);
    w.function("kfree_skbmem", VOID, &[("skb", skb_p)]);
    w.function("wake_up_klogd", VOID, &[]);
    w.function("start_kernel", VOID, &[]);
    w.function("asm_entry", VOID, &[]);
    w.function("path_put", VOID, &[("path", void_p)]);
    (w, [int, ulong, seq_file_p])
}

/// A pointer to a struct with members of the kinds that Rust has no syntax for: bitfields, what
/// overlaps, an array without a length, and what is tagged or `volatile`.
fn sk_buff(w: &mut BtfWriter, [int, uint, ulong, bool, void_p]: [u32; 5]) -> u32 {
    let u8 = w.int("unsigned char", 1, false);
    let state = w.enumeration("skb_state", &[("SKB_FREE", 0), ("SKB_LOST", -1)]);
    let node_ahead = w.next() + 1;
    let node_p = w.pointer(node_ahead);
    let node =
        w.structure("list_head", 16, &[("next", node_p, 0, None), ("prev", node_p, 64, None)]);
    let device = w.union("", 8, &[("dev", void_p, 0, None), ("dev_scratch", ulong, 0, None)]);
    let chain = w.structure(
        "",
        24,
        &[("next", void_p, 0, None), ("prev", void_p, 64, None), ("", device, 128, None)],
    );
    let place = w.union(
        "",
        24,
        &[("", chain, 0, None), ("list", node, 0, None), ("ll_node", void_p, 0, None)],
    );
    let users = w.volatile(int);
    let of_user = w.tagged("user", u8);
    let of_user = w.pointer(of_user);
    let data = w.array(u8, 0);
    let skb = w.structure(
        "sk_buff",
        64,
        &[
            ("", place, 0, None),
            ("len", uint, 192, None),
            ("cloned", u8, 224, Some(1)),
            ("fclone", u8, 225, Some(2)),
            ("pkt_type", u8, 227, Some(3)),
            ("state", state, 256, Some(2)),
            ("depth", int, 258, Some(30)),
            ("stamp", ulong, 288, Some(48)),
            ("released", bool, 336, Some(1)),
            ("users", users, 352, None),
            ("head", of_user, 384, None),
            ("data", data, 512, None),
        ],
    );
    w.pointer(skb)
}

/// A module of the fixture's kernel.
pub fn module() -> Vec<u8> {
    let (kernel, [int, ulong, seq_file_p]) = types();
    let mut w = BtfWriter::continuing(&kernel);
    let stats =
        w.structure("dummy_stats", 16, &[("packets", ulong, 0, None), ("bytes", ulong, 64, None)]);
    let stats_p = w.pointer(stats);
    w.function("dummy_get_stats", int, &[("m", seq_file_p), ("stats", stats_p)]);
    w.function("dummy_helper", int, &[("value", int)]);
    w.function("dummy_show", int, &[("m", seq_file_p)]);
    w.function("dummy_setup", int, &[("m", seq_file_p)]);
    w.function("dummy_init", int, &[]);
    crate::module::write(&w.finish_with_layout())
}

/// The livepatch structs, with the sizes and offsets of Linux 7.3.
fn klp(w: &mut BtfWriter, [int, uint, ulong, bool, const_char_p, void_p]: [u32; 6]) {
    w.enumeration("mod_mem_type", &[("MOD_TEXT", 0), ("MOD_DATA", 1), ("MOD_RODATA", 2)]);
    let memory =
        w.structure("module_memory", 16, &[("base", void_p, 0, None), ("size", uint, 64, None)]);
    let memories = w.array(memory, 3);
    let module = w.structure("module", 64, &[("mem", memories, 128, None)]);
    let module_p = w.pointer(module);
    // A callback takes the object that holds it: `klp_object` is the ninth type from here.
    let object_ahead = w.next() + 8;
    let object_p = w.pointer(object_ahead);
    let pre = w.prototype(int, &[("obj", object_p)]);
    let other = w.prototype(VOID, &[("obj", object_p)]);
    let (pre, other) = (w.pointer(pre), w.pointer(other));
    let callbacks = w.structure(
        "klp_callbacks",
        40,
        &[
            ("pre_patch", pre, 0, None),
            ("post_patch", other, 64, None),
            ("pre_unpatch", other, 128, None),
            ("post_unpatch", other, 192, None),
            ("post_unpatch_enabled", bool, 256, None),
        ],
    );
    let func = w.structure(
        "klp_func",
        152,
        &[
            ("old_name", const_char_p, 0, None),
            ("new_func", void_p, 64, None),
            ("old_sympos", ulong, 128, None),
            ("old_func", void_p, 192, None),
            ("old_size", ulong, 1024, None),
            ("new_size", ulong, 1088, None),
        ],
    );
    let func_p = w.pointer(func);
    let object = w.structure(
        "klp_object",
        168,
        &[
            ("name", const_char_p, 0, None),
            ("funcs", func_p, 64, None),
            ("callbacks", callbacks, 128, None),
            ("mod", module_p, 1216, None),
        ],
    );
    assert_eq!(object, object_ahead);
    let object_p = w.pointer(object);
    w.structure(
        "klp_patch",
        200,
        &[
            ("mod", module_p, 0, None),
            ("objs", object_p, 64, None),
            ("states", void_p, 128, None),
            ("replace", bool, 192, None),
            ("forced", bool, 1032, None),
        ],
    );
    w.structure(
        "klp_state",
        24,
        &[("id", ulong, 0, None), ("version", uint, 64, None), ("data", void_p, 128, None)],
    );
}

/// The structs of parameters, with the sizes and offsets of Linux 7.3.
fn parameters(w: &mut BtfWriter, [uint, const_char_p, void_p]: [u32; 3]) {
    let ops = w.forward("kernel_param_ops");
    let ops = w.constant(ops);
    let ops_p = w.pointer(ops);
    let uint_p = w.pointer(uint);
    let short = w.int("short unsigned int", 2, false);
    let byte = w.int("unsigned char", 1, false);
    let signed_byte = w.int("signed char", 1, true);
    let array = w.structure(
        "kparam_array",
        32,
        &[
            ("max", uint, 0, None),
            ("elemsize", uint, 32, None),
            ("num", uint_p, 64, None),
            ("ops", ops_p, 128, None),
            ("elem", void_p, 192, None),
        ],
    );
    let array_p = w.pointer(array);
    let arg = w.union("", 8, &[("arg", void_p, 0, None), ("arr", array_p, 0, None)]);
    w.structure(
        "kernel_param",
        40,
        &[
            ("name", const_char_p, 0, None),
            ("mod", void_p, 64, None),
            ("ops", ops_p, 128, None),
            ("perm", short, 192, None),
            ("level", signed_byte, 208, None),
            ("flags", byte, 216, None),
            ("", arg, 256, None),
        ],
    );
}
