// SPDX-License-Identifier: GPL-2.0
//! `#[state(id = N)] static NAME: State<TYPE> = State { .. };`: a change of the system that one
//! version of a patch hands to the next.

use crate::args::unknown;
use crate::Reader;
use kps_ast::State;
use syn::{Attribute, ItemStatic};

const FORM: &str = "`#[state(id = 1)]` or `#[state(id = 1, version = 2)]`";
const VALUE: &str =
    "write `State { save: || { .. }, apply: |saved| { .. }, restore: |saved| { .. } }`";

impl Reader<'_> {
    pub(crate) fn state(&mut self, attribute: &Attribute, item: &ItemStatic) {
        let arguments = self.arguments("state", attribute, FORM, |args| {
            let (mut id, mut version) = (None, None);
            args.each(
                |_| false,
                |args, word| {
                    match word.to_string().as_str() {
                        "id" => id = Some(args.number()?),
                        "version" => version = Some(args.number()?),
                        _ => return Err(unknown(word)),
                    }
                    Ok(())
                },
            )?;
            let id = id.ok_or_else(|| args.input.error("`id = NUMBER` is missing"))?;
            Ok((id, version))
        });
        let Some((id, version)) = arguments else { return };
        let Some(ty) = self.inner_type("State", item) else { return };
        let Some([save, apply, restore]) =
            self.fields("State", item, ["save", "apply", "restore"], VALUE)
        else {
            return;
        };
        let save = save.map(|value| self.closure("save", value, 0, VALUE));
        let apply = apply.map(|value| self.closure("apply", value, 1, VALUE));
        let restore = restore.map(|value| self.closure("restore", value, 1, VALUE));
        if [&save, &apply, &restore].into_iter().flatten().any(Option::is_none) {
            return;
        }
        let name = self.name(&item.ident);
        self.patch.states.push(State {
            name,
            id: Some(id),
            version,
            ty,
            save: save.flatten(),
            apply: apply.flatten(),
            restore: restore.flatten(),
        });
    }
}
