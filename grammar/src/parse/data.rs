// SPDX-License-Identifier: GPL-2.0
//! Data that outlives functions: `state` and `shadow`; and `resource`.

use super::{Seen, SpecParser};
use crate::ast::{
    BodyWithParams, Code, Level, Lifetime, Resource, ResourceItem, Shadow, ShadowItem, State,
    StateItem,
};
use crate::head::Rule;
use crate::scan::RawItem;
use crate::Span;

impl SpecParser<'_> {
    pub(super) fn state(&mut self, item: &RawItem) -> Option<State> {
        let head = self.head(Rule::state, item);
        let block = self.block(item)?;
        let names = |item| match item {
            StateItem::Save => 0,
            StateItem::Apply | StateItem::Restore => 1,
        };
        let (mut save, mut apply, mut restore) = (None, None, None);
        for (item, bound) in self.bound_bodies(block, Level::State, StateItem::of, names) {
            match item {
                StateItem::Save => save = Some(bound),
                StateItem::Apply => apply = Some(bound),
                StateItem::Restore => restore = Some(bound),
            }
        }
        let head = head?;
        let (id, version, ty) =
            (head.state_id(), head.state_version(), head.code(Rule::type_text)?);
        Some(State { name: head.name(), id, version, ty, save, apply, restore })
    }

    pub(super) fn shadow(&mut self, item: &RawItem) -> Option<Shadow> {
        let head = self.head(Rule::shadow, item);
        let names = |item| match item {
            ShadowItem::Ctor => 2,
            ShadowItem::Dtor => 1,
        };
        let (mut ctor, mut dtor) = (None, None);
        let bodies =
            item.block.map(|block| self.bound_bodies(block, Level::Shadow, ShadowItem::of, names));
        for (item, bound) in bodies.into_iter().flatten() {
            match item {
                ShadowItem::Ctor => ctor = Some(bound),
                ShadowItem::Dtor => dtor = Some(bound),
            }
        }
        let head = head?;
        let lifetime = match head.tie() {
            Some(tie) => Some(Lifetime::FreedBy(tie)),
            None => head.find(Rule::kw_untied).map(|_| Lifetime::Untied),
        };
        let (ty, init) = (head.code(Rule::shadow_type)?, head.code(Rule::init)?);
        Some(Shadow { name: head.name(), ty, parent: head.parent()?, init, lifetime, ctor, dtor })
    }

    pub(super) fn resource(&mut self, item: &RawItem) -> Option<Resource> {
        let head = self.head(Rule::resource, item);
        let block = self.block(item)?;
        let names = |item| match item {
            ResourceItem::Acquire => 0,
            ResourceItem::Release | ResourceItem::Adopt => 1,
        };
        let (mut acquire, mut release, mut adopt) = (None, None, None);
        for (item, bound) in self.bound_bodies(block, Level::Resource, ResourceItem::of, names) {
            match item {
                ResourceItem::Acquire => acquire = Some(bound),
                ResourceItem::Release => release = Some(bound),
                ResourceItem::Adopt => adopt = Some(bound),
            }
        }
        let head = head?;
        Some(Resource {
            name: head.name(),
            ty: head.code(Rule::type_text)?,
            acquire,
            release,
            adopt,
        })
    }

    /// The bodies of a block; each binds its arguments to `names` names.
    fn bound_bodies<T: Copy>(
        &mut self,
        block: Span,
        level: Level,
        of: fn(&str) -> Option<T>,
        names: impl Fn(T) -> usize,
    ) -> Vec<(T, BodyWithParams)> {
        let mut bodies = Vec::new();
        let mut seen = Seen::default();
        for item in self.items(block, level) {
            let word = self.word(&item);
            let Some(construct) = of(word) else {
                self.unknown(level, &item);
                continue;
            };
            let head = self.head(Rule::bound, &item);
            let (Some(head), Some(block)) = (head, self.block(&item)) else { continue };
            let (given, wanted) = (head.bound_names(), names(construct));
            if given.len() != wanted {
                let expected = match wanted {
                    0 => format!("`{word} {{ .. }}` without parameters"),
                    1 => format!("`{word}(NAME) {{ .. }}` with one parameter"),
                    _ => format!("`{word}(NAME, NAME) {{ .. }}` with two parameters"),
                };
                self.expected(&expected, &item);
            } else if self.once(&mut seen, &item) {
                bodies.push((
                    construct,
                    BodyWithParams { word: item.head, names: given, code: Code { span: block } },
                ));
            }
        }
        bodies
    }
}
