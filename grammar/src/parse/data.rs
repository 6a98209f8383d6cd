//! Data that outlives functions: `state` and `shadow`.

use super::{Seen, SpecParser};
use crate::ast::{Bound, Code, Lifetime, Shadow, State};
use crate::head::Rule;
use crate::scan::{Level, RawItem};
use crate::Span;

pub(crate) const STATE: Level = Level { statements: &[], blocks: &["save", "apply", "restore"], others: &[] };
pub(crate) const SHADOW: Level = Level { statements: &[], blocks: &["ctor", "dtor"], others: &[] };

/// How many names each of the words gives to its body.
const NAMES: [(&str, usize); 5] = [("save", 0), ("apply", 1), ("restore", 1), ("ctor", 2), ("dtor", 1)];

impl SpecParser<'_> {
    pub(super) fn state(&mut self, item: &RawItem) -> Option<State> {
        let head = self.head(Rule::state, item);
        let block = self.block(item)?;
        let [save, apply, restore] = self.bound_bodies(block, &STATE, ["save", "apply", "restore"]);
        let head = head?;
        let (id, version, ty) = (head.state_id(), head.state_version(), head.code(Rule::type_text)?);
        Some(State { name: head.name(), id, version, ty, save, apply, restore })
    }

    pub(super) fn shadow(&mut self, item: &RawItem) -> Option<Shadow> {
        let head = self.head(Rule::shadow, item);
        let [ctor, dtor] = match item.block {
            Some(block) => self.bound_bodies(block, &SHADOW, ["ctor", "dtor"]),
            None => [None, None],
        };
        let head = head?;
        let lifetime = match head.tie() {
            Some(tie) => Some(Lifetime::FreedBy(tie)),
            None => head.find(Rule::kw_untied).map(|_| Lifetime::Untied),
        };
        let (ty, init) = (head.code(Rule::shadow_type)?, head.code(Rule::init)?);
        Some(Shadow { name: head.name(), ty, parent: head.parent()?, init, lifetime, ctor, dtor })
    }

    /// The bodies of a block, by their words.
    fn bound_bodies<const N: usize>(
        &mut self,
        block: Span,
        level: &'static Level,
        words: [&str; N],
    ) -> [Option<Bound>; N] {
        let mut bodies = [const { None }; N];
        let mut seen = Seen::default();
        for item in self.items(block, level) {
            let word = self.word(&item);
            let Some(n) = words.iter().position(|known| *known == word) else {
                self.unknown(word, level.blocks, &item);
                continue;
            };
            let head = self.head(Rule::bound, &item);
            let (Some(head), Some(block)) = (head, self.block(&item)) else { continue };
            let names = head.bound_names();
            let wanted = NAMES.iter().find(|(known, _)| *known == word).map_or(0, |(_, count)| *count);
            if names.len() != wanted {
                let expected = match wanted {
                    0 => format!("`{word} {{ .. }}`, which is given nothing"),
                    1 => format!("`{word}(NAME) {{ .. }}`, a name for what it is given"),
                    _ => format!("`{word}(NAME, NAME) {{ .. }}`, names for what it is given"),
                };
                self.expected(&expected, &item);
            } else if self.once(&mut seen, &item) {
                bodies[n] = Some(Bound { word: item.head, names, code: Code { span: block } });
            }
        }
        bodies
    }
}
