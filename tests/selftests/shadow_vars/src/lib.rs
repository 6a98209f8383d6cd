// SPDX-License-Identifier: GPL-2.0
//! The module that `test-shadow-vars.sh` of the kernel's livepatch selftests loads: every shadow
//! function, called and logged.
//!
//! It is no livepatch. It shows what [`kps::klp`] offers to a module written by hand, and does so
//! on the host too.
#![cfg_attr(not(kps_kernel), no_std)]

mod pointers;

use core::cell::Cell;
use core::ptr::NonNull;
use kps::klp::ShadowId;
use kps::prelude::*;
use pointers::number;

#[cfg(kps_kernel)]
kernel::prelude::module! {
    type: Module,
    name: "test_klp_shadow_vars",
    description: "Calls every function for shadow variables and logs what it gives",
    license: "GPL",
}

#[cfg(kps_kernel)]
struct Module;

#[cfg(kps_kernel)]
impl kernel::Module for Module {
    fn init(_: &'static kernel::ThisModule) -> kernel::error::Result<Self> {
        kernel::error::to_result(test().err().unwrap_or(0))?;
        Ok(Module)
    }
}

/// All data of this module is a pointer.
type Data = *const c_void;

// SAFETY: no other module of the selftests has shadow data, and here it is of this type.
const ID_1: ShadowId<Data> = unsafe { ShadowId::new(0x1234) };
// SAFETY: as above.
const ID_2: ShadowId<Data> = unsafe { ShadowId::new(0x1235) };

/// An object that gets two shadow variables, with what they are to point to.
#[derive(Default)]
struct Object {
    /// Its address is the object's.
    own: c_long,
    first: Field<c_char>,
    second: Field<c_int>,
}

/// What a shadow variable points to, and where the variable is.
#[derive(Default)]
struct Field<T> {
    target: T,
    shadow: Cell<Option<NonNull<Data>>>,
}

impl<T> Field<T> {
    fn value(&self) -> Data {
        addr_of!(self.target).cast()
    }

    /// Says so if data that was found is the data that was made, and has its value.
    fn expect(&self, found: Option<NonNull<Data>>) -> Result<(), c_int> {
        let found = found.ok_or(-EINVAL)?;
        // SAFETY: nobody frees the data before the test does.
        let value = unsafe { found.read() };
        if self.shadow.get() == Some(found) && value == self.value() {
            pr_info!(
                "  got expected PTR{} -> PTR{} result\n",
                number(found.as_ptr()),
                number(value)
            );
        }
        Ok(())
    }
}

/// The test, which leaves no data however it ends. An error is a number as C returns it.
pub fn test() -> Result<(), c_int> {
    let objects: [Object; 3] = Default::default();
    number(null::<c_void>());
    let result = passes(&objects);
    if result.is_err() {
        // SAFETY: the objects are this function's.
        unsafe {
            ID_1.free_all();
            ID_2.free_all();
        }
    }
    result
}

fn passes(objects: &[Object; 3]) -> Result<(), c_int> {
    // Nobody has data yet.
    expect_none(get(&objects[0], ID_1));

    // Every object gets a pair, and in one of two ways.
    for (n, object) in objects.iter().enumerate() {
        number(object.first.value());
        let make = if n % 2 == 1 { alloc } else { get_or_alloc };
        object.first.shadow.set(Some(make(object, ID_1, object.first.value()).ok_or(-ENOMEM)?));
        number(object.second.value());
        object.second.shadow.set(Some(alloc(object, ID_2, object.second.value()).ok_or(-ENOMEM)?));
    }

    // All of it is found.
    for object in objects {
        object.first.expect(get(object, ID_1))?;
        object.second.expect(get(object, ID_2))?;
    }

    // What is there is not made again.
    for object in objects {
        object.first.expect(get_or_alloc(object, ID_1, object.first.value()))?;
    }

    // The first of each pair goes, and the second stays.
    for object in objects {
        free(object, ID_1);
        expect_none(get(object, ID_1));
    }
    for object in objects {
        object.second.expect(get(object, ID_2))?;
    }

    // The others go all at once.
    free_all(ID_2);
    objects.iter().for_each(|object| expect_none(get(object, ID_2)));
    Ok(())
}

fn expect_none(found: Option<NonNull<Data>>) {
    if found.is_none() {
        pr_info!("  got expected NULL result\n");
    }
}

fn get(object: &Object, id: ShadowId<Data>) -> Option<NonNull<Data>> {
    let found = id.get(&object.own);
    let (of, data) = (number(&object.own), number(pointer(found)));
    pr_info!("klp_shadow_get(obj=PTR{}, id={:#x}) = PTR{}\n", of, id.id(), data);
    found
}

fn alloc(object: &Object, id: ShadowId<Data>, value: Data) -> Option<NonNull<Data>> {
    let data = id.alloc(&object.own, GFP_KERNEL, |data| construct(data, value));
    log_alloc("klp_shadow_alloc", object, id, value, data);
    data
}

fn get_or_alloc(object: &Object, id: ShadowId<Data>, value: Data) -> Option<NonNull<Data>> {
    let data = id.get_or_alloc(&object.own, GFP_KERNEL, |data| construct(data, value));
    log_alloc("klp_shadow_get_or_alloc", object, id, value, data);
    data
}

fn log_alloc(
    call: &str,
    object: &Object,
    id: ShadowId<Data>,
    value: Data,
    data: Option<NonNull<Data>>,
) {
    let (of, ctor) = (number(&object.own), number(construct as *const ()));
    let (value, data) = (number(value), number(pointer(data)));
    pr_info!(
        "{}(obj=PTR{}, id={:#x}, size={:x}, gfp_flags=GFP_KERNEL), ctor=PTR{}, ctor_data=PTR{} = PTR{}\n",
        call,
        of,
        id.id(),
        size_of::<Data>(),
        ctor,
        value,
        data
    );
}

fn free(object: &Object, id: ShadowId<Data>) {
    // SAFETY: what pointed to the data is compared with and no more.
    unsafe { id.free_with(&object.own, destroy) };
    let (of, dtor) = (number(&object.own), number(destroy as *const ()));
    pr_info!("klp_shadow_free(obj=PTR{}, id={:#x}, dtor=PTR{})\n", of, id.id(), dtor);
}

fn free_all(id: ShadowId<Data>) {
    // SAFETY: as in `free`.
    unsafe { id.free_all() };
    pr_info!("klp_shadow_free_all(id={:#x}, dtor=PTR{})\n", id.id(), number(null::<c_void>()));
}

/// The value of new data.
fn construct(data: NonNull<Data>, value: Data) -> Result<Data, c_int> {
    if value.is_null() {
        return Err(-EINVAL);
    }
    pr_info!("shadow_ctor: PTR{} -> PTR{}\n", number(data.as_ptr()), number(value));
    Ok(value)
}

/// Sees data that goes.
fn destroy(object: *mut c_long, data: NonNull<Data>) {
    pr_info!("shadow_dtor(obj=PTR{}, shadow_data=PTR{})\n", number(object), number(data.as_ptr()));
}

fn pointer(data: Option<NonNull<Data>>) -> *const Data {
    data.map_or(null(), |data| data.as_ptr())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_test_passes_on_the_host() {
        assert_eq!(super::test(), Ok(()));
    }
}
