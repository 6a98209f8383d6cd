// SPDX-License-Identifier: GPL-2.0
//! `#[resource] static NAME: Resource<TYPE> = Resource { .. };`: what a patch sets up for itself.

use crate::Reader;
use kps_ast::Resource;
use syn::{Attribute, ItemStatic};

const FORM: &str = "`#[resource]` without arguments";
const VALUE: &str =
    "write `Resource { acquire: || { .. }, release: |value| { .. } }`, and `adopt: |value| { .. }` if the next version takes the value over";

impl Reader<'_> {
    pub(crate) fn resource(&mut self, attribute: &Attribute, item: &ItemStatic) {
        if let Err(error) = attribute.meta.require_path_only() {
            return self.refuse_arguments("resource", &error, FORM);
        }
        let Some(ty) = self.inner_type("Resource", item) else { return };
        let Some([acquire, release, adopt]) =
            self.fields("Resource", item, ["acquire", "release", "adopt"], VALUE)
        else {
            return;
        };
        let acquire = acquire.map(|value| self.closure("acquire", value, 0, VALUE));
        let release = release.map(|value| self.closure("release", value, 1, VALUE));
        let adopt = adopt.map(|value| self.closure("adopt", value, 1, VALUE));
        if [&acquire, &release, &adopt].into_iter().flatten().any(Option::is_none) {
            return;
        }
        let name = self.name(&item.ident);
        self.patch.resources.push(Resource {
            name,
            ty,
            acquire: acquire.flatten(),
            release: release.flatten(),
            adopt: adopt.flatten(),
        });
    }
}
