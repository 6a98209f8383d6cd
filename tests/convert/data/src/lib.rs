//! The livepatch `data`.

use kps::prelude::*;

/// Data that outlives functions: a state, and shadow variables with all that can be said of them.
#[livepatch(license = "GPL", family = golden)]
mod data {
    struct Seen {
        parent: usize,
        times: AtomicU32,
    }

    static GONE: AtomicU32 = AtomicU32::new(0);

    // Bodies of data see macros, too.
    macro_rules! is_low { ($level:expr) => { $level < 7 }; }

    #[state(id = 1, version = 2)]
    static loglevel: State<c_int> = State {
        save: || { console_printk[0] },
        apply: |saved| {
            if is_low!(saved) { console_printk[0] = 7; }
        },
        restore: |saved| {
            console_printk[0] = saved;
        },
    };

    #[shadow(on = seq_file, untied)]
    static looks: Shadow<AtomicU32> = Shadow {
        init: AtomicU32::new(0),
    };

    #[shadow(on = sk_buff, freed_by = vmlinux::netif_rx(skb))]
    static seen: Shadow<Seen> = Shadow {
        init: Seen { parent: 0, times: AtomicU32::new(0) },
        ctor: |parent, data| {
            (*data).parent = parent as usize;
        },
        dtor: |data| {
            GONE.fetch_add((*data).times.load(Ordering::Relaxed), Ordering::Relaxed);
        },
    };

    #[symbols(vmlinux)]
    extern "C" {
        static console_printk: [c_int; 4];
    }

    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn post_cmdline_proc_show(m: *mut seq_file, v: *mut c_void, ret: c_int) {
        if let Some(n) = looks.get_or_init(m, GFP_KERNEL) { n.fetch_add(1, Ordering::Relaxed); }
    }

    #[pre_patch(vmlinux)]
    unsafe fn pre_patch() -> c_int {
        if loglevel.taken_over() { 0 } else { -EINVAL }
    }
}
