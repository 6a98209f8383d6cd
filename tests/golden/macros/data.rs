//! Data that outlives functions: `shadow`, `state`.

use kps::prelude::*;

/// Data that outlives functions.
#[livepatch(license = "GPL", family = golden)]
mod data {
    struct Seen {
        parent: usize,
        times: AtomicU32,
    }

    static GONE: AtomicU32 = AtomicU32::new(0);

    #[symbols(vmlinux)]
    extern "C" {
        static console_printk: [c_int; 4];
    }

    #[state(id = 1, version = 2)]
    static level: State<c_int> = State {
        save: || console_printk[0],
        apply: |saved| {
            if saved < 7 {
                console_printk[0] = 7;
            }
        },
        restore: |saved| {
            console_printk[0] = saved;
        },
    };

    #[shadow(on = seq_file, untied)]
    static looks: Shadow<AtomicU32> = Shadow::new(AtomicU32::new(0));

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

    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn count(m: *mut seq_file, v: *mut c_void, ret: c_int) {
        if let Some(n) = looks.get_or_init(m, GFP_KERNEL) {
            n.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[pre_patch(vmlinux)]
    unsafe fn may_begin() -> c_int {
        if level.taken_over() {
            0
        } else {
            -EINVAL
        }
    }
}
