//! What the kernel calls when it patches: `pre_patch`, `post_patch`, `pre_unpatch`, `post_unpatch`.

use kps::prelude::*;

/// Callbacks alone.
#[livepatch(license = "GPL", atomic_replace)]
mod callbacks {
    #[pre_patch(vmlinux)]
    unsafe fn may_begin(obj: *mut klp_object) -> c_int {
        pr_info!("about to begin, {}\n", obj.is_null());
        0
    }

    #[post_patch(vmlinux)]
    unsafe fn begun() {
        pr_info!("begun\n");
    }

    #[pre_unpatch(vmlinux)]
    unsafe fn ends(_obj: *mut klp_object) {
        pr_info!("ends\n");
    }

    #[post_unpatch(vmlinux)]
    unsafe fn ended() {
        pr_info!("ended\n");
    }
}
