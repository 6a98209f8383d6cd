// SPDX-License-Identifier: GPL-2.0
//! Functions of a module whose addresses something outside of the module keeps: a timer, a thread,
//! a table of operations. It may call them when the module is gone.
//!
//! Most functions that take the address of another one call it before they return: `sort()` and its
//! comparison, for example. So only those count that are known to keep it, and stores to memory
//! that is neither on the stack nor the module's own.

use super::object_file::{Address, Defined, ObjectFile, Use};
use super::KlpName;
use kps_arch::AddressUse;
use kps_plan::{Keeper, PLACEHOLDER};
use std::collections::BTreeMap;

/// The address of a function that leaves its module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escape {
    /// The symbol of the function.
    pub function: String,
    /// The code that gives it away.
    pub at: Address,
    /// The function that keeps it; `None` if it is stored in memory.
    pub keeper: Option<String>,
}

/// The addresses that leave an object, in the order of its code.
pub fn escapes(object: &ObjectFile<'_>) -> Vec<Escape> {
    let symbols = Symbols::of(object);
    let kept = symbols.carriers(object);
    let function = |used: &Use<'_>| kept.get(&symbols.at(used.target?)?.at).copied();
    let mut found = Vec::new();
    for used in object.uses().filter(|used| used.in_code) {
        let Some(function) = function(used) else { continue };
        let keeper = match object.address_use(used.at) {
            AddressUse::Branch | AddressUse::StoreToStack => continue,
            AddressUse::Store if symbols.is_own_store(object, used) => continue,
            AddressUse::Store => None,
            AddressUse::Value => {
                match callee(object, used).filter(|name| Keeper::named(name).is_some()) {
                    Some(name) => Some(name.to_owned()),
                    None => continue,
                }
            }
        };
        found.push(Escape { function: function.to_owned(), at: used.at, keeper });
    }
    found
}

/// The functions and variables of an object, by address.
struct Symbols<'o, 'd>(BTreeMap<Address, &'o Defined<'d>>);

impl<'o, 'd> Symbols<'o, 'd> {
    fn of(object: &'o ObjectFile<'d>) -> Self {
        Symbols(object.symbols().map(|symbol| (symbol.at, symbol)).collect())
    }

    /// The one that contains an address.
    fn at(&self, at: Address) -> Option<&'o Defined<'d>> {
        let (_, symbol) = self.0.range(..=at).next_back()?;
        (at - symbol.at < symbol.size.max(1)).then_some(*symbol)
    }

    /// Each function, and each variable that contains the address of one, with that function.
    fn carriers(&self, object: &ObjectFile<'d>) -> BTreeMap<Address, &'d str> {
        let mut carriers: BTreeMap<Address, &'d str> =
            self.0.values().filter(|s| s.is_function).map(|s| (s.at, s.name)).collect();
        let holds: Vec<(Address, Address)> =
            object.uses().filter_map(|used| self.held(object, used)).collect();
        loop {
            let new: BTreeMap<Address, &'d str> = holds
                .iter()
                .filter(|(holder, _)| !carriers.contains_key(holder))
                .filter_map(|(holder, held)| Some((*holder, *carriers.get(held)?)))
                .collect();
            if new.is_empty() {
                return carriers;
            }
            carriers.extend(new);
        }
    }

    /// A variable that holds the address of something, from the start or since code has stored it.
    fn held(&self, object: &ObjectFile<'d>, used: &Use<'d>) -> Option<(Address, Address)> {
        let held = self.at(used.target?)?.at;
        let holder = match used.in_code {
            false => self.at(used.at)?,
            true if object.address_use(used.at) == AddressUse::Store => self.own(object, used)?,
            true => return None,
        };
        (!holder.is_function).then_some((holder.at, held))
    }

    /// The variable of the object that an instruction stores to.
    fn own(&self, object: &ObjectFile<'d>, used: &Use<'d>) -> Option<&'o Defined<'d>> {
        self.at(object.destination(used.at)?)
    }

    fn is_own_store(&self, object: &ObjectFile<'d>, used: &Use<'d>) -> bool {
        self.own(object, used).is_some()
    }
}

/// The function that is called next, as far as calls have relocations: those within a section have
/// none. Compilers load arguments just before the call.
fn callee<'d>(object: &ObjectFile<'d>, used: &Use<'d>) -> Option<&'d str> {
    let function = object.function_at(used.at);
    let mut behind = object
        .uses_from(used.at + 1)
        .take_while(|next| next.in_code && object.function_at(next.at) == function);
    let call = behind.find(|next| object.address_use(next.at) == AddressUse::Branch)?;
    let klp = call.symbol.strip_prefix(PLACEHOLDER).and_then(KlpName::parse);
    Some(klp.map_or(call.symbol, |klp| klp.name))
}
